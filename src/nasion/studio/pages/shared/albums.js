// Requests about folders that are open for labeling.

import { inFolder, request } from "./api.js";

const asJson = (method, value) => ({ method, body: JSON.stringify(value), headers: { "content-type": "application/json" } });
const image = (id) => `/v1/album/images/${id}`;
const ofModel = (model) => `model=${encodeURIComponent(model)}`;

// With `since`, only the images that have changed after that answer.
export const getAlbum = (since) => request(inFolder(since === undefined ? "/v1/album" : `/v1/album?since=${since}`));

export const getImage = (id, model) => request(inFolder(`${image(id)}?${ofModel(model)}`));

// `update` has name, faces, seen, state and changed. With `leaving`, the request outlives the page.
export const saveImage = (id, update, leaving = false) => request(inFolder(image(id)), { ...asJson("PUT", update), keepalive: leaving });

export const acceptImage = (id, model) => request(inFolder(`${image(id)}/accept?${ofModel(model)}`), { method: "POST" });

export const getHistory = (id) => request(inFolder(`${image(id)}/history`));

export const placeFace = (id, box, model) => request(inFolder(`${image(id)}/place?${ofModel(model)}`), asJson("POST", { box }));

export const getLandmarks = (id) => request(inFolder(`${image(id)}/landmarks`));

export const pictureUrl = (id) => inFolder(`${image(id)}/picture`);

export const thumbnailUrl = (id) => inFolder(`${image(id)}/thumbnail`);

export const proposePairs = (names, keypoints) => request(inFolder("/v1/album/pairs"), asJson("POST", { names, keypoints }));

export const createSkeleton = (name, names, flip) => request(inFolder("/v1/album/skeleton"), asJson("POST", { name, names, flip }));

export const makeProject = () => request(inFolder("/v1/album/project"), { method: "POST" });

export const getFormats = () => request("/v1/formats");

export const importLabels = (format, file, replace) =>
  request(inFolder(`/v1/album/import?format=${format}&replace=${replace}`), { method: "POST", body: file });

// Return the exported file as { name, content, lost }.
export async function exportLabels(format) {
  const response = await fetch(inFolder(`/v1/album/export?format=${format}`));
  if (!response.ok) throw new Error((await response.json().catch(() => ({}))).error ?? `the server returned status ${response.status}`);
  const name = decodeURIComponent(response.headers.get("content-disposition").split("''")[1]);
  return { name, content: await response.blob(), lost: decodeURIComponent(response.headers.get("x-not-stored")) };
}

export const getFolders = (path) => request(`/v1/folders?path=${encodeURIComponent(path)}`);

export function loadPicture(id) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error("the image cannot be read"));
    picture.src = pictureUrl(id);
  });
}

export const getStudioInfo = () => request("/v1/studio");
