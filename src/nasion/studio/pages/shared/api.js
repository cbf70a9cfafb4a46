// Requests to the server. Every failure is thrown as an error with a one-line message.

async function send(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("the server does not respond; check that it is still running");
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  throw Object.assign(new Error(error ?? `the server returned status ${response.status}`), { status: response.status });
}

export const request = async (path, options) => (await send(path, options)).json();

// Return an answer as a file: { blob, name }.
async function requestFile(path, options) {
  const response = await send(path, options);
  const [, encoded, plain] = /filename(?:\*=UTF-8''([^;]+)|="([^"]+)")/.exec(response.headers.get("content-disposition") ?? "") ?? [];
  return { blob: await response.blob(), name: encoded ? decodeURIComponent(encoded) : (plain ?? path.split("/").at(-1)) };
}

export const getStudio = () => request("/v1/studio");

export const getModels = () => request("/v1/models");

// With `measure`, the faces have measurements.
export function predict(image, model, measure) {
  return request(`/v1/predict?model=${encodeURIComponent(model)}&measure=${measure}`, { method: "POST", body: image });
}

// `faces` are the numbers of the chosen faces in A and B; null chooses the largest.
function matchRequest(files, model, faces) {
  const form = new FormData();
  form.append("a", files.a);
  form.append("b", files.b);
  const chosen = ["a", "b"].filter((side) => faces[side] !== null).map((side) => `&face_${side}=${faces[side]}`);
  return [`?model=${encodeURIComponent(model)}${chosen.join("")}`, { method: "POST", body: form }];
}

export function match(files, model, faces) {
  const [query, options] = matchRequest(files, model, faces);
  return request(`/v1/match${query}`, options);
}

// `kind` is "image", "gif" or "json".
export function matchFile(kind, files, model, faces) {
  const [query, options] = matchRequest(files, model, faces);
  return requestFile(`/v1/match/${kind}${query}`, options);
}

// Return images with their predicted faces as a file; `form` is "json", "csv", "coco", "pts" or "zip".
export function exportFaces(form, images, model) {
  const options = { method: "POST", body: JSON.stringify({ images }), headers: { "content-type": "application/json" } };
  return requestFile(`/v1/export/${form}?model=${encodeURIComponent(model)}`, options);
}

export function sendClip(file, model, smooth, signal) {
  return request(`/v1/video?model=${encodeURIComponent(model)}&smooth=${smooth}`, { method: "POST", body: file, signal });
}

export const getClip = (name) => request(`/v1/video/${name}`);

export const getClipFile = (name, file) => requestFile(`/v1/video/${name}/${file}`);

// With `keepalive`, the browser sends the request although the page is being closed.
export const removeClip = (name) => request(`/v1/video/${name}`, { method: "DELETE", keepalive: true });

export const getAlbum = () => request("/v1/album");

export const getFace = (id, model) => request(`/v1/album/${id}?model=${encodeURIComponent(model)}`);

// `seen` is the version of the labels that the user started from; the server rejects the request if it has changed.
export function saveFace(id, keypoints, seen) {
  const body = JSON.stringify({ keypoints, seen, done: true });
  return request(`/v1/album/${id}`, { method: "PUT", body, headers: { "content-type": "application/json" } });
}

export const getTraining = () => request("/v1/train");

export const startTraining = (minutes, model) =>
  request(`/v1/train?minutes=${minutes}&model=${encodeURIComponent(model)}`, { method: "POST" });

export const stopTraining = () => request("/v1/train/stop", { method: "POST" });

export const resumeTraining = () => request("/v1/train/resume", { method: "POST" });
