// Points as files, and files as points. Coordinates are 0-based, (0, 0) the center of the first pixel; .pts counts from 1.

const PTS_ORIGIN = 1;
const cell = (value) => (value === null || value === undefined ? "" : value.toFixed(3));
const quoted = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

export function toJson(pictures) {
  return JSON.stringify(pictures.map(({ name, found }) => ({ image: name, faces: found.faces })), null, 1) + "\n";
}

export function toCsv(pictures) {
  const count = Math.max(0, ...pictures.map(({ skeleton }) => skeleton.count));
  const axes = Array.from({ length: count }, (_, k) => [`x${k}`, `y${k}`]).flat();
  const lines = [["image", "face", "score", ...axes].join(",")];
  for (const { name, found } of pictures)
    for (const face of found.faces)
      lines.push([quoted(name), face.face, face.score, ...face.keypoints.flatMap((p) => [cell(p?.[0]), cell(p?.[1])])].join(","));
  return lines.join("\n") + "\n";
}

export function toPts(face) {
  const lines = face.keypoints.map(([x, y]) => `${(x + PTS_ORIGIN).toFixed(3)} ${(y + PTS_ORIGIN).toFixed(3)}`);
  return `version: 1\nn_points: ${lines.length}\n{\n${lines.join("\n")}\n}\n`;
}

const isPoint = (p) => p === null || (Array.isArray(p) && p.length === 2 && p.every(Number.isFinite));

// The true points of a picture's face or faces: [[x, y] or null, …][].
export async function readTruth(file, picture) {
  const text = await file.text();
  if (file.name.toLowerCase().endsWith(".pts")) {
    const inside = text.includes("{") ? text.slice(text.indexOf("{") + 1, text.lastIndexOf("}")) : text;
    const numbers = inside.trim().split(/\s+/).map(Number);
    if (numbers.length < 2 || numbers.length % 2 || numbers.some((n) => !Number.isFinite(n)))
      throw new Error(`${file.name}: not pairs of numbers between braces, as .pts files are`);
    return [Array.from({ length: numbers.length / 2 }, (_, k) => [numbers[2 * k] - PTS_ORIGIN, numbers[2 * k + 1] - PTS_ORIGIN])];
  }
  try {
    const table = JSON.parse(text);
    const entries = Array.isArray(table) ? table : [table];
    const mine = entries.length > 1 ? entries.filter(({ image }) => image === picture) : entries;
    const faces = mine.flatMap((entry) => entry.faces ?? []);
    if (!faces.length || !faces.every((face) => Array.isArray(face.keypoints) && face.keypoints.every(isPoint))) throw new Error();
    return faces.map((face) => face.keypoints);
  } catch {
    throw new Error(`${file.name}: no faces of ${picture} with keypoints, as nasion writes them`);
  }
}

export function save(content, name, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
