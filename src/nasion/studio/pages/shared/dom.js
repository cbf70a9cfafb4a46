// Helpers shared by all tabs.

// Return the element with this id.
export const $ = (id) => document.getElementById(id);

// Return a new element. Properties with a hyphen are set as attributes; `dataset` is an object.
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "dataset") Object.assign(node.dataset, value);
    else if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

// Return "1 face", "2 faces", and so on.
export const countOf = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// Connect the three zoom buttons of a canvas; `fit` runs for the third.
export function connectZoomButtons(prefix, stage, fit) {
  $(`${prefix}-zoom-in`).addEventListener("click", () => stage.zoomBy(1.5));
  $(`${prefix}-zoom-out`).addEventListener("click", () => stage.zoomBy(1 / 1.5));
  $(`${prefix}-zoom-fit`).addEventListener("click", fit);
}

// Run `add(files)` for files that are dropped on an area, which is highlighted meanwhile.
export function acceptDrop(area, add) {
  for (const kind of ["dragenter", "dragover"])
    area.addEventListener(kind, (event) => (event.preventDefault(), area.classList.add("drag-over")));
  for (const kind of ["dragleave", "drop"]) area.addEventListener(kind, () => area.classList.remove("drag-over"));
  area.addEventListener("drop", (event) => (event.preventDefault(), add([...event.dataTransfer.files])));
}

// Run `add(files)` for the files that are chosen with a file input.
export function acceptChoice(input, add) {
  input.addEventListener("change", async () => {
    const files = [...input.files];
    input.value = ""; // so that the same file can be chosen again
    if (files.length) await add(files);
  });
}

// Return an image file as a bitmap, rotated as its EXIF orientation says.
export async function decodeImage(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("this browser cannot display this image; use JPEG, PNG or WebP");
  }
}

// Offer a blob as a download.
export function download(blob, name) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
