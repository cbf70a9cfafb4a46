// Points while they are edited: moved, hidden, mirrored, undone. No page in here.

export class Edit {
  // `model` is where the model sees the points, if it has looked.
  constructor(keypoints, flip, model) {
    this.keypoints = copied(keypoints);
    this.places = keypoints.map((p, k) => p ?? model?.[k] ?? null); // where a hidden point comes back
    this.flip = flip;
    this.mirrored = false;
    this.past = [];
    this.future = [];
  }

  // Whether there is something to save.
  get changed() {
    return this.past.length > 0;
  }

  // What is there now is saved.
  settle() {
    this.past = [];
    this.future = [];
  }

  // Remember how it was, before a change that can be undone.
  mark() {
    this.past.push(copied(this.keypoints));
    this.future = [];
  }

  moveTo(k, place) {
    const from = this.keypoints[k];
    if (!from) return;
    const normal = this.normal();
    this.keypoints[k] = place;
    const other = this.mirrored && this.flip ? this.flip[k] : k;
    if (other === k || !this.keypoints[other]) return;
    const step = [place[0] - from[0], place[1] - from[1]];
    const across = 2 * (step[0] * normal[0] + step[1] * normal[1]);
    this.keypoints[other] = this.keypoints[other].map((value, axis) => value + step[axis] - across * normal[axis]);
  }

  moveBy(k, dx, dy) {
    if (this.keypoints[k]) this.moveTo(k, [this.keypoints[k][0] + dx, this.keypoints[k][1] + dy]);
  }

  // Hide a point, or bring it back: where it was, else where the model sees it, else to `elsewhere`.
  toggle(k, elsewhere) {
    if (this.keypoints[k]) {
      this.places[k] = this.keypoints[k];
      this.keypoints[k] = null;
    } else this.keypoints[k] = [...(this.places[k] ?? elsewhere)];
  }

  replace(keypoints) {
    this.keypoints = copied(keypoints);
  }

  undo() {
    if (!this.past.length) return;
    this.future.push(copied(this.keypoints));
    this.keypoints = this.past.pop();
  }

  redo() {
    if (!this.future.length) return;
    this.past.push(copied(this.keypoints));
    this.keypoints = this.future.pop();
  }

  // Across the face: the mean direction from each point to the one it becomes in a mirrored face. Which of two points
  // has the lower number says nothing about sides, so all are turned the way of the pair that is farthest apart.
  normal() {
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

const copied = (keypoints) => keypoints.map((p) => p && [...p]);
