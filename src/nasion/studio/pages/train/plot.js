// The error curve: the validation error after each epoch, and the initial error as a line.

const NAMESPACE = "http://www.w3.org/2000/svg";
const LEFT = 48, RIGHT = 12, TOP = 16, BOTTOM = 36;

function make(svg, tag, attributes, text = "") {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  svg.append(element);
}

// Return about `count` round numbers from 0 to `top`.
export function ticks(top, count = 4) {
  const raw = top / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, k) => Number((k * step).toPrecision(6)));
}

// Return the points [epoch, error] that were validated.
export const validated = (curve) => curve.filter((row) => Number.isFinite(row.val_error_px)).map((row) => [row.epoch + 1, row.val_error_px]);

// Draw the errors in px; `epochs` is the planned number or 0, and `initial` is { px, label, isModel } or null.
export function drawCurve(svg, curve, epochs, initial) {
  const { clientWidth: width, clientHeight: height } = svg;
  const points = validated(curve);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", describe(points, initial));
  if (!width || (!points.length && !initial)) return;
  const errors = points.map(([, error]) => error).concat(initial ? [initial.px] : []);
  const top = 1.15 * Math.max(...errors);
  const last = Math.max(2, epochs, points.at(-1)?.[0] ?? 0);
  const x = (epoch) => LEFT + ((width - LEFT - RIGHT) * epoch) / last;
  const y = (error) => height - BOTTOM - ((height - TOP - BOTTOM) * error) / top;
  for (const each of ticks(top)) {
    make(svg, "line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(each), y2: y(each) });
    make(svg, "text", { x: LEFT - 8, y: y(each) + 4, "text-anchor": "end" }, String(each));
  }
  for (const each of ticks(last, Math.min(6, last)).filter(Number.isInteger)) {
    make(svg, "text", { x: x(each), y: height - BOTTOM + 16, "text-anchor": "middle" }, String(each));
  }
  make(svg, "line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y(0), y2: y(0) });
  make(svg, "text", { x: width - RIGHT, y: height - 4, "text-anchor": "end" }, "epoch");
  make(svg, "text", { x: 0, y: 10 }, "error (px)");
  if (initial) {
    make(svg, "line", { class: "initial", x1: LEFT, x2: width - RIGHT, y1: y(initial.px), y2: y(initial.px) });
    make(svg, "text", { class: "initial", x: width - RIGHT, y: y(initial.px) - 6, "text-anchor": "end" }, `${initial.label}: ${initial.px.toFixed(2)} px`);
  }
  if (initial?.isModel && points.length) points.unshift([0, initial.px]);
  if (points.length) make(svg, "polyline", { class: "line", points: points.map(([epoch, error]) => `${x(epoch)},${y(error)}`).join(" ") });
  for (const [epoch, error] of points) make(svg, "circle", { class: "point", cx: x(epoch), cy: y(error), r: 3.5 });
}

function describe(points, initial) {
  const parts = points.length ? [`Validation error ${points.at(-1)[1].toFixed(2)} px after epoch ${points.at(-1)[0]}`] : ["No validation yet"];
  if (initial) parts.push(`${initial.label} ${initial.px.toFixed(2)} px`);
  return parts.join("; ");
}
