// Writes predictions to files and reads ground truth from files.
// Coordinates have their origin at the center of the first pixel; .pts files count from 1.

import { measurementColumns } from "./measure.js";

const PTS_ORIGIN = 1;
const csvNumber = (value) => (value === null || value === undefined ? "" : value.toFixed(3));
const csvText = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

// The files below have one model and its points' names; images that another model has predicted are left out.
function ofOneModel(images) {
  const { model } = images.at(-1).prediction;
  return images.filter(({ prediction }) => prediction.model === model);
}

// Return the content of keypoints.json, with one line for each face.
export function toJson(images) {
  const { schema_version, nasion_version, model, skeleton, point_names } = images.at(-1).prediction;
  const header = JSON.stringify({ schema_version, nasion_version, model, skeleton, point_names });
  const entries = ofOneModel(images).map(({ name, prediction }) => {
    const about = JSON.stringify({ image: name, width: prediction.width, height: prediction.height });
    const faces = prediction.faces.map((face) => `\n ${JSON.stringify(face)}`).join(",");
    return `\n${about.slice(0, -1)}, "faces": [${faces}]}`;
  });
  return `${header.slice(0, -1)}, "images": [${entries.join(",")}\n]}\n`;
}

// Return a table with a row for each face, and for each image without one.
export function toCsv(images) {
  const written = ofOneModel(images);
  const names = images.at(-1).prediction.point_names;
  const axes = names.flatMap((name) => [`${name}_x`, `${name}_y`]);
  const measured = measurementColumns(written.flatMap(({ prediction }) => prediction.faces));
  const header = ["image", "face", "score", "box_x0", "box_y0", "box_x1", "box_y1", ...axes, ...measured.map(({ name }) => name)];
  const lines = [header.map(csvText).join(",")];
  for (const { name, prediction } of written) {
    if (!prediction.faces.length) lines.push(csvText(name) + ",".repeat(header.length - 1));
    for (const face of prediction.faces) {
      const coordinates = face.keypoints.flatMap((p) => [csvNumber(p?.[0]), csvNumber(p?.[1])]);
      const numbers = measured.map(({ cell }) => cell(face));
      lines.push([csvText(name), face.face, face.score, ...face.box.map(csvNumber), ...coordinates, ...numbers].join(","));
    }
  }
  return lines.join("\n") + "\n";
}

export function toPts(face) {
  const lines = face.keypoints.map(([x, y]) => `${(x + PTS_ORIGIN).toFixed(3)} ${(y + PTS_ORIGIN).toFixed(3)}`);
  return `version: 1\nn_points: ${lines.length}\n{\n${lines.join("\n")}\n}\n`;
}

// Return the ground truth of the faces in an image, [[x, y] or null, …] for each face, from a .pts or .json file.
export async function readGroundTruth(file, imageName) {
  const text = await file.text();
  return file.name.toLowerCase().endsWith(".pts") ? [parsePts(text, file.name)] : parseJson(text, file.name, imageName);
}

function parsePts(text, fileName) {
  const inside = text.includes("{") ? text.slice(text.indexOf("{") + 1, text.lastIndexOf("}")) : text;
  const numbers = inside.trim().split(/\s+/).map(Number);
  if (numbers.length < 2 || numbers.length % 2 || numbers.some((n) => !Number.isFinite(n)))
    throw new Error(`${fileName}: not a .pts file; it must contain pairs of numbers in braces`);
  return Array.from({ length: numbers.length / 2 }, (_, k) => [numbers[2 * k] - PTS_ORIGIN, numbers[2 * k + 1] - PTS_ORIGIN]);
}

const isPoint = (p) => p === null || (Array.isArray(p) && p.length === 2 && p.every(Number.isFinite));

function parseJson(text, fileName, imageName) {
  try {
    const content = JSON.parse(text);
    const all = content.images ?? (Array.isArray(content) ? content : [content]); // earlier versions wrote a list
    const entries = all.length > 1 ? all.filter(({ image }) => image === imageName) : all;
    const faces = entries.flatMap((entry) => entry.faces ?? []);
    if (!faces.length || !faces.every((face) => Array.isArray(face.keypoints) && face.keypoints.every(isPoint))) throw new Error();
    return faces.map((face) => face.keypoints);
  } catch {
    throw new Error(`${fileName}: no keypoints for ${imageName}; use a JSON file written by nasion`);
  }
}

// Offer `content` as a download.
export function download(content, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
