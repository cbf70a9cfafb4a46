// Reads ground truth from files. Coordinates have their origin at the center of the first pixel; .pts files count from 1.

const PTS_ORIGIN = 1;

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
