// The page "Correct": lists the faces of the open folder, most uncertain first; the user drags points and saves them.

import * as api from "../shared/api.js";
import { $, connectZoomButtons } from "../shared/dom.js";
import { drawFace } from "../shared/draw.js";
import { Edit } from "../shared/edit.js";
import { Stage } from "../shared/stage.js";

const PICK_RADIUS = 14; // canvas px within which a point is picked
const DRAG_THRESHOLD = 3; // canvas px that a pointer must move before it moves the point, so that a tap only selects it
const LAYERS = { points: true, lines: true, uncertainty: true, regions: true };
const MAX_LISTED = 200;
const POLL_MS = 2000;
const HTTP_CONFLICT = 409;

export class Correct {
  constructor(studio) {
    this.studio = studio;
    this.selectedPoint = -1;
    this.latestRequest = 0; // counter: responses to an outdated request are dropped
    this.drafts = new Map(); // faces with unsaved changes, by id
    this.skipped = new Set();
    this.stage = new Stage($("correct-canvas"), (context, stage) => this.paint(context, stage));
    this.stage.pick = (position) => this.pickPoint(position);
    this.stage.handleKey = (event) => this.handleKey(event);
    $("undo").addEventListener("click", () => this.change(() => this.edit.undo()));
    $("redo").addEventListener("click", () => this.change(() => this.edit.redo()));
    $("hide-point").addEventListener("click", () => this.toggleHidden());
    $("mirror").addEventListener("click", () => this.toggleMirror());
    $("reset").addEventListener("click", () => this.change(() => (this.edit.recordState(), this.edit.replaceAll(this.face.model))));
    $("save").addEventListener("click", () => this.save());
    $("skip").addEventListener("click", () => this.openNext());
    $("search").addEventListener("input", () => this.showList());
    window.addEventListener("beforeunload", (event) => [...this.drafts.values()].some(({ edit }) => edit.changed) && event.preventDefault());
    connectZoomButtons("correct", this.stage, () => this.zoomToFace());
  }

  async enter() {
    for (const part of $("page-correct").children) part.hidden = this.studio.hasFolder === (part.id === "correct-empty");
    if (!this.studio.hasFolder) return;
    await this.loadAlbum();
    if (!this.entry) await this.openNext();
    this.pollUncertainties();
  }

  // The server scans the images in the background; update the list until all of them are scanned.
  pollUncertainties() {
    clearTimeout(this.timer);
    const pending = this.album.entries.some((entry) => entry.uncertainty === null && !entry.broken && !entry.done);
    if (!pending || $("page-correct").hidden) return;
    const again = () => this.pollUncertainties();
    this.timer = setTimeout(() => this.loadAlbum().then(again, again), POLL_MS);
  }

  async loadAlbum() {
    this.album = await api.getAlbum();
    const { entries, name, form } = this.album;
    const open = entries.filter((entry) => !entry.done);
    // order: unreadable images, then by uncertainty, then images that are not scanned yet
    const rank = (entry) => (entry.broken ? Infinity : (entry.uncertainty ?? -1));
    open.sort((a, b) => (rank(b) === rank(a) ? a.id - b.id : rank(b) - rank(a)));
    this.order = [...open, ...entries.filter((entry) => entry.done)];
    const scanned = entries.filter((entry) => entry.uncertainty !== null || entry.broken).length;
    const progress = [`${entries.length - open.length} of ${entries.length} faces done`, `folder “${name}”`, form];
    if (scanned < entries.length) progress.push(`${scanned} scanned`);
    $("progress").textContent = progress.join(" · ");
    this.showList();
  }

  // List the faces that match the search; the focused item stays focused.
  showList() {
    const focused = document.activeElement?.dataset.face;
    const query = $("search").value.toLowerCase();
    const matches = this.order.filter(({ name }) => name.toLowerCase().includes(query));
    $("album").replaceChildren(...matches.slice(0, MAX_LISTED).map((entry) => this.listItem(entry)));
    if (focused) $("album").querySelector(`[data-face="${focused}"]`)?.focus();
    const unlisted = matches.length - MAX_LISTED;
    $("album-more").textContent = unlisted > 0 ? `and ${unlisted} more; use search` : "";
  }

  listItem(entry) {
    const button = document.createElement("button");
    const scanned = entry.uncertainty === null ? "" : ` · ${(100 * entry.uncertainty).toFixed(1)} %`;
    const details = entry.broken ? " · cannot be read" : scanned;
    const draft = this.drafts.get(entry.id)?.edit.changed ? " · not saved" : "";
    button.textContent = `${entry.done ? "✓ " : ""}${entry.name}${details}${draft}`;
    if (entry.uncertainty !== null) button.title = "uncertainty in % of face size";
    button.dataset.face = entry.id;
    button.setAttribute("aria-current", String(entry.id === this.entry?.id));
    button.addEventListener("click", () => this.open(entry));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  // Open the next face that is not done; skipped faces come last.
  async openNext() {
    if (this.entry && !this.entry.done) this.skipped.add(this.entry.id);
    const open = this.order.filter((each) => !each.done && each.id !== this.entry?.id);
    if (open.every((each) => this.skipped.has(each.id))) this.skipped.clear();
    const entry = open.find((each) => !this.skipped.has(each.id));
    if (entry) await this.open(entry);
    else this.studio.setStatus(this.order.every((each) => each.done) ? "All faces are done." : "This is the last face to do.");
  }

  async open(entry) {
    const request = ++this.latestRequest;
    this.stage.dragged = null;
    this.studio.setStatus(`Opening ${entry.name}…`);
    const draft = this.drafts.get(entry.id);
    try {
      const [face, image] = await Promise.all([draft?.face ?? api.getFace(entry.id, this.studio.model()), loadImage(`/v1/album/${entry.id}/picture`)]);
      if (request !== this.latestRequest) return;
      Object.assign(this, { entry, face, image, selectedPoint: -1 });
    } catch (error) {
      this.skipped.add(entry.id);
      if (request === this.latestRequest) this.studio.setStatus(`${entry.name}: ${error.message}`, true);
      return;
    }
    this.stage.dragged = null;
    this.edit = draft?.edit ?? new Edit(this.face.keypoints, this.album.skeleton.flip, this.face.model);
    this.edit.mirrored = $("mirror").getAttribute("aria-pressed") === "true";
    this.stage.show(this.image, this.image.naturalWidth, this.image.naturalHeight);
    this.zoomToFace();
    const source = this.face.labeled ? "labeled" : "not labeled yet, showing the prediction";
    this.studio.setStatus(`${entry.name}: ${source}${this.edit.changed ? ", with your unsaved changes" : ""}`);
    $("correct-canvas").setAttribute("aria-label", `${entry.name} with ${this.face.keypoints.length} points`);
    this.change(() => {});
    await this.loadAlbum();
  }

  zoomToFace() {
    const visible = this.edit?.keypoints.filter(Boolean) ?? [];
    if (!visible.length) return this.stage.fit();
    const [low, high] = [Math.min, Math.max].map((pick) => [0, 1].map((axis) => pick(...visible.map((p) => p[axis]))));
    this.stage.zoomTo([...low, ...high]);
  }

  // Run `action` on the edited face, keep it as a draft and update the page.
  change(action) {
    if (!this.edit || this.saving) return;
    action();
    if (this.edit.changed) this.drafts.set(this.entry.id, { face: this.face, edit: this.edit });
    $("undo").disabled = !this.edit.undoStack.length;
    $("redo").disabled = !this.edit.redoStack.length;
    $("hide-point").disabled = this.selectedPoint < 0 || !this.album.hides;
    $("hide-point").title = this.album.hides ? "" : this.cannotHide();
    $("reset").disabled = !this.face.model;
    $("save").disabled = false;
    this.showSelectedPoint();
    this.stage.draw();
  }

  cannotHide() {
    return `${this.album.form} files cannot store hidden points`;
  }

  showSelectedPoint() {
    const name = this.album.skeleton.names[this.selectedPoint];
    const position = this.edit.keypoints[this.selectedPoint];
    const where = position ? `${position[0].toFixed(1)}, ${position[1].toFixed(1)}` : "hidden";
    $("selected-point").textContent = this.selectedPoint < 0 ? "No point selected." : `Point ${this.selectedPoint}, ${name}: ${where}`;
  }

  // Select the nearest point and return the object that drags it, or null if no point is near.
  pickPoint(position) {
    if (!this.edit || this.saving) return null;
    let [nearest, distance] = [-1, PICK_RADIUS];
    this.edit.keypoints.forEach((p, k) => {
      if (!p) return;
      const [x, y] = this.stage.toCanvas(p);
      const candidate = Math.hypot(x - position[0], y - position[1]);
      if (candidate < distance) [nearest, distance] = [k, candidate];
    });
    if (nearest < 0) return null;
    this.selectedPoint = nearest;
    const [from, start] = [this.edit.keypoints[nearest], this.stage.toImage(position)];
    let moved = false;
    this.change(() => {});
    return {
      moveTo: (to) => {
        const step = [to[0] - start[0], to[1] - start[1]];
        if (!moved && Math.hypot(...step) * this.stage.scale < DRAG_THRESHOLD) return;
        if (!moved) this.edit.recordState();
        moved = true;
        this.change(() => this.edit.moveTo(nearest, [from[0] + step[0], from[1] + step[1]]));
      },
    };
  }

  handleKey(event) {
    if (!this.edit) return false;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      this.change(() => (key === "y" || event.shiftKey ? this.edit.redo() : this.edit.undo()));
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const step = event.shiftKey ? 0.1 : 1;
    const moves = { arrowleft: [-step, 0], arrowright: [step, 0], arrowup: [0, -step], arrowdown: [0, step] };
    if (key === "n" || key === "p") this.selectNextPoint(key === "n" ? 1 : -1);
    else if (key in moves && this.selectedPoint >= 0) this.change(() => (this.edit.recordState(), this.edit.moveBy(this.selectedPoint, ...moves[key])));
    else if (key === "h") this.toggleHidden();
    else if (key === "m") this.toggleMirror();
    else if (key !== "s") return false;
    else if (!event.repeat) this.save(); // a key that is held down must not save faces that the user has not seen
    return true;
  }

  selectNextPoint(step) {
    const count = this.edit.keypoints.length;
    const from = this.selectedPoint < 0 && step < 0 ? 0 : this.selectedPoint;
    this.change(() => (this.selectedPoint = (from + step + count) % count));
  }

  toggleHidden() {
    if (this.selectedPoint < 0) return;
    if (!this.album.hides) return this.studio.setStatus(this.cannotHide(), true);
    this.change(() => (this.edit.recordState(), this.edit.toggleHidden(this.selectedPoint, this.stage.center)));
  }

  toggleMirror() {
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
      edit.markSaved();
      this.drafts.delete(entry.id);
      this.saving = false;
      this.change(() => {});
      this.studio.setStatus(`${entry.name}: saved`);
      await this.loadAlbum();
      if (this.entry === entry) await this.openNext();
      if (this.album.notice) this.studio.setStatus(this.album.notice, true);
    } catch (error) {
      // the labels have changed on disk: without the draft, opening the face again shows the file's labels
      if (error.status === HTTP_CONFLICT) this.drafts.delete(entry.id);
      this.studio.setStatus(`${entry.name}: ${error.message}`, true);
    } finally {
      this.saving = $("save").disabled = false;
    }
  }

  paint(context, stage) {
    if (!this.edit) return;
    const face = { keypoints: this.edit.keypoints, ellipses: this.face.labeled ? null : this.face.ellipses };
    drawFace(context, face, this.album.skeleton, LAYERS, (p) => stage.toCanvas(p), stage.scale, 3.2);
    const selected = this.edit.keypoints[this.selectedPoint];
    if (!selected) return;
    const [x, y] = stage.toCanvas(selected);
    for (const [color, width] of [["#fff", 5], ["#000", 2]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 8, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

function loadImage(url) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error("the image cannot be read"));
    image.src = url;
  });
}
