// The stage of the page "Correct": draws the faces, picks and drags points, draws boxes, and magnifies around a point.

import { drawFace, drawNumber } from "../shared/draw.js";
import { Stage } from "../shared/stage.js";

const PICK_RADIUS = { mouse: 14, touch: 28 }; // canvas px within which a point is picked
const DRAG_THRESHOLD = 3; // canvas px that a pointer must move before it moves a point, so that a tap only selects it
const LAYERS = { points: true, lines: true, uncertainty: true, regions: true };
const OTHERS = { points: true, lines: true, uncertainty: false, regions: false };
const RADIUS = 3.2; // of a point, canvas px
const DOT = 1; // of a point of a face that is small on the screen, canvas px
const SMALL_FACE = 120; // width of a face below which its points are drawn smaller, canvas px
const LOUPE = { radius: 64, zoom: 3, margin: 16 };

export class CorrectCanvas {
  // `page` has editor, selectedFace, selectedPoint, album, mode, placed and adder; see correct.js.
  constructor(canvas, page) {
    this.page = page;
    this.hovered = null; // [face, point] under the pointer
    this.box = null; // the box that is being drawn, [x0, y0, x1, y1] in image px
    this.showsLoupe = true;
    this.showsNumbers = false;
    this.dragPosition = null; // image px of the point that is being dragged
    this.filter = "none";
    this.stage = new Stage(canvas, (context, stage) => this.paint(context, stage));
    this.stage.pick = (position) => this.pick(position);
    canvas.addEventListener("pointerdown", (event) => (this.pointerType = event.pointerType), { capture: true });
    canvas.addEventListener("pointermove", (event) => this.hover(event));
    canvas.addEventListener("pointerleave", () => this.setHovered(null));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.release(event));
  }

  draw() {
    this.stage.draw();
  }

  setFilter(brightness, contrast) {
    this.filter = brightness === 100 && contrast === 100 ? "none" : `brightness(${brightness}%) contrast(${contrast}%)`;
    if (this.picture) this.show(this.picture, true);
  }

  // Show an image; with `keep`, at the same place.
  show(picture, keep = false) {
    this.picture = picture;
    const [width, height] = [picture.naturalWidth, picture.naturalHeight];
    this.stage.show(this.filter === "none" ? picture : filtered(picture, this.filter), width, height, keep);
  }

  // Return [face, point] nearest to a canvas position; points of the selected face come first.
  nearest(position) {
    const radius = PICK_RADIUS[this.pointerType] ?? PICK_RADIUS.mouse;
    const { editor, selectedFace } = this.page;
    const order = editor.faces.map((_, number) => number).sort((a, b) => Number(b === selectedFace) - Number(a === selectedFace));
    for (const isSelected of [true, false]) {
      let [best, least] = [null, radius];
      for (const number of order.filter((each) => (each === selectedFace) === isSelected))
        editor.faces[number].keypoints.forEach((point, k) => {
          if (!point) return;
          const [x, y] = this.stage.toCanvas(point);
          const distance = Math.hypot(x - position[0], y - position[1]);
          if (distance < least) [best, least] = [[number, k], distance];
        });
      if (best) return best;
    }
    return null;
  }

  // Return the face whose box, with a margin, contains a canvas position; -1 if there is none.
  faceAt(position) {
    const [x, y] = this.stage.toImage(position);
    let [best, least] = [-1, Infinity];
    this.page.editor.faces.forEach(({ keypoints }, number) => {
      const [x0, y0, x1, y1] = boxOf(keypoints) ?? [0, 0, -1, -1];
      const margin = 0.1 * Math.max(x1 - x0, y1 - y0) + 4 / this.stage.scale;
      const area = (x1 - x0) * (y1 - y0);
      if (x >= x0 - margin && x <= x1 + margin && y >= y0 - margin && y <= y1 + margin && area < least) [best, least] = [number, area];
    });
    return best;
  }

  // Called when a pointer goes down: return the object that follows it, or null to move the image.
  pick(position) {
    if (!this.page.editor) return null;
    if (this.page.mode === "box") return this.startBox(position);
    if (this.page.mode === "place") return this.startPlacing(position);
    const found = this.nearest(position);
    if (!found) {
      const number = this.faceAt(position);
      if (number >= 0 && number !== this.page.selectedFace) this.page.select(number, -1);
      return null;
    }
    const [number, k] = found;
    this.page.select(number, k);
    return this.startDrag(position, () => this.page.editor.faces[number].keypoints[k], (to) => this.page.dragTo(number, k, to), () => this.page.editor.record());
  }

  startDrag(position, from, moveTo, begin) {
    const [start, first] = [this.stage.toImage(position), from()];
    let moved = false;
    return {
      moveTo: (to) => {
        const step = [to[0] - start[0], to[1] - start[1]];
        if (!moved && Math.hypot(...step) * this.stage.scale < DRAG_THRESHOLD) return;
        if (!moved) begin();
        moved = true;
        this.dragPosition = [first[0] + step[0], first[1] + step[1]];
        moveTo(this.dragPosition);
      },
    };
  }

  startBox(position) {
    const start = this.stage.toImage(position);
    this.box = [...start, ...start];
    return {
      moveTo: ([x, y]) => {
        this.box = [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)];
        this.draw();
      },
    };
  }

  // While points are placed, a press moves a placed point, or places the next one.
  startPlacing(position) {
    const placed = this.page.placed;
    const radius = PICK_RADIUS[this.pointerType] ?? PICK_RADIUS.mouse;
    const distances = placed.map((p) => (p ? distanceBetween(this.stage.toCanvas(p), position) : Infinity));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] < radius) return this.startDrag(position, () => placed[nearest], (to) => this.page.adder.movePlaced(nearest, to), () => {});
    this.pressed = position;
    return { moveTo: (to) => ((this.dragPosition = to), this.draw()) };
  }

  release(event) {
    if (this.box) {
      const box = this.box;
      this.box = null;
      this.page.adder.finishBox(event.type === "pointerup" ? box : null);
    } else if (this.pressed) {
      const position = this.dragPosition ?? this.stage.toImage(this.pressed);
      this.pressed = null;
      if (event.type === "pointerup") this.page.adder.place(position);
    }
    this.dragPosition = null;
    this.draw();
  }

  hover(event) {
    if (event.pointerType === "touch" || event.buttons || !this.page.editor || this.page.mode !== "edit") return this.setHovered(null);
    const position = this.stage.position(event);
    this.setHovered(this.nearest(position));
    this.stage.canvas.classList.toggle("on-point", Boolean(this.hovered));
  }

  setHovered(found) {
    if (String(found) === String(this.hovered)) return;
    this.hovered = found;
    this.draw();
  }

  paint(context, stage) {
    const { editor, album, selectedFace, selectedPoint, mode, placed } = this.page;
    if (!editor) return;
    const toCanvas = (point) => stage.toCanvas(point);
    editor.faces.forEach((face, number) => {
      const box = boxOf(face.keypoints);
      const small = box && (box[2] - box[0]) * stage.scale < SMALL_FACE && album.skeleton.count > 10;
      const isSelected = number === selectedFace;
      const drawn = { keypoints: face.keypoints, ellipses: this.page.labeled ? null : face.ellipses };
      context.globalAlpha = 1;
      drawFace(context, drawn, album.skeleton, isSelected || editor.faces.length === 1 ? LAYERS : OTHERS, toCanvas, stage.scale, small ? DOT : RADIUS);
      if (isSelected && editor.faces.length > 1 && box) this.drawFrame(context, box);
      if (this.showsNumbers && isSelected) this.drawNumbers(context, face.keypoints);
    });
    if (editor.faces.length > 1) editor.faces.forEach(({ keypoints }, face) => drawNumber(context, { face, keypoints }, stage.size[1], toCanvas, stage.scale));
    if (mode === "place") this.drawPlaced(context, placed);
    if (this.box) this.drawFrame(context, this.box, 0);
    const selected = editor.faces[selectedFace]?.keypoints[selectedPoint];
    if (selected) this.drawRing(context, toCanvas(selected));
    if (this.hovered) this.drawName(context, ...this.hovered);
    if (this.showsLoupe && this.dragPosition) this.drawLoupe(context);
  }

  drawRing(context, [x, y]) {
    for (const [color, width] of [["#fff", 5], ["#000", 2]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: width });
      context.beginPath();
      context.arc(x, y, 8, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  drawFrame(context, [x0, y0, x1, y1], margin = 12) {
    const [[left, top], [right, bottom]] = [this.stage.toCanvas([x0, y0]), this.stage.toCanvas([x1, y1])];
    for (const [color, width] of [["#ffffffcc", 4], ["#1e5fd0", 2]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: width });
      context.strokeRect(left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin);
    }
  }

  drawPlaced(context, placed) {
    placed.forEach((point, k) => {
      if (!point) return;
      const position = this.stage.toCanvas(point);
      this.drawRing(context, position);
      label(context, String(k), [position[0] + 12, position[1] - 12]);
    });
  }

  drawNumbers(context, keypoints) {
    keypoints.forEach((point, k) => {
      if (!point) return;
      const [x, y] = this.stage.toCanvas(point);
      label(context, String(k), [x + 6, y - 6], 11);
    });
  }

  drawName(context, number, k) {
    const point = this.page.editor.faces[number]?.keypoints[k];
    if (!point) return;
    const [x, y] = this.stage.toCanvas(point);
    const name = this.page.album.skeleton.names[k];
    context.font = "600 13px system-ui, sans-serif";
    const width = context.measureText(name).width;
    label(context, name, [Math.min(x + 12, this.stage.canvas.clientWidth - width - 8), Math.max(y - 12, 16)]);
  }

  // Magnify the image around the point that is being moved, in the corner that is farther from it.
  drawLoupe(context) {
    const [x, y] = this.stage.toCanvas(this.dragPosition);
    const { radius, zoom, margin } = LOUPE;
    const isLeft = x > this.stage.canvas.clientWidth / 2;
    const center = [isLeft ? margin + radius : this.stage.canvas.clientWidth - margin - radius, margin + radius];
    const side = radius / (zoom * this.stage.scale);
    const [u, v] = [this.dragPosition[0] + 0.5, this.dragPosition[1] + 0.5];
    context.save();
    context.beginPath();
    context.arc(...center, radius, 0, 2 * Math.PI);
    context.fillStyle = "#000";
    context.fill();
    context.clip();
    context.imageSmoothingEnabled = zoom * this.stage.scale < 6;
    context.drawImage(this.stage.image, u - side, v - side, 2 * side, 2 * side, center[0] - radius, center[1] - radius, 2 * radius, 2 * radius);
    for (const [color, width] of [["#fff", 3], ["#000", 1]]) {
      Object.assign(context, { strokeStyle: color, lineWidth: width });
      context.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(center[0] + 5 * dx, center[1] + 5 * dy);
        context.lineTo(center[0] + 16 * dx, center[1] + 16 * dy);
      }
      context.stroke();
    }
    context.restore();
    Object.assign(context, { strokeStyle: "#fff", lineWidth: 3 });
    context.beginPath();
    context.arc(...center, radius, 0, 2 * Math.PI);
    context.stroke();
  }
}

// Return the box [x0, y0, x1, y1] around points; null if all are missing.
export function boxOf(keypoints) {
  const known = keypoints.filter(Boolean);
  if (!known.length) return null;
  const [xs, ys] = [known.map(([x]) => x), known.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

const distanceBetween = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

function label(context, text, [x, y], size = 13) {
  Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, textAlign: "left", textBaseline: "middle", lineJoin: "round" });
  Object.assign(context, { strokeStyle: "#ffffff", fillStyle: "#10151f", lineWidth: size / 3 });
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

// Return a picture with brightness and contrast changed, drawn once rather than at every movement.
function filtered(picture, filter) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [picture.naturalWidth, picture.naturalHeight];
  const context = canvas.getContext("2d");
  context.filter = filter;
  context.drawImage(picture, 0, 0);
  return canvas;
}
