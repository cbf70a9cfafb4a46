// The page "Try": the user drops, pastes, chooses or films images, and the keypoints of all faces are shown.

import * as api from "../shared/api.js";
import { $, connectZoomButtons, decodeImage } from "../shared/dom.js";
import { drawFace, drawGroundTruth, drawNumber } from "../shared/draw.js";
import { download, readGroundTruth, toCsv, toJson, toPts } from "../shared/formats.js";
import { measurementTable } from "../shared/measure.js";
import { Stage } from "../shared/stage.js";

const LABEL_FILE = /\.(pts|json)$/i;
const LAYERS = { points: "points", lines: "lines", uncertainty: "uncertainty", regions: "regions", groundTruth: "ground-truth" };
const DOWNLOADS = ["json", "csv", "pts", "image"];
const stem = (name) => name.replace(/\.[^.]*$/, "");

export class Try {
  constructor(studio) {
    this.studio = studio;
    this.entries = []; // one per image: { name, file, groundTruth, prediction, skeleton, error, url }
    this.selected = null;
    this.latestSelection = this.latestRun = 0; // counters: results of an outdated selection or run are dropped
    this.stage = new Stage($("try-canvas"), (context, stage) => this.paint(context, stage));
    for (const id of Object.values(LAYERS)) $(`show-${id}`).addEventListener("change", () => this.stage.draw());
    $("show-measurements").addEventListener("change", () => this.predictAll());
    $("files").addEventListener("change", (event) => this.addFiles([...event.target.files]).then(() => (event.target.value = "")));
    connectZoomButtons("try", this.stage, () => this.stage.fit());
    $("camera").addEventListener("click", () => this.toggleCamera());
    $("save-json").addEventListener("click", () => download(toJson(this.predicted()), "keypoints.json", "application/json"));
    $("save-csv").addEventListener("click", () => download(toCsv(this.predicted()), "keypoints.csv", "text/csv"));
    $("save-pts").addEventListener("click", () => this.downloadPts());
    $("save-image").addEventListener("click", () => this.downloadImage());
    this.acceptDropAndPaste();
  }

  leave() {
    this.stopCamera();
  }

  changeModel() {
    return this.predictAll();
  }

  acceptDropAndPaste() {
    const area = $("drop-area");
    for (const kind of ["dragenter", "dragover"])
      area.addEventListener(kind, (event) => (event.preventDefault(), area.classList.add("drag-over")));
    for (const kind of ["dragleave", "drop"]) area.addEventListener(kind, () => area.classList.remove("drag-over"));
    area.addEventListener("drop", (event) => (event.preventDefault(), this.addFiles([...event.dataTransfer.files])));
    document.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (files.length && this.studio.current === "try") this.addFiles(files);
    });
  }

  // Images are added to the list. A label file belongs to the image of the same name, otherwise to the selected image.
  async addFiles(files) {
    this.stopCamera();
    const labelFiles = files.filter((file) => LABEL_FILE.test(file.name));
    const added = files.filter((file) => !LABEL_FILE.test(file.name)).map((file) => ({ name: file.name, file, groundTruth: [] }));
    this.entries.push(...added);
    for (const file of labelFiles) await this.addGroundTruth(file);
    this.showThumbnails();
    for (const entry of added) await this.predict(entry);
    if (!added.length) this.stage.draw();
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

  async predict(entry) {
    this.studio.setStatus(`Predicting ${entry.name}…`);
    const skeleton = this.studio.skeleton();
    try {
      const prediction = await api.predict(entry.file, this.studio.model(), $("show-measurements").checked);
      Object.assign(entry, { prediction, skeleton, error: "" });
      await this.select(entry);
    } catch (error) {
      entry.error = error.message;
      this.studio.setStatus(`${entry.name}: ${error.message}`, true);
    }
    this.showThumbnails();
  }

  // Predict all images again, for example with another model; the selected image comes last, so that it stays selected.
  async predictAll() {
    const run = ++this.latestRun;
    const selected = this.selected;
    const others = this.entries.filter((entry) => entry !== selected);
    for (const entry of this.entries.includes(selected) ? [...others, selected] : others) {
      if (run !== this.latestRun) return;
      await this.predict(entry);
    }
  }

  // Only the selected image is kept decoded, to save memory.
  async select(entry) {
    const selection = ++this.latestSelection;
    const image = await decodeImage(entry.file);
    if (selection !== this.latestSelection) return image.close();
    this.image?.close?.();
    this.image = image;
    const isSame = this.selected === entry; // the zoom is kept
    this.selected = entry;
    $("hint").hidden = true;
    $("drop-area").classList.add("full");
    this.stage.show(image, entry.prediction.width, entry.prediction.height, isSame);
    this.showPrediction(entry);
    this.showThumbnails();
  }

  showPrediction(entry) {
    const { faces } = entry.prediction;
    const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
    this.studio.setStatus(faces.length ? `${entry.name}: ${count}` : `${entry.name}: no face found`);
    $("try-canvas").setAttribute("aria-label", `${entry.name} with ${count}`);
    $("faces").replaceChildren(...faces.flatMap((face) => describeFace(face, faces.length)));
    $("measurement-note").hidden = !$("faces").querySelector("table");
    for (const id of DOWNLOADS) $(`save-${id}`).disabled = !faces.length;
  }

  showThumbnails() {
    const focused = document.activeElement?.dataset.entry;
    $("thumbnails").replaceChildren(...this.entries.map((entry, k) => this.thumbnail(entry, k)));
    if (focused) $("thumbnails").querySelector(`[data-entry="${focused}"]`)?.focus();
  }

  thumbnail(entry, k) {
    const button = document.createElement("button");
    button.setAttribute("aria-label", entry.error ? `${entry.name}: ${entry.error}` : entry.name);
    button.setAttribute("aria-current", String(entry === this.selected));
    button.disabled = !entry.prediction;
    button.dataset.entry = k;
    button.addEventListener("click", () =>
      this.select(entry).catch((error) => this.studio.setStatus(`${entry.name}: ${error.message}`, true)),
    );
    const image = document.createElement("img");
    image.alt = "";
    entry.url ??= URL.createObjectURL(entry.file);
    image.src = entry.url;
    button.append(image);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  // All entries with a prediction, including the camera's.
  predicted() {
    return [...new Set([...this.entries, this.selected])].filter((entry) => entry?.prediction);
  }

  paint(context, stage) {
    if (!this.selected) return;
    const radius = Math.min(6, Math.max(1.6, stage.scale * this.pointRadius()));
    this.drawFaces(context, (p) => stage.toCanvas(p), stage.scale, radius);
  }

  // Radius of a point in image px, relative to the largest face.
  pointRadius() {
    const { width, height, faces } = this.selected.prediction;
    const side = faces.length ? Math.max(...faces.map(({ box }) => box[2] - box[0])) : Math.max(width, height);
    return side / 150;
  }

  drawFaces(context, toCanvas, scale, radius) {
    const show = Object.fromEntries(Object.entries(LAYERS).map(([layer, id]) => [layer, $(`show-${id}`).checked]));
    const { faces, height } = this.selected.prediction;
    for (const face of faces) drawFace(context, face, this.selected.skeleton, show, toCanvas, scale, radius);
    if (faces.length > 1) for (const face of faces) drawNumber(context, face, height, toCanvas, scale);
    if (show.groundTruth) drawGroundTruth(context, this.selected.groundTruth ?? [], toCanvas, radius);
  }

  downloadPts() {
    const { name, prediction } = this.selected;
    prediction.faces.forEach((face, k) => download(toPts(face), `${stem(name)}${k ? `_${k}` : ""}.pts`, "text/plain"));
  }

  downloadImage() {
    const { width, height } = this.selected.prediction;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(this.image, 0, 0, width, height);
    this.drawFaces(context, ([x, y]) => [x + 0.5, y + 0.5], 1, Math.max(1.2, this.pointRadius()));
    canvas.toBlob((blob) => download(blob, `${stem(this.selected.name)}-points.png`));
  }

  async toggleCamera() {
    if (this.stream) return this.stopCamera();
    if (this.cameraOpening) return;
    if (!window.isSecureContext)
      return this.studio.setStatus("Browsers allow the camera only on this computer (localhost) or over HTTPS.", true);
    this.cameraOpening = true;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
    } catch {
      return this.studio.setStatus("The camera cannot be opened. Check that one is connected and that this page may use it.", true);
    } finally {
      this.cameraOpening = false;
    }
    if (this.studio.current !== "try") return this.stopCamera();
    $("camera").setAttribute("aria-pressed", "true");
    $("video").srcObject = this.stream;
    await $("video").play();
    await this.predictCamera();
    this.stopCamera();
  }

  // Predict one frame after the other until the camera is stopped.
  async predictCamera() {
    const entry = { name: "camera", groundTruth: [], prediction: null };
    while (this.stream) {
      const frame = captureFrame($("video"));
      const skeleton = this.studio.skeleton();
      const blob = await new Promise((resolve) => frame.toBlob(resolve, "image/jpeg", 0.9));
      try {
        entry.prediction = await api.predict(blob, this.studio.model(), $("show-measurements").checked);
      } catch (error) {
        return this.studio.setStatus(error.message, true);
      }
      if (!this.stream) return;
      const isFirst = this.selected !== entry;
      this.latestSelection++;
      this.selected = entry;
      this.image?.close?.();
      this.image = frame;
      Object.assign(entry, { file: blob, skeleton });
      $("hint").hidden = true;
      this.stage.show(frame, frame.width, frame.height, !isFirst);
      this.showPrediction(entry);
    }
  }

  stopCamera() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    $("camera").setAttribute("aria-pressed", "false");
  }
}

function captureFrame(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas;
}

// Return one line about a face, with its score and the median uncertainty of its points, and its measurements.
function describeFace(face, count) {
  const line = document.createElement("p");
  const name = document.createElement("b");
  name.textContent = count > 1 ? `Face ${face.face}` : "Face";
  const spreads = (face.spread_px ?? []).filter((value) => value !== null).sort((a, b) => a - b);
  const error = spreads.length ? `, typical error ${spreads[spreads.length >> 1].toFixed(1)}\u00a0px` : "";
  line.append(name, `: score ${face.score.toFixed(2)}${error}`);
  const table = measurementTable(face);
  return table ? [line, table] : [line];
}
