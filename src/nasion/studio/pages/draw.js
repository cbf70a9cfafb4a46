// Points on a canvas. True points are orange, found ones blue or by region.

export const TRUE = "#ff8c00";
export const FOUND = "#1e78ff";
const REGIONS = ["#1e78ff", "#19a974", "#c2185b", "#7b4dff", "#00a3b4", "#e2592b", "#5b8c00", "#b8860b", "#8e6cef"];

export function regionColors(skeleton) {
  const colors = Array(skeleton.count).fill(FOUND);
  Object.values(skeleton.regions).forEach((indices, k) => indices.forEach((i) => (colors[i] = REGIONS[k % REGIONS.length])));
  return colors;
}

// `to` maps picture px to canvas px; `scale` is canvas px a picture px; `unit` is a point's radius, canvas px.
export function drawFace(pen, face, skeleton, show, to, scale, unit) {
  const colors = show.regions ? regionColors(skeleton) : Array(skeleton.count).fill(FOUND);
  const places = face.keypoints.map((p) => p && to(p));
  if (show.spread && face.ellipses)
    places.forEach((p, k) => p && face.ellipses[k] && ellipse(pen, p, face.ellipses[k], 2 * scale, colors[k], 0.25));
  if (show.lines)
    for (const line of skeleton.lines)
      for (let k = 1; k < line.length; k++) stroke(pen, places[line[k - 1]], places[line[k]], colors[line[k]], unit * 0.6);
  if (show.points) places.forEach((p, k) => p && point(pen, p, unit, colors[k]));
}

export function drawTruth(pen, truth, to, unit) {
  for (const face of truth) face.forEach((p) => p && point(pen, to(p), unit, TRUE));
}

function point(pen, [x, y], radius, color) {
  disc(pen, [x, y], radius + 1, "#ffffff", 1);
  disc(pen, [x, y], radius, color, 1);
}

function disc(pen, place, radius, color, opacity) {
  ellipse(pen, place, [radius, radius, 0], 1, color, opacity);
}

function ellipse(pen, [x, y], [long, short, turn], times, color, opacity) {
  pen.globalAlpha = opacity;
  pen.fillStyle = color;
  pen.beginPath();
  pen.ellipse(x, y, times * long, times * short, (turn * Math.PI) / 180, 0, 2 * Math.PI);
  pen.fill();
  pen.globalAlpha = 1;
}

function stroke(pen, a, b, color, width) {
  if (!a || !b) return;
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(...a);
  pen.lineTo(...b);
  pen.stroke();
}
