// The page "Correct": opens images of a folder, shows all their faces, and saves what the user changes.

import { setFolder } from "../shared/api.js";
import { $, connectZoomButtons } from "../shared/dom.js";
import { FaceAdder } from "./adding.js";
import { Album, describeStart } from "./album.js";
import { boxOf, CorrectCanvas } from "./canvas.js";
import { Controls } from "./controls.js";
import { Editor, sameFaces } from "./editor.js";
import * as requests from "../shared/albums.js";
import { Saver } from "./saver.js";

const FEW_POINTS = 20; // fewer ones seldom reach the outline of a face, so more is shown around them

export class Correct {
  constructor(studio) {
    this.studio = studio;
    this.album = new Album();
    this.entry = null; // the open image's entry
    this.editor = null; // its faces
    this.labeled = false; // whether they are labels, rather than suggestions
    this.selectedFace = 0;
    this.selectedPoint = -1;
    this.skipped = new Set();
    this.latestRequest = 0; // counter: responses to an outdated request are dropped
    this.saver = new Saver((work, state, message) => this.reportSave(work, state, message));
    this.adder = new FaceAdder(this);
    this.canvas = new CorrectCanvas($("correct-canvas"), this);
    this.controls = new Controls(this);
    this.album.onChange = () => this.controls.showAlbum();
    connectZoomButtons("correct", this.canvas.stage, () => this.canvas.stage.fit());
    window.addEventListener("beforeunload", (event) => this.saver.isBusy && event.preventDefault());
  }

  get mode() {
    return this.adder.mode;
  }

  // The points that have been clicked while a face or a skeleton is added.
  get placed() {
    return this.adder.placer?.placed ?? [];
  }

  async enter() {
    const isOpen = this.studio.hasFolder;
    for (const part of $("page-correct").children) if (part.tagName !== "DIALOG") part.hidden = isOpen === (part.id === "correct-empty");
    if (!isOpen) return this.controls.showEmpty();
    if (!this.album.info) await this.openFolder(null);
    this.album.follow();
    await this.controls.training.enter();
  }

  leave() {
    this.album.stop();
    this.controls.training.leave();
    this.saveNow();
  }

  async changeModel() {
    if (!this.album.info || this.studio.current !== "correct") return;
    this.controls.training.show();
    await this.reloadImage();
  }

  // Open a folder below the server's root; null is the one that was opened last.
  async openFolder(path) {
    await this.saveNow();
    if (path !== null) setFolder(path);
    await this.album.load();
    setFolder(this.album.info.folder);
    this.studio.hasFolder = true;
    const problems = path === null ? "" : await this.studio.loadModels(); // those trained in this folder
    this.entry = this.editor = null;
    this.skipped.clear();
    this.controls.reset();
    if (path !== null) await this.enter();
    await this.openNext();
    if (problems) this.studio.setStatus(problems, true);
  }

  // Return whether the folder's points are those of a packaged skeleton, for which there are models.
  isPackaged() {
    return this.studio.models.some(({ card, skeleton }) => Object.keys(card).length && String(skeleton.names) === String(this.album.skeleton.names));
  }

  // Open the next image to do; skipped ones come last, those without a face after them.
  async openNext() {
    if (this.entry?.state === "todo") this.skipped.add(this.entry.id);
    const open = this.album.shown("todo").filter(({ id }) => id !== this.entry?.id);
    const inGroups = [...open.filter((each) => this.album.group(each) === "faces"), ...open.filter((each) => this.album.group(each) !== "faces")];
    if (inGroups.every(({ id }) => this.skipped.has(id))) this.skipped.clear();
    const next = inGroups.find(({ id }) => !this.skipped.has(id));
    if (next) return this.openImage(next.id);
    if (!this.entry && this.album.entries.size) return this.openImage(this.album.shown("all")[0].id);
    const isLast = this.entry && this.entry.state === "todo";
    this.studio.setStatus(!this.album.entries.size ? "" : isLast ? "This is the last image to do." : "All images are done.");
    this.controls.showImage();
  }

  async openImage(id) {
    const request = ++this.latestRequest;
    const entry = this.album.entries.get(id);
    if (this.work) this.saver.save(this.work);
    this.adder.stopPlacing();
    this.studio.setStatus(`Opening ${entry.name}…`);
    try {
      await this.saver.works.get(id)?.running;
      const [image, picture] = await Promise.all([requests.getImage(id, this.studio.model()), requests.loadPicture(id)]);
      if (request !== this.latestRequest) return;
      this.adopt(entry, image);
      this.controls.brightness.show(picture);
      this.canvas.show(picture);
    } catch (error) {
      if (request !== this.latestRequest) return;
      this.skipped.add(id);
      this.album.set(id, { error: error.message });
      this.studio.setStatus(`${entry.name}: ${error.message}`, true);
      if (!this.entry) await this.openNext(); // the first view must not be an error
      return;
    }
    if (this.editor.faces.length === 1) this.zoomTo(0);
    this.studio.setStatus(`${entry.name}: ${describeStart(this.labeled, this.start, this.editor.faces.length)}`);
    $("correct-canvas").setAttribute("aria-label", `${entry.name} with ${this.editor.faces.length} faces`);
    this.controls.showImage();
    this.controls.showAlbum();
    if (this.start === "none" && !this.labeled && this.album.summary().labeled === 0 && !this.isPackaged()) this.adder.addFace();
  }

  // Take over the faces of an image, with changes that an earlier page could not save.
  adopt(entry, image) {
    Object.assign(this, { entry, labeled: image.labeled, isStored: image.labeled && image.faces.length > 0, start: image.start, past: null, hasConflict: false, selectedPoint: -1, selectedFace: 0 });
    this.editor = new Editor(image.faces, this.album.skeleton.flip);
    this.editor.mirrored = $("mirror").getAttribute("aria-pressed") === "true";
    this.work = { id: entry.id, name: entry.name, folder: this.album.info.folder, editor: this.editor, seen: image.version, state: image.state, changed: image.changed };
    const kept = this.saver.kept(this.work);
    if (kept && sameFaces(kept.faces, image.labeled ? image.faces : null)) this.saver.forget(this.work);
    else if (kept) {
      this.editor.record();
      this.editor.replaceAll(kept.faces ?? []);
      Object.assign(this.work, { state: kept.state, changed: kept.changed });
      this.labeled = true;
      if (kept.seen === image.version) this.saver.schedule(this.work);
      else this.hasConflict = true;
    }
  }

  async reloadImage() {
    if (this.entry && !this.saver.works.has(this.entry.id)) await this.openImage(this.entry.id);
  }

  zoomTo(number) {
    const box = this.editor.faces[number] && boxOf(this.editor.faces[number].keypoints);
    if (box) this.canvas.stage.zoomTo(box, this.album.skeleton.count < FEW_POINTS ? 0.8 : 0.25);
  }

  select(number, k) {
    this.selectedFace = number;
    this.selectedPoint = k;
    this.controls.showFaces();
    this.canvas.draw();
  }

  dragTo(number, k, position) {
    this.editor.moveTo(number, k, position);
    this.markChanged();
  }

  // Run `action` on the faces so that it can be undone, and save.
  change(action) {
    if (!this.editor) return;
    this.editor.record();
    action(this.editor);
    this.markChanged();
  }

  // Save the faces as they are now; the image stays done if it was.
  markChanged() {
    const { work, editor } = this;
    work.changed = true;
    if (work.state === "no_face" || !editor.faces.length) work.state = "todo";
    this.commit();
  }

  commit() {
    const { work, editor } = this;
    if (this.hasTooMany()) {
      this.studio.setStatus(`${this.album.info.form} files hold one face per image: delete the others, or convert the labels to a project.`, true);
      this.controls.showFaces();
      return this.canvas.draw();
    }
    this.labeled = editor.faces.length > 0 || work.state === "no_face";
    this.selectedFace = Math.max(0, Math.min(this.selectedFace, editor.faces.length - 1));
    Object.assign(this.entry, { state: work.state, changed: work.changed, faces: this.labeled ? editor.faces.length : null });
    this.saver.schedule(work);
    this.controls.showFaces();
    this.canvas.draw();
  }

  // Return whether label files beside the images, which hold one face each, cannot store these faces.
  hasTooMany() {
    return !this.album.info.adds && !this.isStored && this.editor.faces.length > 1;
  }

  // Accept the image as it is and open the next one.
  async accept() {
    if (!this.editor || this.mode !== "edit" || this.accepting) return;
    if (!this.editor.faces.length && this.work.state !== "no_face") return this.studio.setStatus("There is no face to accept: add a face (A), or choose “No face” (X).", true);
    if (this.hasTooMany()) return this.commit();
    this.accepting = true;
    try {
      if (this.work.state !== "no_face") this.work.state = "done";
      this.commit();
      if (await this.saver.save(this.work)) await this.openNext();
    } finally {
      this.accepting = false;
    }
  }

  async markNoFace() {
    if (!this.editor || this.mode !== "edit") return;
    if (!this.album.info.adds && this.isStored) return this.studio.setStatus($("project-note").textContent, true);
    if (this.editor.faces.length) this.editor.record();
    this.editor.faces = [];
    Object.assign(this.work, { state: "no_face", changed: false });
    this.commit();
    if (await this.saver.save(this.work)) await this.openNext();
  }

  saveNow() {
    return this.work && this.saver.works.has(this.work.id) ? this.saver.save(this.work) : Promise.resolve(true);
  }

  reportSave(work, state, message) {
    const entry = this.album.entries.get(work.id);
    if (state === "saved" && entry && work.folder === this.album.info.folder) this.album.set(work.id, { state: work.state, changed: work.changed });
    if (work === this.work) this.controls.showSave(state, message);
    if (state === "failed") this.controls.showUnsaved(work, message);
    else if (state === "saved") this.controls.showUnsaved(null);
  }

  // Undo the last change; after a reload, return to the labels before it, which the server keeps.
  async undo() {
    if (!this.editor) return;
    if (this.editor.undoStack.length) this.editor.undo();
    else {
      this.past ??= await requests.getHistory(this.entry.id).catch(() => []);
      const before = this.past.find(({ faces }) => !sameFaces(faces, this.editor.update));
      if (!before) return this.studio.setStatus("There is nothing to undo.");
      this.past = this.past.slice(this.past.indexOf(before) + 1);
      this.editor.redoStack.push(this.editor.copy());
      this.editor.replaceAll((before.faces ?? []).map((keypoints) => ({ keypoints })));
      this.work.state = before.state;
    }
    if (this.work.state === "no_face" && this.editor.faces.length) this.work.state = "todo";
    if (this.work.state === "done" && !this.editor.faces.length) this.work.state = "todo";
    this.commit();
  }

  redo() {
    if (!this.editor?.redoStack.length) return;
    this.editor.redo();
    this.markChanged();
  }
}
