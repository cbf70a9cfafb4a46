// Requests to the server. Every failure is thrown as an error with a one-line message.

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("the server does not respond; check that it is still running");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.error ?? `the server returned status ${response.status}`), { status: response.status });
  return body;
}

export const getStudio = () => request("/v1/studio");

export const getModels = () => request("/v1/models");

// With `measure`, the faces have measurements.
export function predict(image, model, measure) {
  return request(`/v1/predict?model=${encodeURIComponent(model)}&measure=${measure}`, { method: "POST", body: image });
}

export function match(imageA, imageB, model) {
  const form = new FormData();
  form.append("a", imageA);
  form.append("b", imageB);
  return request(`/v1/match?model=${encodeURIComponent(model)}`, { method: "POST", body: form });
}

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
