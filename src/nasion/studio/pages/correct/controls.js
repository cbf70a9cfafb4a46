// The controls around the stage: filters and lists, the panel of the open image, and messages.

import { $ } from "../shared/dom.js";
import * as requests from "../shared/albums.js";
import { FILTERS } from "./album.js";
import { Brightness } from "./brightness.js";
import { ExchangeDialog, FolderDialog } from "./dialogs.js";
import { Grid } from "./grid.js";
import { connectKeys } from "./keys.js";
import { ImageList } from "./list.js";
import { TrainingCard } from "./training.js";

export class Controls {
  constructor(page) {
    this.page = page;
    this.list = new ImageList($("album"), $("album"), (id) => page.openImage(id));
    this.grid = new Grid(page);
    this.training = new TrainingCard(page);
    this.brightness = new Brightness(page.canvas);
    this.folders = new FolderDialog((path) => page.openFolder(path));
    this.exchange = new ExchangeDialog(() => this.afterImport(), () => page.saveNow());
    page.showGrid = (on) => this.showGrid(on);
    this.connectLists();
    this.connectImage();
    this.connectMessages();
    connectKeys(page, this);
  }

  connectLists() {
    const { page } = this;
    for (const [name, [text, title]] of Object.entries(FILTERS)) {
      const button = Object.assign(document.createElement("button"), { title });
      button.dataset.filter = name;
      button.append(text, " ", Object.assign(document.createElement("span"), { className: "numbers" }));
      button.addEventListener("click", () => ((page.album.filter = name), this.showAlbum()));
      $("filters").append(button);
    }
    $("search").addEventListener("input", () => ((page.album.query = $("search").value), this.showAlbum()));
    $("sort").addEventListener("change", () => ((page.album.sort = $("sort").value), this.showAlbum()));
    $("show-grid").addEventListener("click", () => this.showGrid($("grid").hidden));
    for (const name of ["open-folder", "open-other", "empty-open"]) $(name).addEventListener("click", () => this.folders.show(page.album.info && !page.album.info.folder.includes(":") ? page.album.info.folder : ""));
  }

  connectImage() {
    const { page } = this;
    const actions = {
      save: () => page.accept(), skip: () => page.openNext(), "no-face": () => page.markNoFace(), "add-face": () => page.adder.addFace(),
      undo: () => page.undo(), redo: () => page.redo(), "hide-point": () => this.toggleHidden(), mirror: () => this.toggleMirror(), reset: () => this.resetFace(),
      loupe: () => this.toggle("loupe", (on) => (page.canvas.showsLoupe = on)), names: () => this.toggle("names", (on) => (page.canvas.showsNumbers = on)),
      "open-import": () => this.exchange.show(true), "open-export": () => this.exchange.show(false), "make-project": () => this.makeProject(),
      "done-export": () => this.exchange.show(false), "done-train": () => page.studio.open("train"),
      "place-skip": () => page.adder.skip(), "place-back": () => page.adder.back(),
      "place-cancel": () => page.adder.stopPlacing(), "skeleton-cancel": () => page.adder.stopPlacing(),
    };
    $("skeleton-form").addEventListener("submit", (event) => (event.preventDefault(), page.adder.placer?.create?.()));
    for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
    $("open-shortcuts").addEventListener("click", () => $("shortcuts-dialog").showModal());
    $("shortcuts-close").addEventListener("click", () => $("shortcuts-dialog").close());
  }

  connectMessages() {
    const { page } = this;
    $("conflict-theirs").addEventListener("click", async () => {
      page.saver.drop(page.work);
      $("conflict-bar").hidden = true;
      await page.openImage(page.entry.id);
    });
    $("conflict-mine").addEventListener("click", async () => {
      $("conflict-bar").hidden = true;
      page.hasConflict = false;
      const { version, faces } = await requests.getImage(page.entry.id, page.studio.model());
      page.work.seen = version;
      page.editor.markSaved(page.editor.keys.slice(0, faces.length));
      page.commit();
    });
    $("unsaved-retry").addEventListener("click", () => this.unsaved && page.saver.save(this.unsaved));
  }

  // Say why no folder is open, and how to open one.
  async showEmpty() {
    const { root } = await requests.getStudioInfo();
    $("empty-open").hidden = root === null;
    $("correct-start").hidden = $("correct-start-text").hidden = root !== null;
    $("correct-empty-reason").textContent = root === null ? "No folder is open." : `No folder is open yet. Choose one below “${root}”.`;
  }

  // Another folder has been opened.
  reset() {
    this.list.clear();
    this.grid.list.clear();
    $("grid").hidden = true;
    $("show-grid").setAttribute("aria-pressed", "false");
    Object.assign($("search"), { value: "" });
    Object.assign(this.page.album, { query: "", filter: "all" });
    this.training.used = null;
    this.page.canvas.stage.image = null;
    this.page.canvas.draw();
    for (const id of ["conflict-bar", "unsaved-bar"]) $(id).hidden = true;
    this.showAlbum();
    this.showImage();
  }

  showAlbum() {
    const { album, entry, studio } = this.page;
    const { images, finished, faces, unreadable, scanned } = album.summary();
    $("folder-name").textContent = album.info.name;
    $("folder-name").title = `${album.info.folder || album.info.name} · labels in ${album.info.form}`;
    $("correct-bar").max = Math.max(1, images - unreadable);
    $("correct-bar").value = finished;
    const parts = [`${finished} of ${images - unreadable} images done`, `${faces} face${faces === 1 ? "" : "s"}`];
    if (unreadable) parts.push(`${unreadable} cannot be read`);
    if (scanned < images) parts.push(`${scanned} scanned`);
    $("all-done").hidden = !faces || finished < images - unreadable;
    $("done-train").hidden = !this.page.isPackaged(); // for other points there is a card
    $("progress").textContent = parts.join(" · ");
    for (const button of $("filters").children) {
      button.setAttribute("aria-pressed", String(button.dataset.filter === album.filter));
      button.querySelector("span").textContent = album.count(button.dataset.filter);
    }
    const shown = album.shown();
    const group = (each) => album.group(each);
    if (!$("grid").hidden) this.grid.show(shown, group, entry?.id);
    this.list.show(shown, group, entry?.id);
    const isEmpty = !images;
    $("correct-hint").hidden = !isEmpty && shown.length > 0;
    $("correct-hint").textContent = isEmpty ? `There are no images in “${album.info.name}”. Copy images into the folder and reload the page, or open another folder.` : "No image fits the filter and the search.";
    if (!isEmpty && entry) $("correct-hint").hidden = true;
    if (album.info.notice) studio.setStatus(album.info.notice, true);
    if (this.page.editor) this.showCards();
  }

  showGrid(on) {
    $("grid").hidden = !on;
    $("show-grid").setAttribute("aria-pressed", String(on));
    if (on) this.showAlbum();
    else $("correct-canvas").focus({ preventScroll: true });
  }

  showImage() {
    const { editor, entry, page } = { ...this.page, page: this.page };
    $("image-name").textContent = entry?.name ?? "No image";
    $("image-name").title = entry?.name ?? "";
    $("conflict-bar").hidden = true;
    if (page.hasConflict) this.showSave("conflict");
    else this.showSave(editor && this.page.labeled && !page.saver.works.has(entry.id) ? "saved" : undefined);
    for (const id of ["save", "no-face", "add-face", "skip"]) $(id).disabled = !editor;
    this.showFaces();
    if (editor) this.showCards();
    if (editor && page.saver.works.get(entry.id)?.failed) this.showSave("failed", "");
  }

  showFaces() {
    const { editor, album, selectedFace, selectedPoint, labeled } = this.page;
    const faces = editor?.faces ?? [];
    $("correct-faces-title").textContent = !faces.length ? "Faces" : `${faces.length} ${labeled ? "" : "suggested "}face${faces.length === 1 ? "" : "s"}`;
    const isDone = !$("all-done").hidden;
    for (const [id, isNext] of [["save", !isDone && (faces.length > 0 || !editor)], ["no-face", Boolean(editor) && !faces.length]]) $(id).classList.toggle("primary", isNext);
    $("face-rows").replaceChildren(...faces.map((face, number) => this.faceRow(face, number)));
    const fixed = album.info && !album.info.adds;
    $("project-note").hidden = $("make-project").hidden = !fixed;
    if (fixed) $("project-note").textContent = `${album.info.form} files: points can be moved. To add and delete faces, convert the labels to a nasion project; these files stay as they are.`;
    $("undo").disabled = !editor;
    $("redo").disabled = !editor?.redoStack.length;
    const face = faces[selectedFace];
    const point = face?.keypoints[selectedPoint];
    $("hide-point").disabled = !face || selectedPoint < 0 || !album.info.hides;
    $("hide-point").title = album.info && !album.info.hides ? `${album.info.form} files cannot store hidden points` : "Mark the point as not visible (H)";
    $("hide-point").textContent = face && selectedPoint >= 0 && !point ? "Show point" : "Hide point";
    $("reset").disabled = !face?.model;
    $("reset").title = face && !face.model ? "The selected model has other points" : "Return the face to the model’s points (R)";
    const where = point ? `${point[0].toFixed(1)}, ${point[1].toFixed(1)}` : "hidden";
    $("selected-point").textContent = !face || selectedPoint < 0 ? "No point selected." : `Point ${selectedPoint}, ${album.skeleton.names[selectedPoint]}: ${where}`;
  }

  faceRow(face, number) {
    const { page } = this;
    const item = document.createElement("li");
    const choose = document.createElement("button");
    const missing = face.keypoints.filter((point) => !point).length;
    choose.append(`Face ${number}`, Object.assign(document.createElement("span"), { className: "note numbers", textContent: missing ? `${missing} hidden` : "" }));
    choose.className = "face";
    choose.setAttribute("aria-pressed", String(number === page.selectedFace));
    choose.title = "Select the face and zoom to it";
    choose.addEventListener("click", () => (page.select(number, -1), page.zoomTo(number)));
    const remove = Object.assign(document.createElement("button"), { className: "plain", textContent: "Delete" });
    remove.setAttribute("aria-label", `Delete face ${number}`);
    remove.disabled = !page.album.info.adds && page.labeled;
    remove.title = remove.disabled ? `Faces cannot be deleted from ${page.album.info.form} files` : "Delete the face (Delete)";
    remove.addEventListener("click", () => this.removeFace(number));
    item.append(choose, remove);
    return item;
  }

  removeFace(number) {
    const { page } = this;
    if (!page.album.info.adds && page.labeled) return page.studio.setStatus($("project-note").textContent, true);
    page.selectedPoint = -1;
    page.change((editor) => editor.remove(number));
    page.studio.setStatus(`Deleted face ${number}. Undo brings it back.`);
  }

  showCards() {
    const { page } = this;
    this.training.show();
    const { skeleton, info } = page.album;
    const title = Object.assign(document.createElement("h3"), { textContent: "Points" });
    const text = Object.assign(document.createElement("p"), { className: "note", textContent: `${skeleton.count} point${skeleton.count === 1 ? "" : "s"} of ${skeleton.name}` });
    const parts = [title, text];
    if (info.adds && !page.album.summary().labeled && page.isPackaged()) {
      const button = Object.assign(document.createElement("button"), { id: "make-skeleton", textContent: "Define your own points…" });
      button.addEventListener("click", () => page.adder.makeSkeleton());
      parts.push(button);
    }
    $("skeleton-group").replaceChildren(...parts);
  }

  showPlacing() {
    const { mode, editor, adder } = this.page;
    $("place-bar").hidden = mode === "edit";
    $("place-text").textContent = mode === "box" ? "Drag a box around the face" : (adder.placer?.text ?? "");
    $("place-skip").hidden = !adder.placer?.canSkip;
    $("place-back").hidden = !this.page.placed.length;
    $("correct-canvas").classList.toggle("crosshair", mode !== "edit");
    $("correct-panel").classList.toggle("making", mode === "place" && !$("skeleton-form").hidden);
    for (const id of ["save", "no-face", "add-face"]) $(id).disabled = mode !== "edit" || !editor;
    if (mode === "edit" && !$("skeleton-form").hidden) {
      $("skeleton-form").hidden = true;
      this.page.reloadImage();
    }
  }

  showSave(state, message = "") {
    const { work, entry } = this.page;
    const words = { saving: "saving…", saved: "saved", failed: "not saved", conflict: "not saved" };
    const parts = entry ? [{ todo: "to do", done: "done", no_face: "no face" }[work?.state] ?? ""] : [];
    if (state) parts.push(words[state]);
    $("image-state").textContent = parts.filter(Boolean).join(" · ");
    $("image-state").classList.toggle("error", state === "failed" || state === "conflict");
    if (state === "conflict") {
      $("conflict-text").textContent = `${entry.name} was changed in another window. Your changes here are not saved.`;
      $("conflict-bar").hidden = false;
    }
    if (state === "saved" && message) this.page.studio.setStatus(message, true);
  }

  // Say that an image could not be saved; null hides the message.
  showUnsaved(work, message) {
    this.unsaved = work;
    $("unsaved-bar").hidden = !work;
    if (work) $("unsaved-text").textContent = `${work.name} is not saved: ${message}. Your changes are kept in this browser, which tries again every few seconds.`;
  }

  async afterImport() {
    const { page } = this;
    await page.album.load();
    if (page.entry) await page.openImage(page.entry.id);
  }

  async makeProject() {
    const { page } = this;
    await page.saveNow();
    try {
      const { faces } = await requests.makeProject();
      await this.afterImport();
      page.studio.setStatus(`The labels of ${faces} faces are now in ${page.album.info.form}. The files they came from stay as they are.`);
    } catch (error) {
      page.studio.setStatus(error.message, true);
    }
  }

  toggle(id, apply) {
    const on = $(id).getAttribute("aria-pressed") !== "true";
    $(id).setAttribute("aria-pressed", String(on));
    apply(on);
    this.page.canvas.draw();
  }

  toggleMirror() {
    this.toggle("mirror", (on) => this.page.editor && (this.page.editor.mirrored = on));
  }

  toggleHidden() {
    const { selectedFace, selectedPoint, album, canvas, studio } = this.page;
    if (selectedPoint < 0 || !this.page.editor?.faces[selectedFace]) return;
    if (!album.info.hides) return studio.setStatus($("hide-point").title, true);
    this.page.change((editor) => editor.toggleHidden(selectedFace, selectedPoint, canvas.stage.center));
  }

  resetFace() {
    const { selectedFace } = this.page;
    if (this.page.editor?.faces[selectedFace]?.model) this.page.change((editor) => editor.reset(selectedFace));
  }
}
