// The tab "Try": the user drops, pastes, chooses or films images, and the keypoints of all faces are shown.

import * as api from "../shared/api.js";
import { $, acceptChoice, acceptDrop, connectZoomButtons, countOf, decodeImage, element } from "../shared/dom.js";
import { readGroundTruth } from "../shared/formats.js";
import { Stage } from "../shared/stage.js";
import { Thumbnails } from "../shared/thumbnails.js";
import { Camera } from "./camera.js";
import { Compare } from "./compare.js";
import { Export } from "./export.js";
import { clearFaces, showFaces } from "./faces.js";
import { connectHover, hideTooltip } from "./hover.js";
import { LAYERS, paintFaces } from "./paint.js";
import { pairFaces } from "./truth.js";

const LABEL_FILE = /\.(pts|json)$/i;
const stem = (name) => name.replace(/\.[^.]*$/, "");

export class Try {
  constructor(studio) {
    this.studio = studio;
    this.entries = []; // one per image: { name, file, groundTruth, prediction, skeleton, model, error, badge }
    this.selected = null;
    this.hovered = null; // { face, k }
    this.latestSelection = 0; // counter: the result of an outdated selection is dropped
    this.waiting = []; // entries to predict
    this.candidates = []; // entries of which the first one that can be shown is opened
    this.work = null; // promise of the running predictions
    this.stage = new Stage($("try-canvas"), (context, stage) => this.selected && this.paint(context, stage, this.selected));
    this.thumbnails = new Thumbnails($("thumbnails"), (entry) => this.open(entry));
    this.compare = new Compare(studio, this.stage, (...args) => this.paint(...args), () => this.showPrediction());
    this.export = new Export(studio, () => this.predicted(), () => this.selected, () => this.drawnImage());
    this.camera = new Camera(studio, (...args) => this.predictFrame(...args), () => studio.current === "try");
    this.connectHover(this.stage, () => this.selected);
    this.connectHover(this.compare.stage, () => this.compare.shown);
    this.connectControls();
  }

  connectControls() {
    for (const id of Object.values(LAYERS)) $(`show-${id}`).addEventListener("change", () => this.draw());
    $("show-ground-truth").addEventListener("change", () => this.showPrediction());
    $("show-measurements").addEventListener("change", () => this.predictAll());
    $("clear").addEventListener("click", () => this.clear());
    $("start-folder").addEventListener("click", () => this.studio.open("correct"));
    for (const button of $("examples").querySelectorAll("button")) button.addEventListener("click", () => this.openExample(button.dataset.example));
    connectZoomButtons("try", this.stage, () => this.stage.fit());
    acceptChoice($("files"), (files) => this.addFiles(files));
    acceptDrop($("drop-area"), (files) => this.addFiles(files));
    document.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (files.length && this.studio.current === "try") this.addFiles(files);
    });
    this.showImages();
  }

  connectHover(stage, shown) {
    const find = () => ({ faces: shown()?.prediction.faces ?? [], names: shown()?.skeleton.names ?? [], errors: this.errorsOf(shown()) });
    const step = connectHover(stage, find, (point) => {
      this.hovered = point;
      this.draw();
    });
    stage.handleKey = ({ key, ctrlKey, metaKey, altKey }) => {
      const direction = { n: 1, p: -1 }[key.toLowerCase()];
      if (!direction || ctrlKey || metaKey || altKey) return false;
      step(direction);
      return true;
    };
  }

  leave() {
    this.camera.stop();
  }

  // Predict again if the model was changed while another tab was open.
  enter() {
    if (this.selected && this.selected.model !== this.studio.model()) return this.predictAll();
  }

  changeModel() {
    this.compare.listModels();
    if (this.studio.current === "try") return this.enter();
  }

  async openExample(name) {
    const content = await (await fetch(`/pages/examples/${name}`)).blob();
    await this.addFiles([new File([content], name, { type: content.type })]);
  }

  clear() {
    this.camera.stop();
    this.latestSelection++;
    this.entries = [];
    this.waiting = [];
    this.selected = null;
    this.compare.show(null);
    this.image?.close?.();
    this.image = null;
    this.clearStage();
    $("show-ground-truth").disabled = true;
    $("try-canvas").setAttribute("aria-label", "No image yet");
    clearFaces();
    this.showImages();
    this.studio.setStatus("");
  }

  clearStage() {
    this.stage.clear();
    this.showStart(true);
  }

  showStart(visible) {
    $("start").hidden = !visible;
    $("page-try").classList.toggle("start-page", visible);
  }

  // Images are added to the list. A label file belongs to the image of the same name, otherwise to the selected image.
  async addFiles(files) {
    this.camera.stop();
    if (files.length === 1 && files[0].type.startsWith("video/")) return this.studio.trackClip(files[0]);
    const labelFiles = files.filter((file) => LABEL_FILE.test(file.name));
    const added = files.filter((file) => !LABEL_FILE.test(file.name)).map((file) => ({ name: file.name, file, groundTruth: [] }));
    this.entries.push(...added);
    for (const file of labelFiles) await this.addGroundTruth(file);
    this.showImages();
    if (added.length) await this.predictEntries(added, added);
    else this.showPrediction();
  }

  async addGroundTruth(file) {
    const entry = this.entries.find(({ name }) => stem(name) === stem(file.name)) ?? this.selected;
    if (!entry) return this.studio.setStatus(`${file.name}: drop the image first, or both together`, true);
    try {
      entry.groundTruth = await readGroundTruth(file, entry.name);
      $("show-ground-truth").disabled = false;
    } catch (error) {
      this.studio.setStatus(error.message, true);
    }
  }

  // Predict all images again, for example with another model, the selected one first.
  async predictAll() {
    if (this.camera.stream) return; // the next frame is predicted anyway
    const selected = this.selected ? [this.selected] : [];
    await this.predictEntries([...selected, ...this.entries.filter((entry) => entry !== this.selected)], selected);
  }

  // Predict entries after those that are waiting, and open the first one of `candidates` that can be shown.
  async predictEntries(entries, candidates) {
    this.waiting = [...this.waiting.filter((entry) => !entries.includes(entry)), ...entries];
    this.candidates = candidates;
    this.work ??= this.predictWaiting().finally(() => (this.work = null));
    await this.work;
  }

  async predictWaiting() {
    const done = new Set();
    while (this.waiting.length) {
      const entry = this.waiting.shift();
      this.studio.setStatus(`Predicting ${entry.name}…${this.waiting.length ? ` ${this.waiting.length} more` : ""}`);
      const decoding = this.candidates.includes(entry) ? decodeImage(entry.file) : null; // while the server predicts
      decoding?.then((image) => this.preview(entry, image)).catch(() => {}); // `open` reports it
      await this.predict(entry);
      if (![...this.entries, this.selected].includes(entry)) continue; // the list was cleared meanwhile
      if (entry.prediction && this.candidates.includes(entry) && (await this.open(entry, decoding))) this.candidates = [];
      done.add(entry);
      this.showImages();
    }
    if (!this.selected) this.clearStage();
    this.report([...done]);
  }

  // Show the first image without points while the server predicts them.
  preview(entry, image) {
    if (this.selected || !this.waits(entry)) return;
    this.showStart(false);
    this.stage.show(image, image.width, image.height);
  }

  waits(entry) {
    return this.entries.includes(entry) && !entry.prediction && !entry.error;
  }

  report(entries) {
    const failed = entries.filter(({ error }) => error);
    if (failed.length === 1) this.studio.setStatus(`${failed[0].name}: ${failed[0].error}`, true);
    else if (failed.length) this.studio.setStatus(`${failed.length} of ${entries.length} images could not be read: ${failed.map(({ name }) => name).join(", ")}`, true);
    else if (this.selected) this.studio.setStatus(this.describe(this.selected));
  }

  async predict(entry) {
    try {
      await this.studio.loading;
      const [model, skeleton] = [this.studio.model(), this.studio.skeleton()];
      const prediction = await api.predict(entry.file, model, $("show-measurements").checked);
      Object.assign(entry, { prediction, skeleton, model, error: "", badge: countOf(prediction.faces.length, "face") });
    } catch (error) {
      Object.assign(entry, { prediction: null, error: error.message });
    }
  }

  // Show an entry and return whether that worked. Only the shown image is kept decoded, to save memory.
  async open(entry, decoding = null) {
    this.camera.stop();
    if (!entry.prediction) {
      if (entry.error) this.studio.setStatus(`${entry.name}: ${entry.error}`, true);
      return false;
    }
    const selection = ++this.latestSelection;
    let image;
    try {
      image = await (decoding ?? decodeImage(entry.file));
    } catch (error) {
      entry.error = error.message;
      this.studio.setStatus(`${entry.name}: ${error.message}`, true);
      return false;
    }
    if (selection !== this.latestSelection) return image.close();
    this.show(entry, image, this.selected === entry);
    this.studio.setStatus(this.describe(entry));
    return true;
  }

  // With `keep`, zoom and position do not change.
  show(entry, image, keep) {
    const former = this.image;
    this.image = image;
    this.selected = entry;
    this.hovered = null;
    this.compare.shown = null;
    hideTooltip();
    this.showStart(false);
    this.stage.show(image, entry.prediction.width, entry.prediction.height, keep);
    this.showPrediction();
    this.compare.show({ ...entry, image });
    former?.close?.(); // no stage shows it any more
    this.showImages();
  }

  // Predict and show a frame of the camera; return whether that worked.
  async predictFrame(blob, frame) {
    const entry = { name: "camera", file: blob, groundTruth: [] };
    await this.predict(entry);
    if (!this.camera.stream) return false;
    if (entry.error) {
      this.studio.setStatus(entry.error, true);
      return false;
    }
    this.latestSelection++;
    this.show(entry, frame, this.selected?.name === "camera");
    this.studio.setStatus(this.describe(entry));
    return true;
  }

  describe({ name, prediction: { faces } }) {
    return faces.length ? `${name}: ${countOf(faces.length, "face")}` : `${name}: no face found`;
  }

  // Update everything that depends on the predictions of the shown image.
  showPrediction() {
    this.export.update();
    if (!this.selected) return;
    const { prediction, name } = this.selected;
    $("try-canvas").setAttribute("aria-label", `${name} with ${countOf(prediction.faces.length, "face")}`);
    const second = this.compare.shown?.prediction.faces.map(({ keypoints }) => keypoints) ?? [];
    showFaces(this.selected, this.image, this.errorsOf(this.selected), pairFaces(prediction.faces, second), (face) => this.zoomTo(face));
    this.draw();
  }

  showImages() {
    this.thumbnails.show(this.entries, this.selected);
    $("images-title").textContent = this.entries.length ? countOf(this.entries.length, "image") : "Images";
    $("clear").disabled = !this.entries.length;
    this.export.update();
  }

  zoomTo(face) {
    const known = face.keypoints.filter(Boolean);
    const ends = [Math.min, Math.max].flatMap((pick) => [0, 1].map((axis) => pick(...known.map((p) => p[axis]))));
    this.stage.zoomTo(ends);
    for (const row of $("faces").querySelectorAll("button")) row.setAttribute("aria-current", String(Number(row.dataset.face) === face.face));
  }

  // Return the ground truth of each face of a shown prediction, with the error; null where there is none.
  errorsOf(shown) {
    if (!shown || !$("show-ground-truth").checked) return [];
    return pairFaces(shown.prediction.faces, this.selected.groundTruth ?? []);
  }

  // All entries with a prediction; the camera's frame if there are none.
  predicted() {
    return [...new Set([...this.entries, this.selected])].filter((entry) => entry?.prediction);
  }

  draw() {
    this.stage.draw();
    if (this.compare.isOn) this.compare.stage.draw();
  }

  paint(context, stage, shown) {
    const options = { groundTruth: this.selected.groundTruth ?? [], errors: this.errorsOf(shown), hovered: this.hovered };
    paintFaces(context, shown, options, (p) => stage.toCanvas(p), stage.scale);
  }

  // Return the image in its full size with the faces drawn on it.
  async drawnImage() {
    const { width, height } = this.selected.prediction;
    const canvas = element("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(this.image, 0, 0);
    const options = { groundTruth: this.selected.groundTruth ?? [], errors: this.errorsOf(this.selected), hovered: null };
    paintFaces(context, this.selected, options, ([x, y]) => [x + 0.5, y + 0.5], 1);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}
