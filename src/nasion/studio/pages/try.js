// The room "Try": pictures come by drop, paste, choice or camera; points appear on the faces.

import * as api from "./api.js";
import { drawFace, drawTruth } from "./draw.js";
import { readTruth, save, toCsv, toJson, toPts } from "./formats.js";
import { View } from "./view.js";

const $ = (id) => document.getElementById(id);
const ANNOTATION = /\.(pts|json)$/i;
const stem = (name) => name.replace(/\.[^.]*$/, "");

export class Try {
  constructor(studio) {
    this.studio = studio;
    this.pictures = [];
    this.chosen = null;
    this.turn = this.round = 0; // an answer or a picture that comes late is not shown
    this.view = new View($("canvas"), (pen, view) => this.paint(pen, view));
    for (const id of ["points", "lines", "spread", "regions", "truth"]) $(`show-${id}`).addEventListener("change", () => this.view.draw());
    $("files").addEventListener("change", (event) => this.take([...event.target.files]).then(() => (event.target.value = "")));
    $("zoom-in").addEventListener("click", () => this.view.zoomBy(1.5));
    $("zoom-out").addEventListener("click", () => this.view.zoomBy(1 / 1.5));
    $("zoom-fit").addEventListener("click", () => this.view.fit());
    $("camera").addEventListener("click", () => this.toggleCamera());
    $("save-json").addEventListener("click", () => save(toJson(this.done()), "keypoints.json", "application/json"));
    $("save-csv").addEventListener("click", () => save(toCsv(this.done()), "keypoints.csv", "text/csv"));
    $("save-pts").addEventListener("click", () => this.savePts());
    $("save-picture").addEventListener("click", () => this.savePicture());
    this.listen();
  }

  listen() {
    const drop = $("drop");
    for (const kind of ["dragenter", "dragover"])
      drop.addEventListener(kind, (event) => (event.preventDefault(), drop.classList.add("over")));
    for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => (event.preventDefault(), this.take([...event.dataTransfer.files])));
    document.addEventListener("paste", (event) => {
      const files = [...event.clipboardData.files];
      if (files.length && !$("room-try").hidden) this.take(files);
    });
  }

  // Files: pictures become entries; annotations go to the picture of the same name, or to the one on show.
  async take(files) {
    this.stopCamera();
    const truths = files.filter((file) => ANNOTATION.test(file.name));
    const added = files.filter((file) => !ANNOTATION.test(file.name)).map((file) => ({ name: file.name, file, truth: [] }));
    this.pictures.push(...added);
    for (const file of truths) await this.takeTruth(file);
    this.list();
    for (const entry of added) await this.find(entry);
    if (!added.length) this.view.draw();
  }

  async takeTruth(file) {
    const entry = this.pictures.find((each) => stem(each.name) === stem(file.name)) ?? this.chosen;
    if (!entry) return this.studio.say(`${file.name}: drop the picture first, or with it`, true);
    try {
      entry.truth = await readTruth(file, entry.name);
      $("show-truth").disabled = false;
    } catch (error) {
      this.studio.say(error.message, true);
    }
  }

  async find(entry) {
    this.studio.say(`Looking at ${entry.name}…`);
    const skeleton = this.studio.skeleton();
    try {
      const found = await api.predict(entry.file, this.studio.model());
      Object.assign(entry, { found, skeleton, error: "" });
      await this.choose(entry);
    } catch (error) {
      entry.error = error.message;
      this.studio.say(`${entry.name}: ${error.message}`, true);
    }
    this.list();
  }

  // With another model: the picture on show last, so that it stays there.
  async again() {
    const round = ++this.round;
    const shown = this.chosen;
    const order = this.pictures.filter((entry) => entry !== shown);
    for (const entry of this.pictures.includes(shown) ? [...order, shown] : order) {
      if (round !== this.round) return;
      await this.find(entry);
    }
  }

  // Only the picture on show is held decoded.
  async choose(entry) {
    const turn = ++this.turn;
    const image = await decoded(entry.file);
    if (turn !== this.turn) return image.close();
    this.image?.close?.();
    this.image = image;
    this.chosen = entry;
    $("hint").hidden = true;
    $("drop").classList.add("full");
    this.view.show(image, entry.found.width, entry.found.height);
    this.tell(entry);
    this.list();
  }

  tell(entry) {
    const { faces } = entry.found;
    const count = faces.length === 1 ? "1 face" : `${faces.length} faces`;
    this.studio.say(faces.length ? `${entry.name}: ${count}` : `${entry.name}: no face was found`);
    $("canvas").setAttribute("aria-label", `${entry.name} with ${count}`);
    $("faces").replaceChildren(...faces.map((face) => described(face, faces.length)));
    for (const id of ["json", "csv", "pts", "picture"]) $(`save-${id}`).disabled = !faces.length;
  }

  list() {
    const held = document.activeElement?.dataset.picture;
    $("strip").replaceChildren(
      ...this.pictures.map((entry) => {
        const button = document.createElement("button");
        button.setAttribute("aria-label", entry.error ? `${entry.name}: ${entry.error}` : entry.name);
        button.setAttribute("aria-current", String(entry === this.chosen));
        button.disabled = !entry.found;
        button.dataset.picture = this.pictures.indexOf(entry);
        button.addEventListener("click", () => this.choose(entry).catch((error) => this.studio.say(`${entry.name}: ${error.message}`, true)));
        const small = document.createElement("img");
        small.alt = "";
        entry.address ??= URL.createObjectURL(entry.file);
        small.src = entry.address;
        button.append(small);
        const item = document.createElement("li");
        item.append(button);
        return item;
      }),
    );
    if (held) $("strip").querySelector(`[data-picture="${held}"]`)?.focus();
  }

  done() {
    return [...new Set([...this.pictures, this.chosen])].filter((entry) => entry?.found);
  }

  paint(pen, view) {
    if (!this.chosen) return;
    this.faces(pen, (p) => view.to(p), view.scale, Math.min(6, Math.max(1.6, view.scale * this.unit())));
  }

  unit() {
    const { width, height, faces } = this.chosen.found;
    const side = faces.length ? Math.max(...faces.map(({ box }) => box[2] - box[0])) : Math.max(width, height);
    return side / 150;
  }

  faces(pen, to, scale, unit) {
    const show = Object.fromEntries(["points", "lines", "spread", "regions", "truth"].map((id) => [id, $(`show-${id}`).checked]));
    for (const face of this.chosen.found.faces) drawFace(pen, face, this.chosen.skeleton, show, to, scale, unit);
    if (show.truth) drawTruth(pen, this.chosen.truth ?? [], to, unit);
  }

  savePts() {
    const { name, found } = this.chosen;
    found.faces.forEach((face, k) => save(toPts(face), `${stem(name)}${k ? `_${k}` : ""}.pts`, "text/plain"));
  }

  savePicture() {
    const { width, height } = this.chosen.found;
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const pen = canvas.getContext("2d");
    pen.drawImage(this.image, 0, 0, width, height);
    this.faces(pen, ([x, y]) => [x + 0.5, y + 0.5], 1, Math.max(1.2, this.unit()));
    canvas.toBlob((blob) => save(blob, `${stem(this.chosen.name)}-points.png`));
  }

  async toggleCamera() {
    if (this.stream) return this.stopCamera();
    if (this.opening) return;
    if (!window.isSecureContext) return this.studio.say("A browser gives its camera only to this machine's own pages, or over https.", true);
    this.opening = true;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720 } });
    } catch {
      return this.studio.say("The camera cannot be opened: is there one, and may this page use it?", true);
    } finally {
      this.opening = false;
    }
    if ($("room-try").hidden) return this.stopCamera();
    $("camera").setAttribute("aria-pressed", "true");
    $("video").srcObject = this.stream;
    await $("video").play();
    const entry = { name: "camera", truth: [], found: null };
    while (this.stream) {
      const picture = grabbed($("video"));
      const skeleton = this.studio.skeleton();
      const blob = await new Promise((done) => picture.toBlob(done, "image/jpeg", 0.9));
      try {
        entry.found = await api.predict(blob, this.studio.model());
      } catch (error) {
        this.studio.say(error.message, true);
        break;
      }
      if (!this.stream) break;
      const first = this.chosen !== entry;
      this.turn++;
      this.chosen = entry;
      this.image?.close?.();
      this.image = picture;
      Object.assign(entry, { file: blob, skeleton });
      $("hint").hidden = true;
      this.view.show(picture, picture.width, picture.height, !first);
      this.tell(entry);
    }
    this.stopCamera();
  }

  stopCamera() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    $("camera").setAttribute("aria-pressed", "false");
  }
}

async function decoded(file) {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("this browser cannot show such a picture; JPEG, PNG and WebP it can");
  }
}

function grabbed(video) {
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas;
}

function described(face, count) {
  const line = document.createElement("p");
  const name = document.createElement("b");
  name.textContent = count > 1 ? `Face ${face.face}` : "Face";
  const known = (face.spread_px ?? []).filter((value) => value !== null).sort((a, b) => a - b);
  const spread = known.length ? `, a point may be ${known[known.length >> 1].toFixed(1)} px off` : "";
  line.append(name, `: score ${face.score.toFixed(2)}${spread}`);
  return line;
}
