// The grid of thumbnails: select many images, accept them, mark them as showing no face, or open them again.

import { $ } from "../shared/dom.js";
import { ImageList } from "./list.js";
import * as requests from "../shared/albums.js";

export class Grid {
  // `page` has album, studio, openImage and closeGrid.
  constructor(page) {
    this.page = page;
    this.selected = new Set();
    this.anchor = null; // image from which Shift selects
    this.changes = []; // what the last action did, for undo: [id, name]
    this.list = new ImageList($("grid-items"), $("grid"), (id, event) => this.click(id, event), (entry, item) => this.complete(entry, item));
    $("grid-all").addEventListener("click", () => this.select(this.list.entries.map(({ id }) => id)));
    $("grid-none").addEventListener("click", () => this.select([]));
    $("grid-accept").addEventListener("click", () => this.run("Accepted", (entry) => requests.acceptImage(entry.id, page.studio.model())));
    $("grid-no-face").addEventListener("click", () => this.run("Marked as “No face”", (entry) => this.setState(entry, "no_face")));
    $("grid-reopen").addEventListener("click", () => this.run("Reopened", (entry) => this.setState(entry, "todo")));
    $("grid-undo").addEventListener("click", () => this.undo());
    $("grid-stop").addEventListener("click", () => (this.stopped = true));
    $("grid-close").addEventListener("click", () => page.showGrid(false));
  }

  show(entries, group, current) {
    const shown = new Set(entries.map(({ id }) => id));
    this.selected = new Set([...this.selected].filter((id) => shown.has(id)));
    this.list.show(entries, group, current);
    this.showSelection();
  }

  complete(entry, item) {
    let box = item.querySelector("input");
    if (!box) {
      box = Object.assign(document.createElement("input"), { type: "checkbox" });
      box.setAttribute("aria-label", `Select ${entry.name}`);
      box.addEventListener("click", (event) => this.toggle(entry.id, event.shiftKey));
      item.prepend(box);
    }
    box.checked = this.selected.has(entry.id);
  }

  click(id, event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) this.toggle(id, event.shiftKey);
    else {
      this.page.showGrid(false);
      this.page.openImage(id);
    }
  }

  toggle(id, isRange) {
    const ids = this.list.entries.map((entry) => entry.id);
    if (isRange && this.anchor !== null) {
      const [from, to] = [ids.indexOf(this.anchor), ids.indexOf(id)].sort((a, b) => a - b);
      for (const each of ids.slice(Math.max(from, 0), to + 1)) this.selected.add(each);
    } else if (!this.selected.delete(id)) this.selected.add(id);
    this.anchor = id;
    this.showSelection();
  }

  select(ids) {
    this.selected = new Set(ids);
    this.showSelection();
  }

  showSelection() {
    for (const box of $("grid-items").querySelectorAll("input")) box.checked = this.selected.has(Number(box.parentElement.querySelector("button").dataset.image));
    const [count, all] = [this.selected.size, this.list.entries.length];
    $("grid-count").textContent = count ? `${count} of ${all} selected` : `${all} image${all === 1 ? "" : "s"}`;
    for (const name of ["accept", "no-face", "reopen"]) $(`grid-${name}`).disabled = !count || this.running;
    $("grid-none").hidden = !count;
    $("grid-all").hidden = count === all;
    $("grid-accept").textContent = count ? `Accept ${count}` : "Accept";
  }

  // Set the state of an image; "no_face" deletes its faces, which undo brings back.
  async setState(entry, state) {
    const { version, faces, labeled, changed, name } = await requests.getImage(entry.id, this.page.studio.model());
    const kept = state === "todo" && labeled && faces.length ? faces.map(({ keypoints, origin }) => ({ keypoints, origin })) : null;
    return requests.saveImage(entry.id, { name, seen: version, state, changed, faces: state === "no_face" ? [] : kept });
  }

  async run(words, act) {
    const ids = this.list.entries.map(({ id }) => id).filter((id) => this.selected.has(id));
    const done = await this.each(ids, words, act);
    this.changes = done;
    $("grid-undo").hidden = !done.length;
    this.select([]);
  }

  // Run `act` on one image after another; return those for which it succeeded.
  async each(ids, words, act) {
    const [done, errors] = [[], []];
    this.running = true;
    this.stopped = false;
    $("grid-stop").hidden = false;
    this.showSelection();
    for (const id of ids) {
      if (this.stopped) break;
      const entry = this.page.album.entries.get(id);
      try {
        await act(entry);
        done.push(id);
      } catch (error) {
        errors.push(error.message);
      }
      this.page.studio.setStatus(`${words}: ${done.length} of ${ids.length}…`);
    }
    this.running = false;
    $("grid-stop").hidden = true;
    await this.page.album.load(true);
    await this.page.reloadImage();
    const failed = errors.length ? ` ${errors.length} left out: ${errors[0]}${errors.length > 1 ? ", …" : ""}` : "";
    this.page.studio.setStatus(`${words}: ${done.length} image${done.length === 1 ? "" : "s"}.${failed}`, errors.length > 0 && !done.length);
    return done;
  }

  // Restore what the images of the last action were before it, from the server's history.
  async undo() {
    const ids = this.changes;
    this.changes = [];
    $("grid-undo").hidden = true;
    await this.each(ids, "Restored", async (entry) => {
      const [[before], { version, name, changed }] = await Promise.all([requests.getHistory(entry.id), requests.getImage(entry.id, this.page.studio.model())]);
      const faces = before.faces?.map((keypoints, origin) => ({ keypoints, origin })) ?? null;
      return requests.saveImage(entry.id, { name, seen: version, state: before.state, changed, faces });
    });
  }
}
