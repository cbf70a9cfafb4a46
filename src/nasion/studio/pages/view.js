// A picture that can be zoomed and moved: wheel, drag, two fingers, or the keys + − 0 and the arrows.

const STEP = 1.25;
const MOST = 40;

export class View {
  constructor(canvas, paint) {
    this.canvas = canvas;
    this.paint = paint;
    this.picture = null;
    this.zoom = 1;
    this.center = [0, 0];
    this.fingers = new Map();
    this.grab = () => null; // what is under a place, canvas px: { move(place in the picture), end() }, or nothing
    this.key = () => false; // whether a key was meant for something else than the view
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.onUp(event));
    canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  // A picture is anything a canvas can draw; `keep` leaves zoom and place as they are.
  show(picture, width, height, keep = false) {
    this.picture = picture;
    this.size = [width, height];
    if (keep) this.draw();
    else this.fit();
  }

  fit() {
    this.zoom = 1;
    this.center = this.size ? this.size.map((side) => side / 2) : [0, 0];
    this.draw();
  }

  get scale() {
    const [width, height] = this.size ?? [1, 1];
    return this.zoom * Math.min(this.canvas.clientWidth / width, this.canvas.clientHeight / height);
  }

  // Picture px, (0, 0) the center of the first pixel, to canvas px, and back.
  to([x, y]) {
    return [(x + 0.5 - this.center[0]) * this.scale + this.canvas.clientWidth / 2, (y + 0.5 - this.center[1]) * this.scale + this.canvas.clientHeight / 2];
  }

  from([x, y]) {
    return [(x - this.canvas.clientWidth / 2) / this.scale + this.center[0] - 0.5, (y - this.canvas.clientHeight / 2) / this.scale + this.center[1] - 0.5];
  }

  zoomBy(factor, at = [this.canvas.clientWidth / 2, this.canvas.clientHeight / 2]) {
    const held = this.from(at);
    this.zoom = Math.min(MOST, Math.max(0.5, this.zoom * factor));
    const now = this.from(at);
    this.center = this.center.map((value, k) => value + held[k] - now[k]);
    this.draw();
  }

  moveBy(dx, dy) {
    this.center = [this.center[0] - dx / this.scale, this.center[1] - dy / this.scale];
    this.draw();
  }

  draw() {
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * ratio);
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    const pen = this.canvas.getContext("2d");
    pen.scale(ratio, ratio);
    if (!this.picture) return;
    const [x, y] = this.to([-0.5, -0.5]);
    pen.imageSmoothingEnabled = this.scale < 3;
    pen.drawImage(this.picture, x, y, this.size[0] * this.scale, this.size[1] * this.scale);
    this.paint(pen, this);
  }

  onWheel(event) {
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? STEP : 1 / STEP, this.place(event));
  }

  onDown(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.held = this.fingers.size ? null : this.grab(this.place(event));
    this.fingers.set(event.pointerId, this.place(event));
  }

  onMove(event) {
    if (!this.fingers.has(event.pointerId)) return;
    if (this.held) return this.held.move(this.from(this.place(event)));
    const before = [...this.fingers.values()];
    this.fingers.set(event.pointerId, this.place(event));
    const after = [...this.fingers.values()];
    if (after.length === 2) {
      const [was, is] = [before, after].map(([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]));
      this.zoomBy(is / Math.max(1, was), middle(after));
    }
    const [from, to] = [middle(before), middle(after)];
    this.moveBy(to[0] - from[0], to[1] - from[1]);
  }

  onUp(event) {
    this.fingers.delete(event.pointerId);
    this.held?.end();
    this.held = null;
  }

  onKey(event) {
    if (this.key(event)) return event.preventDefault();
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    if (event.key in moves) this.moveBy(...moves[event.key]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(STEP);
    else if (event.key === "-") this.zoomBy(1 / STEP);
    else if (event.key === "0") this.fit();
    else return;
    event.preventDefault();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}

function middle(places) {
  return [0, 1].map((axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length);
}
