// Requests to the server. Every failure is thrown as an error with a one-line message.

export async function request(path, options) {
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

// The folder that is open for labeling and training: `folder` of the server's answers; null is the one opened last.
let folder = null;

export const setFolder = (path) => (folder = path);

// Add the open folder to a path.
export function inFolder(path) {
  if (folder === null) return path;
  return `${path}${path.includes("?") ? "&" : "?"}folder=${encodeURIComponent(folder)}`;
}

export const getTraining = () => request(inFolder("/v1/train"));

export const startTraining = (minutes, model, name = "") =>
  request(inFolder(`/v1/train?minutes=${minutes}&model=${encodeURIComponent(model)}&name=${encodeURIComponent(name)}`), { method: "POST" });

export const getComparison = () => request(inFolder("/v1/train/comparison"));

export const reportUrl = () => inFolder("/v1/train/report");

export const stopTraining = () => request(inFolder("/v1/train/stop"), { method: "POST" });

export const resumeTraining = () => request(inFolder("/v1/train/resume"), { method: "POST" });
