// The room "Correct": the folder's pictures, the most uncertain first; points are dragged and saved.

import * as api from "./api.js";
import { drawFace } from "./draw.js";
import { Edit } from "./edit.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const REACH = 14; // canvas px within which a point is caught
const FIRM = 3; // canvas px that a pointer moves before the point follows: a tap chooses, and moves nothing
const SHOW = { points: true, lines: true, spread: true, regions: true };
const LISTED = 200;
const WATCH_MS = 2000;
const CHANGED = 409;

export class Correct {
  constructor(studio) {
    this.studio = studio;
    this.chosen = -1;
    this.turn = 0; // of the last request for a face: an answer that comes late is not shown
    this.drafts = new Map(); // faces with changes that are not saved
    this.skipped = new Set();
    this.view = new View($("sheet"), (pen, view) => this.paint(pen, view));
    this.view.grab = (place) => this.grab(place);
    this.view.key = (event) => this.onKey(event);
    $("undo").addEventListener("click", () => this.change(() => this.edit.undo()));
    $("redo").addEventListener("click", () => this.change(() => this.edit.redo()));
    $("hide").addEventListener("click", () => this.hide());
    $("mirror").addEventListener("click", () => this.mirror());
    $("to-model").addEventListener("click", () => this.change(() => (this.edit.mark(), this.edit.replace(this.face.model))));
    $("save").addEventListener("click", () => this.save());
    $("skip").addEventListener("click", () => this.next());
    $("find").addEventListener("input", () => this.fill());
    window.addEventListener("beforeunload", (event) => [...this.drafts.values()].some(({ edit }) => edit.changed) && event.preventDefault());
    $("sheet-in").addEventListener("click", () => this.view.zoomBy(1.5));
    $("sheet-out").addEventListener("click", () => this.view.zoomBy(1 / 1.5));
    $("sheet-fit").addEventListener("click", () => this.toFace());
  }

  async enter() {
    await this.list();
    if (!this.entry) await this.next();
    this.watch();
  }

  // Until the model has looked at every picture, its doubts come in one by one.
  watch() {
    clearTimeout(this.timer);
    const unknown = this.album.entries.some((entry) => entry.doubt === null && !entry.broken && !entry.done);
    if (!unknown || $("room-correct").hidden) return;
    this.timer = setTimeout(() => this.list().then(() => this.watch(), () => this.watch()), WATCH_MS);
  }

  async list() {
    this.album = await api.album();
    const { entries } = this.album;
    const left = entries.filter((entry) => !entry.done);
    // what cannot be read comes first; null is not looked at yet: after those that are known
    const rank = (entry) => (entry.broken ? Infinity : (entry.doubt ?? -1));
    left.sort((a, b) => (rank(b) === rank(a) ? a.id - b.id : rank(b) - rank(a)));
    this.order = [...left, ...entries.filter((entry) => entry.done)];
    const known = entries.filter((entry) => entry.doubt !== null || entry.broken).length;
    const looked = known < entries.length ? `; the model has looked at ${known}` : "";
    $("progress").textContent = `${entries.length - left.length} of ${entries.length} are done in ${this.album.name} (${this.album.form})${looked}`;
    this.fill();
  }

  // Fill the list with the first that have the words in their names; who is in it with the keyboard stays there.
  fill() {
    const held = document.activeElement?.dataset.face;
    const words = $("find").value.toLowerCase();
    const shown = this.order.filter(({ name }) => name.toLowerCase().includes(words));
    $("album").replaceChildren(...shown.slice(0, LISTED).map((entry) => this.item(entry)));
    if (held) $("album").querySelector(`[data-face="${held}"]`)?.focus();
    const more = shown.length - LISTED;
    $("more").textContent = more > 0 ? `and ${more} more; find them by their names` : "";
  }

  item(entry) {
    const button = document.createElement("button");
    const doubt = entry.broken ? " · cannot be read" : entry.doubt === null ? "" : ` · ${(100 * entry.doubt).toFixed(1)} %`;
    const draft = this.drafts.get(entry.id)?.edit.changed ? " · not saved" : "";
    button.textContent = `${entry.done ? "✓ " : ""}${entry.name}${doubt}${draft}`;
    if (entry.doubt !== null) button.title = "how far the points may be off, as a share of the face's size";
    button.dataset.face = entry.id;
    button.setAttribute("aria-current", String(entry.id === this.entry?.id));
    button.addEventListener("click", () => this.open(entry));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  // The next that is not done; what was passed over comes again after all the others.
  async next() {
    if (this.entry && !this.entry.done) this.skipped.add(this.entry.id);
    const left = this.order.filter((each) => !each.done && each.id !== this.entry?.id);
    if (left.every((each) => this.skipped.has(each.id))) this.skipped.clear();
    const entry = left.find((each) => !this.skipped.has(each.id));
    if (entry) await this.open(entry);
    else this.studio.say(this.order.every((each) => each.done) ? "All pictures are done." : "This is the last that is left.");
  }

  async open(entry) {
    const turn = ++this.turn;
    this.view.held = null;
    this.studio.say(`Opening ${entry.name}…`);
    const draft = this.drafts.get(entry.id);
    try {
      const [face, image] = await Promise.all([draft?.face ?? api.face(entry.id, this.studio.model()), loaded(`/v1/album/${entry.id}/picture`)]);
      if (turn !== this.turn) return;
      Object.assign(this, { entry, face, image, chosen: -1 });
    } catch (error) {
      this.skipped.add(entry.id);
      if (turn === this.turn) this.studio.say(`${entry.name}: ${error.message}`, true);
      return;
    }
    this.view.held = null;
    this.edit = draft?.edit ?? new Edit(this.face.keypoints, this.album.skeleton.flip, this.face.model);
    this.edit.mirrored = $("mirror").getAttribute("aria-pressed") === "true";
    this.view.show(this.image, this.image.naturalWidth, this.image.naturalHeight);
    this.toFace();
    this.studio.say(`${entry.name}: ${this.face.labeled ? "labeled" : "not labeled yet; these are the model's points"}${this.edit.changed ? ", with your changes" : ""}`);
    $("sheet").setAttribute("aria-label", `${entry.name} with ${this.face.keypoints.length} points`);
    this.change(() => {});
    await this.list();
  }

  // Show the face large, not the whole picture.
  toFace() {
    if (!this.edit) return this.view.fit();
    const there = this.edit.keypoints.filter(Boolean);
    if (!there.length) return this.view.fit();
    const [low, high] = [Math.min, Math.max].map((pick) => [0, 1].map((axis) => pick(...there.map((p) => p[axis]))));
    const side = 1.5 * Math.max(high[0] - low[0], high[1] - low[1], 8);
    this.view.fit();
    this.view.center = [0, 1].map((axis) => (low[axis] + high[axis]) / 2 + 0.5);
    this.view.zoomBy(Math.min($("sheet").clientWidth, $("sheet").clientHeight) / side / this.view.scale);
  }

  change(action) {
    if (!this.edit || this.saving) return;
    action();
    if (this.edit.changed) this.drafts.set(this.entry.id, { face: this.face, edit: this.edit });
    $("undo").disabled = !this.edit.past.length;
    $("redo").disabled = !this.edit.future.length;
    $("hide").disabled = this.chosen < 0 || !this.album.hides;
    $("hide").title = this.album.hides ? "" : `${this.album.form} files have no place for hidden points`;
    $("to-model").disabled = !this.face.model;
    $("save").disabled = false;
    this.tell();
    this.view.draw();
  }

  tell() {
    const name = this.album.skeleton.names[this.chosen];
    const place = this.edit.keypoints[this.chosen];
    const where = place ? `${place[0].toFixed(1)}, ${place[1].toFixed(1)}` : "hidden";
    $("point").textContent = this.chosen < 0 ? "No point is chosen." : `Point ${this.chosen}, ${name}: ${where}`;
  }

  grab(place) {
    if (!this.edit || this.saving) return null;
    let [best, distance] = [-1, REACH];
    this.edit.keypoints.forEach((p, k) => {
      if (!p) return;
      const [x, y] = this.view.to(p);
      const far = Math.hypot(x - place[0], y - place[1]);
      if (far < distance) [best, distance] = [k, far];
    });
    if (best < 0) return null;
    this.chosen = best;
    const [from, start] = [this.edit.keypoints[best], this.view.from(place)];
    let moved = false;
    this.change(() => {});
    return {
      move: (to) => {
        const step = [to[0] - start[0], to[1] - start[1]];
        if (!moved && Math.hypot(...step) * this.view.scale < FIRM) return;
        if (!moved) this.edit.mark();
        moved = true;
        this.change(() => this.edit.moveTo(best, [from[0] + step[0], from[1] + step[1]]));
      },
      end: () => {},
    };
  }

  onKey(event) {
    if (!this.edit) return false;
    const key = event.key.toLowerCase();
    const count = this.edit.keypoints.length;
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      this.change(() => (key === "y" || event.shiftKey ? this.edit.redo() : this.edit.undo()));
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = event.shiftKey ? 0.1 : 1;
    const moves = { arrowleft: [-step, 0], arrowright: [step, 0], arrowup: [0, -step], arrowdown: [0, step] };
    if (key === "n" || key === "p") this.change(() => (this.chosen = (this.chosen + (key === "n" ? 1 : count - 1) + (this.chosen < 0 && key === "p" ? 1 : 0)) % count));
    else if (key in moves && this.chosen >= 0) this.change(() => (this.edit.mark(), this.edit.moveBy(this.chosen, ...moves[key])));
    else if (key === "h") this.hide();
    else if (key === "m") this.mirror();
    else if (key === "s" && !event.repeat) this.save(); // a key held down would save faces that nobody has seen
    else if (key === "s") return true;
    else return false;
    return true;
  }

  hide() {
    if (this.chosen < 0) return;
    if (!this.album.hides) return this.studio.say(`${this.album.form} files have no place for hidden points`, true);
    this.change(() => (this.edit.mark(), this.edit.toggle(this.chosen, this.view.center)));
  }

  mirror() {
    const on = $("mirror").getAttribute("aria-pressed") !== "true";
    $("mirror").setAttribute("aria-pressed", String(on));
    if (this.edit) this.edit.mirrored = on;
  }

  async save() {
    if (!this.edit || this.saving) return;
    const { entry, edit, face } = this;
    this.saving = $("save").disabled = true;
    try {
      face.version = (await api.saveFace(entry.id, edit.keypoints, face.version)).version;
      face.labeled = entry.done = true;
      edit.settle();
      this.drafts.delete(entry.id);
      this.saving = false;
      this.change(() => {});
      this.studio.say(`${entry.name}: saved`);
      await this.list();
      if (this.entry === entry) await this.next();
      if (this.album.notice) this.studio.say(this.album.notice, true);
    } catch (error) {
      // what is in the file now is shown when the face is opened anew
      if (error.status === CHANGED) this.drafts.delete(entry.id);
      this.studio.say(`${entry.name}: ${error.message}`, true);
    } finally {
      this.saving = $("save").disabled = false;
    }
  }

  paint(pen, view) {
    if (!this.edit) return;
    const face = { keypoints: this.edit.keypoints, ellipses: this.face.labeled ? null : this.face.ellipses };
    drawFace(pen, face, this.album.skeleton, SHOW, (p) => view.to(p), view.scale, 3.2);
    const place = this.edit.keypoints[this.chosen];
    if (!place) return;
    const [x, y] = view.to(place);
    for (const [color, width] of [["#fff", 5], ["#000", 2]]) {
      pen.strokeStyle = color;
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(x, y, 8, 0, 2 * Math.PI);
      pen.stroke();
    }
  }
}

function loaded(address) {
  return new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => done(image);
    image.onerror = () => failed(new Error("its picture cannot be read"));
    image.src = address;
  });
}
