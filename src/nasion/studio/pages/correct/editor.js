// The faces of one image during editing: move, hide, mirror, add, delete, undo and redo. Does not touch the document.

const MAX_UNDO = 200;

export class Editor {
  // `faces` have keypoints, origin, model and ellipses, as the server sends them; `flip` is the skeleton's flip map.
  constructor(faces, flip) {
    this.flip = flip;
    this.mirrored = false;
    this.nextKey = 0;
    this.origins = new Map(); // key of a face -> its number in the stored labels
    this.faces = faces.map((face) => this.adopt(face));
    this.undoStack = [];
    this.redoStack = [];
  }

  // Return a face of the server with a key that stays the same through saving, undo and redo.
  adopt({ keypoints, origin = null, model = null, ellipses = null }) {
    const key = this.nextKey++;
    if (origin !== null) this.origins.set(key, origin);
    const lastPositions = keypoints.map((p, k) => p ?? model?.[k] ?? null); // where a hidden point reappears
    return { key, keypoints: copyOf(keypoints), model, ellipses, lastPositions };
  }

  // Return the faces as the server takes them.
  get update() {
    return this.faces.map(({ key, keypoints }) => ({ keypoints, origin: this.origins.get(key) ?? null }));
  }

  // Call after saving: the stored labels now have these faces, in this order.
  markSaved(keys) {
    this.origins = new Map(keys.map((key, number) => [key, number]));
  }

  get keys() {
    return this.faces.map(({ key }) => key);
  }

  // Call before a change, so that it can be undone.
  record() {
    this.undoStack.push(this.copy());
    if (this.undoStack.length > MAX_UNDO) this.undoStack.shift();
    this.redoStack = [];
  }

  copy() {
    return this.faces.map((face) => ({ ...face, keypoints: copyOf(face.keypoints), lastPositions: copyOf(face.lastPositions) }));
  }

  undo() {
    if (!this.undoStack.length) return;
    this.redoStack.push(this.copy());
    this.faces = this.undoStack.pop();
  }

  redo() {
    if (!this.redoStack.length) return;
    this.undoStack.push(this.copy());
    this.faces = this.redoStack.pop();
  }

  add(face) {
    this.faces.push(this.adopt(face));
  }

  remove(number) {
    this.faces.splice(number, 1);
  }

  // Replace all faces, such as by earlier ones; faces at the same place in the list keep their key.
  replaceAll(faces) {
    this.faces = faces.map((face, number) => {
      const before = this.faces[number];
      return before ? { ...before, keypoints: copyOf(face.keypoints) } : this.adopt(face);
    });
  }

  moveTo(number, k, position) {
    const { keypoints } = this.faces[number];
    const from = keypoints[k];
    if (!from) return;
    const axis = mirrorAxis(keypoints, this.flip);
    keypoints[k] = position;
    const other = this.mirrored && this.flip ? this.flip[k] : k;
    if (other === k || !keypoints[other]) return;
    const step = [position[0] - from[0], position[1] - from[1]];
    const across = 2 * (step[0] * axis[0] + step[1] * axis[1]);
    keypoints[other] = keypoints[other].map((value, d) => value + step[d] - across * axis[d]);
  }

  moveBy(number, k, dx, dy) {
    const position = this.faces[number].keypoints[k];
    if (position) this.moveTo(number, k, [position[0] + dx, position[1] + dy]);
  }

  // Hide a point or show it again: at its last position, otherwise where the model predicts it, otherwise at `fallback`.
  toggleHidden(number, k, fallback) {
    const { keypoints, lastPositions } = this.faces[number];
    if (keypoints[k]) {
      lastPositions[k] = keypoints[k];
      keypoints[k] = null;
    } else keypoints[k] = [...(lastPositions[k] ?? fallback)];
  }

  // Return a face to the model's points.
  reset(number) {
    this.faces[number].keypoints = copyOf(this.faces[number].model);
  }
}

// Return the unit vector from one side of a face to the other: the mean direction between the points of mirror pairs.
// Point numbers do not tell left from right, so all pairs are oriented like the pair with the largest distance.
export function mirrorAxis(keypoints, flip) {
  const pairs = [];
  flip?.forEach((other, k) => {
    const [a, b] = [keypoints[k], keypoints[other]];
    if (other > k && a && b) pairs.push([b[0] - a[0], b[1] - a[1]]);
  });
  const longest = pairs.reduce((best, pair) => (Math.hypot(...pair) > Math.hypot(...best) ? pair : best), [0, 0]);
  let [x, y] = [0, 0];
  for (const pair of pairs) {
    const sign = pair[0] * longest[0] + pair[1] * longest[1] < 0 ? -1 : 1;
    x += sign * pair[0];
    y += sign * pair[1];
  }
  const length = Math.hypot(x, y) || 1;
  return [x / length, y / length];
}

const copyOf = (keypoints) => keypoints.map((p) => p && [...p]);

// Return whether two lists of faces have the same points, to the precision of the stored labels.
export function sameFaces(a, b) {
  const text = (faces) => JSON.stringify(faces?.map((face) => (face.keypoints ?? face).map((p) => p && p.map((value) => Math.round(value * 100)))) ?? null);
  return text(a?.length ? a : null) === text(b?.length ? b : null);
}
