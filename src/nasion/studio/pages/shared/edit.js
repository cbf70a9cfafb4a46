// The keypoints of one face during editing: move, hide, mirror, undo and redo. Does not touch the document.

export class Edit {
  // `predicted` holds the model's keypoints, or is null if there is no prediction.
  constructor(keypoints, flip, predicted) {
    this.keypoints = copyOf(keypoints);
    this.lastPositions = keypoints.map((p, k) => p ?? predicted?.[k] ?? null); // where a hidden point reappears
    this.flip = flip;
    this.mirrored = false;
    this.undoStack = [];
    this.redoStack = [];
  }

  // Whether there are unsaved changes.
  get changed() {
    return this.undoStack.length > 0;
  }

  // Call after saving.
  markSaved() {
    this.undoStack = [];
    this.redoStack = [];
  }

  // Call before a change, so that the change can be undone.
  recordState() {
    this.undoStack.push(copyOf(this.keypoints));
    this.redoStack = [];
  }

  moveTo(k, position) {
    const from = this.keypoints[k];
    if (!from) return;
    const axis = this.mirrorAxis();
    this.keypoints[k] = position;
    const other = this.mirrored && this.flip ? this.flip[k] : k;
    if (other === k || !this.keypoints[other]) return;
    const step = [position[0] - from[0], position[1] - from[1]];
    const across = 2 * (step[0] * axis[0] + step[1] * axis[1]);
    this.keypoints[other] = this.keypoints[other].map((value, d) => value + step[d] - across * axis[d]);
  }

  moveBy(k, dx, dy) {
    if (this.keypoints[k]) this.moveTo(k, [this.keypoints[k][0] + dx, this.keypoints[k][1] + dy]);
  }

  // Hide a point or show it again: at its last position, otherwise where the model predicts it, otherwise at `fallback`.
  toggleHidden(k, fallback) {
    if (this.keypoints[k]) {
      this.lastPositions[k] = this.keypoints[k];
      this.keypoints[k] = null;
    } else this.keypoints[k] = [...(this.lastPositions[k] ?? fallback)];
  }

  replaceAll(keypoints) {
    this.keypoints = copyOf(keypoints);
  }

  undo() {
    if (!this.undoStack.length) return;
    this.redoStack.push(copyOf(this.keypoints));
    this.keypoints = this.undoStack.pop();
  }

  redo() {
    if (!this.redoStack.length) return;
    this.undoStack.push(copyOf(this.keypoints));
    this.keypoints = this.redoStack.pop();
  }

  // Return the unit vector from one side of the face to the other: the mean direction between the points of mirror
  // pairs. Point numbers do not tell left from right, so all pairs are oriented like the pair with the largest distance.
  mirrorAxis() {
    const pairs = [];
    this.flip?.forEach((other, k) => {
      const [a, b] = [this.keypoints[k], this.keypoints[other]];
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
}

const copyOf = (keypoints) => keypoints.map((p) => p && [...p]);
