// Saves changes as they are made. Until the server has stored a change, the browser keeps it in its own storage, so that
// a full disk, a stopped server, a reload or a closed window loses nothing.

import * as requests from "../shared/albums.js";

const DELAY_MS = 400;
const RETRY_MS = 5000;
const HTTP_CONFLICT = 409;

export class Saver {
  // `report` shows the state of an image's labels: "saved", "saving", "conflict" or "failed" with a message.
  constructor(report) {
    this.report = report;
    this.works = new Map(); // images with unsaved changes, by id
    window.addEventListener("pagehide", () => this.leave());
  }

  get isBusy() {
    return this.works.size > 0;
  }

  // Save `work` soon: { id, name, folder, editor, seen, state, changed }. `seen` is updated after each save.
  schedule(work) {
    this.works.set(work.id, work);
    work.revision = (work.revision ?? 0) + 1;
    this.keep(work);
    this.report(work, "saving");
    clearTimeout(work.timer);
    work.timer = setTimeout(() => this.save(work), DELAY_MS);
  }

  // Save now, after a save that is under way; return whether the server has stored everything.
  async save(work) {
    while (work.running) await work.running;
    clearTimeout(work.timer);
    if (this.works.get(work.id) !== work) return !work.failed;
    work.running = this.send(work);
    try {
      return await work.running;
    } finally {
      work.running = null;
    }
  }

  async send(work) {
    const { revision, editor } = work;
    const keys = editor.keys;
    try {
      const { version, notice } = await requests.saveImage(work.id, this.update(work));
      work.seen = version;
      work.failed = false;
      editor.markSaved(keys);
      if (work.revision !== revision) {
        this.keep(work); // the user has made further changes in the meantime, which are saved next
        return true;
      }
      this.drop(work);
      this.report(work, "saved", notice);
      return true;
    } catch (error) {
      work.failed = true;
      const isConflict = error.status === HTTP_CONFLICT;
      if (isConflict) this.works.delete(work.id);
      else work.timer = setTimeout(() => this.save(work), RETRY_MS);
      this.report(work, isConflict ? "conflict" : "failed", error.message);
      return false;
    }
  }

  update({ name, editor, seen, state, changed }) {
    const faces = editor.update;
    return { name, seen, state, changed, faces: faces.length || state === "no_face" ? faces : null };
  }

  // Stop saving an image, and drop what the browser keeps of it.
  drop(work) {
    clearTimeout(work.timer);
    this.works.delete(work.id);
    this.forget(work);
  }

  keep(work) {
    try {
      const { seen, state, changed, faces } = this.update(work);
      localStorage.setItem(keyOf(work), JSON.stringify({ seen, state, changed, faces }));
    } catch {
      // the browser's storage is full or disabled; the page asks before it is closed
    }
  }

  forget(work) {
    localStorage.removeItem(keyOf(work));
  }

  // Return what an earlier page could not save of an image: { seen, state, changed, faces }, or null.
  kept(work) {
    try {
      return JSON.parse(localStorage.getItem(keyOf(work)));
    } catch {
      return null;
    }
  }

  // The page is being closed: send what is left without waiting. What does not arrive stays in the browser's storage.
  leave() {
    for (const work of this.works.values()) {
      clearTimeout(work.timer);
      if (!work.running) requests.saveImage(work.id, this.update(work), true).then(() => this.forget(work), () => {});
    }
  }
}

const keyOf = ({ folder, name }) => `nasion-unsaved:${folder}:${name}`;
