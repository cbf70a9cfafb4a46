// The list of the faces in an image: a thumbnail, the uncertainty as a bar, errors, and measurements on request.

import { $, countOf, element } from "../shared/dom.js";
import { measurementTable } from "../shared/measure.js";
import { faceSize, medianSpread } from "./truth.js";

const THUMBNAIL = 40; // px
const FULL_BAR = 0.05; // uncertainty, as a share of the face's size, that fills the bar
const percent = (share) => (share === null ? "" : ` · ${(100 * share).toFixed(1)} %`);

// `image` is the decoded image; `errors` and `differences` have an entry or null for each face; `pick(face)` runs for a
// click on a row.
export function showFaces(entry, image, errors, differences, pick) {
  const { faces } = entry.prediction;
  $("faces-title").textContent = faces.length ? countOf(faces.length, "face") : "Faces";
  $("faces-note").textContent = faces.length ? describeTotal(errors, differences) : "No face was found in this image.";
  $("faces-note").hidden = !$("faces-note").textContent;
  const rows = faces.map((face, k) => faceRow(face, image, errors[k], differences[k], pick));
  $("faces").replaceChildren(...rows);
  $("measurement-note").hidden = !$("faces").querySelector("table");
}

export function clearFaces() {
  $("faces-title").textContent = "Faces";
  $("faces-note").textContent = "The faces of the image appear here, with the uncertainty of their points.";
  $("faces-note").hidden = false;
  $("faces").replaceChildren();
  $("measurement-note").hidden = true;
}

// Return one line about all faces that have ground truth or a counterpart; empty if none has.
function describeTotal(errors, differences) {
  const lines = [["Mean error", errors], ["Mean difference between the models", differences]].flatMap(([title, pairs]) => {
    const known = pairs.filter(Boolean);
    if (known.length < 2) return []; // the row of a single face says the same
    const mean = (key) => known.reduce((sum, pair) => sum + (pair[key] ?? 0), 0) / known.length;
    return [`${title}: ${mean("px").toFixed(1)} px${percent(mean("share"))} of face size (${countOf(known.length, "face")})`];
  });
  return lines.join(". ");
}

function faceRow(face, image, error, difference, pick) {
  const spread = medianSpread(face);
  const lines = [
    error && `error ${error.px.toFixed(1)} px${percent(error.share)}`,
    difference && `models differ by ${difference.px.toFixed(1)} px${percent(difference.share)}`,
  ].filter(Boolean);
  const text = element("span", { className: "face-text" }, element("b", { textContent: `Face ${face.face}` }));
  if (spread !== null) text.append(uncertaintyBar(spread, faceSize(face.keypoints)));
  for (const line of lines) text.append(element("span", { className: "face-error", textContent: line }));
  const button = element(
    "button",
    { className: "face-row plain", title: `Zoom to face ${face.face} · detection score ${face.score.toFixed(2)}`, onclick: () => pick(face) },
    thumbnail(face, image),
    text,
  );
  button.dataset.face = face.face;
  const item = element("li", {}, button);
  const table = measurementTable(face);
  if (table) item.append(table);
  return item;
}

function uncertaintyBar(spread, size) {
  const share = size ? spread / size : 0;
  const fill = element("span");
  fill.style.width = `${Math.min(100, (100 * share) / FULL_BAR)}%`;
  const about = `Uncertainty (standard deviation), median of the points: ${spread.toFixed(1)} px, ${(100 * share).toFixed(1)} % of the face’s size`;
  return element("span", { className: "uncertainty", title: about }, element("span", { className: "bar" }, fill), ` ±${spread.toFixed(1)} px`);
}

// Return a small canvas with the face.
function thumbnail(face, image) {
  const ratio = window.devicePixelRatio || 1;
  const canvas = element("canvas", { width: THUMBNAIL * ratio, height: THUMBNAIL * ratio, "aria-hidden": "true" });
  const [x0, y0, x1, y1] = face.box;
  canvas.getContext("2d").drawImage(image, x0, y0, x1 - x0, y1 - y0, 0, 0, canvas.width, canvas.height);
  return canvas;
}
