// What is asked of the server; every failure becomes one line.

async function answer(response) {
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw Object.assign(new Error(body.error ?? `the server answered ${response.status}`), { status: response.status });
  return body;
}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("the server does not answer; is it still running?");
  }
  return answer(response);
}

export const rooms = () => ask("/v1/studio");

export const album = () => ask("/v1/album");

export const face = (id, model) => ask(`/v1/album/${id}?model=${encodeURIComponent(model)}`);

export function saveFace(id, keypoints, seen) {
  const body = JSON.stringify({ keypoints, seen, done: true });
  return ask(`/v1/album/${id}`, { method: "PUT", body, headers: { "content-type": "application/json" } });
}

export const training = () => ask("/v1/train");

export const train = (minutes, model) => ask(`/v1/train?minutes=${minutes}&model=${encodeURIComponent(model)}`, { method: "POST" });

export const trainStop = () => ask("/v1/train/stop", { method: "POST" });

export const trainOn = () => ask("/v1/train/go_on", { method: "POST" });

export const models = () => ask("/v1/models");

export function predict(picture, model) {
  return ask(`/v1/predict?model=${encodeURIComponent(model)}`, { method: "POST", body: picture });
}

export function match(a, b, model) {
  const form = new FormData();
  form.append("a", a);
  form.append("b", b);
  return ask(`/v1/match?model=${encodeURIComponent(model)}`, { method: "POST", body: form });
}
