// Placing points by clicking: those of a face that has none yet, and those of a new skeleton.

import { $ } from "../shared/dom.js";
import { boxOf } from "./canvas.js";
import * as requests from "../shared/albums.js";

const NEAR = 0.08; // distance of a click from a named place up to which its name is proposed, as a fraction of the face's width

// Asks for the points of the skeleton one after another.
export class FacePlacer {
  // `finish(keypoints)` is called with all points, null where skipped; `cancel` if the user gives up.
  constructor(page, names, finish) {
    Object.assign(this, { page, names, finish, placed: [] });
  }

  place(position) {
    this.placed.push(position);
    this.next();
  }

  move(k, position) {
    this.placed[k] = position;
  }

  skip() {
    this.placed.push(null);
    this.next();
  }

  back() {
    this.placed.pop();
  }

  next() {
    if (this.placed.length < this.names.length) return;
    this.page.adder.stopPlacing();
    if (this.placed.some(Boolean)) this.finish(this.placed);
  }

  get text() {
    return `Click ${this.names[this.placed.length]} (${this.placed.length + 1} of ${this.names.length})`;
  }

  get canSkip() {
    return this.page.album.info.hides;
  }
}

// Defines a skeleton: the user clicks the points on one face and names them; mirror pairs are proposed.
export class SkeletonMaker {
  constructor(page) {
    Object.assign(this, { page, placed: [], names: [], flip: [], chosen: false, landmarks: [] });
    requests.getLandmarks(page.entry.id).then(({ faces }) => (this.landmarks = faces), () => {});
  }

  get text() {
    return this.placed.length ? `Click the next point (${this.placed.length} so far)` : "Click the first point of your skeleton on a face";
  }

  get canSkip() {
    return false;
  }

  place(position) {
    this.placed.push(position);
    this.names.push(this.proposeName(position));
    this.update();
  }

  move(k, position) {
    this.placed[k] = position;
  }

  back() {
    this.remove(this.placed.length - 1);
  }

  remove(k) {
    this.placed.splice(k, 1);
    this.names.splice(k, 1);
    this.update();
  }

  // Return the name of the nearest part of the face that has no point yet; otherwise a number.
  proposeName([x, y]) {
    let [best, least] = [null, Infinity];
    for (const face of this.landmarks) {
      const [left, , right] = boxOf(face.map((each) => [each.x, each.y]));
      for (const each of face) {
        const distance = Math.hypot(each.x - x, each.y - y) / (right - left);
        if (distance < NEAR && distance < least && !this.names.includes(each.name)) [best, least] = [each.name, distance];
      }
    }
    if (best) return best;
    let number = this.placed.length - 1;
    while (this.names.includes(`point_${number}`)) number++;
    return `point_${number}`;
  }

  // Propose mirror pairs anew unless the user has chosen some, and show the rows.
  async update() {
    if (this.chosen && this.flip.length !== this.placed.length) this.chosen = false;
    this.flip = this.placed.map((_, k) => this.flip[k] ?? k).map((other, k) => (other < this.placed.length ? other : k));
    this.show();
    if (this.chosen || !this.placed.length) return;
    const { flip } = await requests.proposePairs(this.names, this.placed).catch(() => ({ flip: this.flip }));
    if (flip.length === this.placed.length && !this.chosen) this.flip = flip;
    this.show();
  }

  pair(k, other) {
    this.chosen = true;
    for (const each of [k, other]) {
      const before = this.flip[each];
      this.flip[before] = before;
    }
    [this.flip[k], this.flip[other]] = [other, k];
    this.show();
  }

  // Show the form in the panel.
  show() {
    const focused = document.activeElement?.id;
    $("skeleton-form").hidden = false;
    $("skeleton-points").replaceChildren(...this.placed.map((_, k) => this.row(k)));
    if (focused) $(focused)?.focus();
    $("skeleton-create").disabled = !this.placed.length;
    $("skeleton-error").hidden = true;
    this.page.controls.showPlacing();
  }

  row(k) {
    const item = document.createElement("li");
    item.className = "point-row";
    const number = Object.assign(document.createElement("span"), { className: "numbers", textContent: k });
    const name = Object.assign(document.createElement("input"), { type: "text", value: this.names[k], id: `point-name-${k}`, maxLength: 100, spellcheck: false });
    name.setAttribute("aria-label", `Name of point ${k}`);
    name.addEventListener("change", () => ((this.names[k] = name.value.trim()), this.update()));
    const mirror = document.createElement("select");
    mirror.id = `point-mirror-${k}`;
    mirror.setAttribute("aria-label", `Mirror image of point ${k}`);
    mirror.append(...this.names.map((each, other) => new Option(other === k ? "middle of the face" : `mirrors ${each}`, other)));
    mirror.value = this.flip[k];
    mirror.addEventListener("change", () => this.pair(k, Number(mirror.value)));
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×", className: "plain" });
    remove.setAttribute("aria-label", `Remove point ${k}`);
    remove.addEventListener("click", () => this.remove(k));
    item.append(number, name, remove, mirror);
    return item;
  }

  async create() {
    const error = $("skeleton-error");
    try {
      await requests.createSkeleton($("skeleton-name").value.trim(), this.names, this.flip);
    } catch (reason) {
      error.textContent = reason.message;
      error.hidden = false;
      return;
    }
    await this.page.adder.useSkeleton(this.placed);
  }
}
