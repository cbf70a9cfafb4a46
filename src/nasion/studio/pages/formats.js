// Writes predictions to files and reads ground truth from files.
// Coordinates have their origin at the center of the first pixel; .pts files count from 1.

const PTS_ORIGIN = 1;
const csvNumber = (value) => (value === null || value === undefined ? "" : value.toFixed(3));
const csvText = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function toJson(images) {
  return JSON.stringify(images.map(({ name, prediction }) => ({ image: name, faces: prediction.faces })), null, 1) + "\n";
}

export function toCsv(images) {
  const count = Math.max(0, ...images.map(({ skeleton }) => skeleton.count));
  const axes = Array.from({ length: count }, (_, k) => [`x${k}`, `y${k}`]).flat();
  const lines = [["image", "face", "score", ...axes].join(",")];
  for (const { name, prediction } of images)
    for (const face of prediction.faces) {
      const coordinates = face.keypoints.flatMap((p) => [csvNumber(p?.[0]), csvNumber(p?.[1])]);
      lines.push([csvText(name), face.face, face.score, ...coordinates].join(","));
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
    const all = Array.isArray(content) ? content : [content];
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
