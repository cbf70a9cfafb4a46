// Paints a prediction as the checkboxes of "Show" say.

import { $ } from "../shared/dom.js";
import { drawFace, drawGroundTruth, drawNumber, drawPointNumbers } from "../shared/draw.js";

export const LAYERS = { points: "points", lines: "lines", uncertainty: "uncertainty", regions: "regions", numbers: "numbers" };

const [MIN_RADIUS, MAX_RADIUS] = [1.2, 5]; // canvas px
const FACE_PER_RADIUS = 80; // size of a face in radii of its points
const NUMBERED_FACE = 60; // canvas px from which the points of a face have room for numbers

const sideOf = ({ box }) => box[2] - box[0];

// Return the radius of the points of a face, canvas px; `scale` is canvas px per image px.
function pointRadius(face, scale) {
  return Math.min(MAX_RADIUS, Math.max(MIN_RADIUS, (scale * sideOf(face)) / FACE_PER_RADIUS));
}

// `errors` pairs each face with its ground truth; `hovered` is { face, k } or null.
export function paintFaces(context, { prediction, skeleton }, { groundTruth, errors, hovered }, toCanvas, scale) {
  const show = Object.fromEntries(Object.entries(LAYERS).map(([layer, id]) => [layer, $(`show-${id}`).checked]));
  const { faces, height } = prediction;
  for (const face of faces) drawFace(context, face, skeleton, show, toCanvas, scale, pointRadius(face, scale));
  if (faces.length > 1) for (const face of faces) drawNumber(context, face, height, toCanvas, scale);
  if ($("show-ground-truth").checked) paintGroundTruth(context, faces, groundTruth, errors, toCanvas, scale);
  if (show.numbers) for (const face of faces) if (scale * sideOf(face) >= NUMBERED_FACE) drawPointNumbers(context, face, toCanvas);
  if (hovered && faces.includes(hovered.face)) paintRing(context, toCanvas(hovered.face.keypoints[hovered.k]), pointRadius(hovered.face, scale));
}

function paintGroundTruth(context, faces, groundTruth, errors, toCanvas, scale) {
  for (const keypoints of groundTruth) {
    const k = errors.findIndex((error) => error?.keypoints === keypoints);
    const face = faces[Math.max(0, k)];
    drawGroundTruth(context, keypoints, k < 0 ? null : face.keypoints, toCanvas, face ? pointRadius(face, scale) : 3);
  }
}

function paintRing(context, [x, y], radius) {
  for (const [color, width] of [["#ffffff", 4], ["#10151f", 2]]) {
    Object.assign(context, { strokeStyle: color, lineWidth: width });
    context.beginPath();
    context.arc(x, y, radius + 4, 0, 2 * Math.PI);
    context.stroke();
  }
}
