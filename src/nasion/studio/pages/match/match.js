// The tab "Match": shows the same points in two images and a morph from one face to the other.

import * as api from "../shared/api.js";
import { $, download } from "../shared/dom.js";
import { Side } from "./side.js";

const FRAME_MS = 90;
const EXAMPLES = { a: "astronaut.jpg", b: "drawn.jpg" };

export class Match {
  constructor(studio) {
    this.studio = studio;
    this.frames = [];
    this.latest = 0; // counter: results of outdated requests are dropped
    this.model = ""; // the model that has predicted the faces
    this.sides = Object.fromEntries(["a", "b"].map((name) => [name, new Side(name, studio, () => this.match())]));
    $("morph-slider").addEventListener("input", () => (this.stop(), this.showFrame()));
    $("morph-play").addEventListener("click", () => (this.timer ? this.stop() : this.play()));
    $("match-swap").addEventListener("click", () => this.swap());
    $("match-clear").addEventListener("click", () => this.clear());
    $("match-example").addEventListener("click", () => this.openExample());
    for (const kind of ["image", "gif", "json"]) $(`match-${kind}`).addEventListener("click", () => this.save(kind));
  }

  leave() {
    this.stop();
  }

  enter() {
    if (this.model && this.model !== this.studio.model()) return this.predictAgain();
  }

  changeModel() {
    if (this.studio.current === "match") return this.enter();
  }

  async predictAgain() {
    this.model = this.studio.model();
    for (const side of Object.values(this.sides)) if (side.file) await side.open(side.file);
  }

  async openExample() {
    for (const [name, file] of Object.entries(EXAMPLES)) {
      const content = await (await fetch(`/pages/examples/${file}`)).blob();
      await this.sides[name].open(new File([content], file, { type: content.type }));
    }
  }

  swap() {
    const { a, b } = this.sides;
    const [first, second] = [a.state, b.state];
    a.set(second);
    b.set(first);
    this.match();
  }

  clear() {
    for (const side of Object.values(this.sides)) side.set({});
    this.match();
    this.studio.setStatus("");
  }

  // What is sent to the server.
  get request() {
    const { a, b } = this.sides;
    return [{ a: a.file, b: b.file }, this.studio.model(), { a: a.face, b: b.face }];
  }

  async match() {
    const request = ++this.latest;
    const { a, b } = this.sides;
    this.model = this.studio.model();
    this.stop();
    $("match-swap").disabled = $("match-clear").disabled = !a.file && !b.file;
    $("match-result").hidden = true; // an earlier result must not stand beside other images
    $("match-guide").hidden = false;
    a.showPoints([]);
    b.showPoints([]);
    if (a.face === null || b.face === null) return;
    this.studio.setStatus("Matching…");
    try {
      const result = await api.match(...this.request);
      if (request !== this.latest) return;
      this.show(result);
      this.studio.setStatus("Matched. Move the slider to morph A to B.");
    } catch (error) {
      if (request === this.latest) this.studio.setStatus(error.message, true);
    }
  }

  show(result) {
    this.frames = result.frames;
    $("morph-slider").max = result.frames.length - 1;
    $("morph-slider").value = result.frames.length >> 1;
    $("morph-slider").disabled = false;
    $("match-result").hidden = false;
    $("match-guide").hidden = true;
    this.showFrame();
    for (const [name, side] of Object.entries(this.sides)) side.showPoints(result[name].keypoints);
    const percent = (100 * result.residual).toFixed(1);
    $("match-summary").textContent =
      `${result.names.length} points · average difference ${percent} % of face size · B is scaled by ${result.scale.toFixed(2)} and turned by ${result.rotation_deg.toFixed(1)}°`;
    $("match-meaning").textContent =
      `After B is moved, scaled and turned onto A, its points are ${percent} % of the face’s size away from A’s on average: ` +
      (result.large ? "the heads are turned differently, so the morph stretches hidden parts." : "what remains is pose, expression and the shape of the face.") +
      (Object.values(this.sides).some(({ faces }) => faces.length > 1) ? " Click another face to match it instead." : "");
  }

  showFrame() {
    const frame = Number($("morph-slider").value);
    $("morph").src = this.frames[frame];
    $("morph").alt = `Morph A to B, ${Math.round((100 * frame) / (this.frames.length - 1))} %`;
  }

  // Move the slider from one end to the other and back until it is stopped.
  play() {
    let step = 1;
    $("morph-play").textContent = "Pause";
    $("morph-play").setAttribute("aria-pressed", "true");
    this.timer = setInterval(() => {
      const [value, last] = [Number($("morph-slider").value), this.frames.length - 1];
      if (value + step < 0 || value + step > last) step = -step;
      $("morph-slider").value = value + step;
      this.showFrame();
    }, FRAME_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    $("morph-play").textContent = "Play";
    $("morph-play").setAttribute("aria-pressed", "false");
  }

  async save(kind) {
    this.studio.setStatus("Preparing the download…");
    try {
      const { blob, name } = await api.matchFile(kind, ...this.request);
      download(blob, name);
      this.studio.setStatus(`Saved ${name}.`);
    } catch (error) {
      this.studio.setStatus(error.message, true);
    }
  }
}
