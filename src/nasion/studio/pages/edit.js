// Points while they are edited: moved, hidden, mirrored, undone. No page in here.

export class Edit {
  constructor(keypoints, flip) {
    this.keypoints = keypoints.map((p) => p && [...p]);
    this.places = keypoints.map((p) => p && [...p]); // where a hidden point comes back
    this.flip = flip;
    this.mirrored = false;
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
    this.keypoints[k] = place;
    const other = this.mirrored && this.flip ? this.flip[k] : k;
    if (other === k || !this.keypoints[other]) return;
    const normal = this.normal();
    const step = [place[0] - from[0], place[1] - from[1]];
    const across = 2 * (step[0] * normal[0] + step[1] * normal[1]);
    this.keypoints[other] = this.keypoints[other].map((value, axis) => value + step[axis] - across * normal[axis]);
  }

  moveBy(k, dx, dy) {
    if (this.keypoints[k]) this.moveTo(k, [this.keypoints[k][0] + dx, this.keypoints[k][1] + dy]);
  }

  toggle(k) {
    if (this.keypoints[k]) {
      this.places[k] = this.keypoints[k];
      this.keypoints[k] = null;
    } else this.keypoints[k] = [...this.places[k]];
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

  // Across the face: the mean direction from each point to the one it becomes in a mirrored face.
  normal() {
    let [x, y] = [0, 0];
    this.flip.forEach((other, k) => {
      if (other <= k || !this.keypoints[k] || !this.keypoints[other]) return;
      x += this.keypoints[other][0] - this.keypoints[k][0];
      y += this.keypoints[other][1] - this.keypoints[k][1];
    });
    const length = Math.hypot(x, y) || 1;
    return [x / length, y / length];
  }
}

const copied = (keypoints) => keypoints.map((p) => p && [...p]);
