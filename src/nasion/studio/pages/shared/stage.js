// A canvas that shows an image with zoom and pan: mouse wheel, drag, two fingers, or the keys + − 0 and the arrows.

const ZOOM_STEP = 1.25;
const MIN_ZOOM = 0.5;
const MAX_ZOOM = 40;
const PAN_STEP = 40; // canvas px
const TAP_RADIUS = 5; // canvas px within which a pressed pointer still counts as a tap

export class Stage {
  // `paint(context, stage)` draws on top of the image.
  constructor(canvas, paint) {
    this.canvas = canvas;
    this.paint = paint;
    this.image = null;
    this.zoom = 1;
    this.center = [0, 0];
    this.pointers = new Map();
    this.dragged = null; // the object that follows the pointer: { moveTo(image position) }; null pans the image
    this.pick = () => null; // return the object to drag at a canvas position, or null
    this.handleKey = () => false; // return true if the key is handled and should not move the image
    this.hover = () => {}; // called with the canvas position of a mouse or a tap; with null when the mouse leaves
    this.tap = () => {}; // called with the canvas position of a click or a tap that did not drag
    this.onMove = () => {}; // called after zoom or position have changed
    this.pressed = null; // canvas position where the only pointer was pressed, until it moves away
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onPointerDown(event));
    canvas.addEventListener("pointermove", (event) => this.onPointerMove(event));
    canvas.addEventListener("pointerleave", () => this.hover(null));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.onPointerUp(event));
    canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  // `image` is anything that a canvas can draw; with `keep`, zoom and position do not change.
  show(image, width, height, keep = false) {
    this.image = image;
    this.size = [width, height];
    if (keep) this.draw();
    else this.fit();
  }

  fit() {
    this.zoom = 1;
    this.center = this.size ? this.size.map((side) => side / 2) : [0, 0];
    this.moved();
  }

  // Show a box [x0, y0, x1, y1], image px, with a margin around it; `margin` is a fraction of the longer side.
  zoomTo([x0, y0, x1, y1], margin = 0.25) {
    this.fit();
    this.center = [(x0 + x1) / 2 + 0.5, (y0 + y1) / 2 + 0.5];
    const side = (1 + 2 * margin) * Math.max(x1 - x0, y1 - y0, 8);
    this.zoomBy(Math.min(this.canvas.clientWidth, this.canvas.clientHeight) / side / this.scale);
  }

  // Canvas px per image px.
  get scale() {
    const [width, height] = this.size ?? [1, 1];
    return this.zoom * Math.min(this.canvas.clientWidth / width, this.canvas.clientHeight / height);
  }

  // Convert image px, with (0, 0) at the center of the first pixel, to canvas px.
  toCanvas([x, y]) {
    return [(x + 0.5 - this.center[0]) * this.scale + this.canvas.clientWidth / 2, (y + 0.5 - this.center[1]) * this.scale + this.canvas.clientHeight / 2];
  }

  // Convert canvas px to image px.
  toImage([x, y]) {
    return [(x - this.canvas.clientWidth / 2) / this.scale + this.center[0] - 0.5, (y - this.canvas.clientHeight / 2) / this.scale + this.center[1] - 0.5];
  }

  // `at` is the canvas position that stays in place.
  zoomBy(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const before = this.toImage(at);
    this.zoom = Math.min(MAX_ZOOM, Math.max(MIN_ZOOM, this.zoom * factor));
    const after = this.toImage(at);
    this.center = this.center.map((value, axis) => value + before[axis] - after[axis]);
    this.moved();
  }

  panBy(dx, dy) {
    this.center = [this.center[0] - dx / this.scale, this.center[1] - dy / this.scale];
    this.moved();
  }

  moved() {
    this.hover(null);
    this.draw();
    this.onMove();
  }

  // Take over zoom and position of another stage that shows the same image.
  follow({ zoom, center }) {
    Object.assign(this, { zoom, center });
    this.draw();
  }

  // Remove the image.
  clear() {
    this.image = null;
    this.size = null;
    this.fit();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    if (!this.image) return;
    const [x, y] = this.toCanvas([-0.5, -0.5]);
    context.imageSmoothingEnabled = this.scale < 3;
    context.drawImage(this.image, x, y, this.size[0] * this.scale, this.size[1] * this.scale);
    this.paint(context, this);
  }

  onWheel(event) {
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, this.position(event));
  }

  onPointerDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.dragged = this.pointers.size ? null : this.pick(this.position(event));
    this.pointers.set(event.pointerId, this.position(event));
    this.pressed = this.pointers.size === 1 ? this.position(event) : null;
  }

  onPointerMove(event) {
    if (!this.pointers.has(event.pointerId)) return this.hover(this.position(event));
    if (this.pressed && distance(this.pressed, this.position(event)) > TAP_RADIUS) this.pressed = null;
    if (this.dragged) return this.dragged.moveTo(this.toImage(this.position(event)));
    const before = [...this.pointers.values()];
    this.pointers.set(event.pointerId, this.position(event));
    const after = [...this.pointers.values()];
    if (after.length === 2) {
      const [oldDistance, newDistance] = [before, after].map(([a, b]) => distance(a, b));
      this.zoomBy(newDistance / Math.max(1, oldDistance), meanOf(after));
    }
    const [from, to] = [meanOf(before), meanOf(after)];
    this.panBy(to[0] - from[0], to[1] - from[1]);
  }

  onPointerUp(event) {
    this.pointers.delete(event.pointerId);
    this.dragged = null;
    if (this.pressed && event.type === "pointerup") {
      this.hover(this.pressed);
      this.tap(this.pressed);
    }
    this.pressed = null;
  }

  onKey(event) {
    if (this.handleKey(event)) return event.preventDefault();
    const steps = { ArrowLeft: [PAN_STEP, 0], ArrowRight: [-PAN_STEP, 0], ArrowUp: [0, PAN_STEP], ArrowDown: [0, -PAN_STEP] };
    if (event.key in steps) this.panBy(...steps[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(ZOOM_STEP);
    else if (event.key === "-") this.zoomBy(1 / ZOOM_STEP);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  // Return the position of an event in canvas px.
  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

function distance(a, b) {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

function meanOf(positions) {
  return [0, 1].map((axis) => positions.reduce((sum, position) => sum + position[axis], 0) / positions.length);
}
