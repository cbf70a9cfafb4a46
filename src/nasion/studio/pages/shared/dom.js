// Helpers shared by all pages.

// Return the element with this id.
export const $ = (id) => document.getElementById(id);

// Connect the three zoom buttons of a canvas; `fit` runs for the third.
export function connectZoomButtons(prefix, stage, fit) {
  $(`${prefix}-zoom-in`).addEventListener("click", () => stage.zoomBy(1.5));
  $(`${prefix}-zoom-out`).addEventListener("click", () => stage.zoomBy(1 / 1.5));
  $(`${prefix}-zoom-fit`).addEventListener("click", fit);
}

// Return an image file as a bitmap, rotated as its EXIF orientation says.
export async function decodeImage(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("this browser cannot display this image; use JPEG, PNG or WebP");
  }
}
