// One of the two images of a match: its file, its faces, and the chosen face.

import * as api from "../shared/api.js";
import { $, acceptChoice, acceptDrop, countOf, decodeImage } from "../shared/dom.js";
import { drawBox } from "../shared/draw.js";
import { Stage } from "../shared/stage.js";

const OTHER_FACE = "#8791a3";
const HINTS = { a: "Drop the first face here", b: "Drop the second face here" };

export class Side {
  // `changed()` runs when another image or face is chosen.
  constructor(name, studio, changed) {
    Object.assign(this, { name, studio, changed, latest: 0 });
    this.stage = new Stage($(`canvas-${name}`), (context, stage) => this.paint(context, stage));
    this.stage.tap = (position) => this.chooseAt(position);
    acceptChoice($(`file-${name}`), ([file]) => this.open(file));
    acceptDrop($(`side-${name}`), ([file]) => file && this.open(file));
    this.set({});
  }

  // Take over { file, image, faces, face }, all missing without an image.
  set({ file = null, image = null, faces = [], face = null }) {
    Object.assign(this, { file, image, faces, face, points: [] });
    $(`hint-${this.name}`).hidden = Boolean(image);
    $(`hint-${this.name}`).textContent = HINTS[this.name];
    $(`name-${this.name}`).textContent = file ? `${file.name}${faces.length > 1 ? ` · face ${face} (${faces.length} faces; click another)` : ""}` : "";
    const about = file ? `${file.name} with ${countOf(faces.length, "face")}` : `No image ${this.name.toUpperCase()} yet`;
    $(`canvas-${this.name}`).setAttribute("aria-label", about);
    if (image) this.stage.show(image, image.width, image.height);
    else this.stage.clear();
  }

  get state() {
    const { file, image, faces, face } = this;
    return { file, image, faces, face };
  }

  async open(file) {
    const request = ++this.latest;
    this.studio.setStatus(`Predicting ${file.name}…`);
    try {
      await this.studio.loading;
      const [image, { faces }] = await Promise.all([decodeImage(file), api.predict(file, this.studio.model(), false)]);
      if (request !== this.latest) return;
      this.set({ file, image, faces, face: faces.length ? largest(faces) : null });
      if (faces.length) this.studio.setStatus(`${file.name}: ${countOf(faces.length, "face")}`);
      else this.studio.setStatus(`${file.name}: no face was found; choose another image`, true);
    } catch (error) {
      if (request !== this.latest) return;
      this.set({});
      this.studio.setStatus(`${file.name}: ${error.message}`, true);
    }
    this.changed();
  }

  // Show the matched points [[x, y], …].
  showPoints(points) {
    this.points = points;
    this.stage.draw();
  }

  chooseAt(position) {
    const [x, y] = this.stage.toImage(position);
    const hit = this.faces.findIndex(({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
    if (hit < 0 || hit === this.face) return;
    this.set({ ...this.state, face: hit });
    this.changed();
  }

  paint(context, stage) {
    const toCanvas = (p) => stage.toCanvas(p);
    if (this.faces.length > 1) this.faces.forEach(({ box }, k) => drawBox(context, box, toCanvas, k === this.face ? undefined : OTHER_FACE));
    const radius = Math.min(5, Math.max(1.6, stage.scale * 2));
    this.points.forEach((p, k) => {
      const [x, y] = toCanvas(p);
      context.fillStyle = `hsl(${(360 * k) / this.points.length} 85% 50%)`;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    });
  }
}

function largest(faces) {
  const areas = faces.map(({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0));
  return areas.indexOf(Math.max(...areas));
}
