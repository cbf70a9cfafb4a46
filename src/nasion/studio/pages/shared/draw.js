// Draws keypoints on a canvas: ground truth in orange, predictions in blue or colored by region.

const GROUND_TRUTH_COLOR = "#ff8c00";
const PREDICTION_COLOR = "#1e78ff";
const REGION_COLORS = ["#1e78ff", "#19a974", "#c2185b", "#7b4dff", "#00a3b4", "#5b8c00", "#7a4a2b", "#64748b", "#d16ba5"]; // none is orange

function regionColors(skeleton) {
  const colors = Array(skeleton.count).fill(PREDICTION_COLOR);
  Object.values(skeleton.regions).forEach((indices, k) => indices.forEach((i) => (colors[i] = REGION_COLORS[k % REGION_COLORS.length])));
  return colors;
}

// `toCanvas` maps image px to canvas px, `scale` is the number of canvas px per image px, `radius` of a point is in canvas px.
export function drawFace(context, face, skeleton, show, toCanvas, scale, radius) {
  const colors = show.regions ? regionColors(skeleton) : Array(skeleton.count).fill(PREDICTION_COLOR);
  const positions = face.keypoints.map((p) => p && toCanvas(p));
  if (show.uncertainty && face.ellipses)
    positions.forEach((p, k) => {
      const ellipse = ellipseOf(face.ellipses, k);
      if (p && ellipse) fillEllipse(context, p, ellipse, 2 * scale, colors[k], 0.25);
    });
  if (show.lines)
    for (const line of skeleton.lines)
      for (let k = 1; k < line.length; k++) drawLine(context, positions[line[k - 1]], positions[line[k]], colors[line[k]], radius * 0.6);
  if (show.points) positions.forEach((p, k) => p && drawPoint(context, p, radius, colors[k]));
}

// Write the number of a face below its keypoints, within the image of `height` px.
export function drawNumber(context, face, height, toCanvas, scale) {
  const known = face.keypoints.filter((p) => p);
  if (!known.length) return;
  const xs = known.map(([x]) => x);
  const [left, right, low] = [Math.min(...xs), Math.max(...xs), Math.max(...known.map(([, y]) => y))];
  const size = Math.min(28, Math.max(13, (scale * (right - left)) / 6));
  const [x, below] = toCanvas([(left + right) / 2, low]);
  const y = Math.min(below + 0.3 * size, toCanvas([0, height])[1] - size);
  Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, textAlign: "center", textBaseline: "top", lineJoin: "round" });
  Object.assign(context, { strokeStyle: "#ffffff", fillStyle: PREDICTION_COLOR, lineWidth: size / 4 });
  context.strokeText(face.face, x, y);
  context.fillText(face.face, x, y);
}

// Return the ellipse of point k as [semiMajor, semiMinor, angleDeg]; null if it is unknown.
function ellipseOf({ semi_major_px, semi_minor_px, angle_deg }, k) {
  return semi_major_px[k] === null ? null : [semi_major_px[k], semi_minor_px[k], angle_deg[k]];
}

// `predicted` holds the predicted keypoints of the same face, to which errors are drawn as lines; null draws none.
export function drawGroundTruth(context, keypoints, predicted, toCanvas, radius) {
  if (predicted)
    keypoints.forEach((p, k) => p && predicted[k] && drawLine(context, toCanvas(p), toCanvas(predicted[k]), GROUND_TRUTH_COLOR, radius * 0.6));
  keypoints.forEach((p) => p && drawPoint(context, toCanvas(p), radius, GROUND_TRUTH_COLOR));
}

// Write the number of each keypoint beside it, away from the middle of the face, unless another number is in its place.
export function drawPointNumbers(context, face, toCanvas, size = 11) {
  const positions = face.keypoints.map((p) => p && toCanvas(p));
  const known = positions.filter(Boolean);
  const middle = [0, 1].map((axis) => known.reduce((sum, p) => sum + p[axis], 0) / known.length);
  Object.assign(context, { font: `600 ${size}px system-ui, sans-serif`, textAlign: "center", textBaseline: "middle", lineJoin: "round" });
  Object.assign(context, { strokeStyle: "#ffffff", fillStyle: "#10151f", lineWidth: 3 });
  const written = [];
  positions.forEach((p, k) => {
    if (!p) return;
    const length = Math.hypot(p[0] - middle[0], p[1] - middle[1]) || 1;
    const [x, y] = [0, 1].map((axis) => p[axis] + (size * (p[axis] - middle[axis])) / length);
    if (written.some((other) => Math.abs(other[0] - x) < 1.3 * size && Math.abs(other[1] - y) < size)) return;
    written.push([x, y]);
    context.strokeText(k, x, y);
    context.fillText(k, x, y);
  });
}

// Draw a box [x0, y0, x1, y1], image px.
export function drawBox(context, [x0, y0, x1, y1], toCanvas, color = PREDICTION_COLOR, width = 2) {
  const [[left, top], [right, bottom]] = [toCanvas([x0, y0]), toCanvas([x1, y1])];
  for (const [style, extra] of [["#ffffff", 2], [color, 0]]) {
    Object.assign(context, { strokeStyle: style, lineWidth: width + extra });
    context.strokeRect(left, top, right - left, bottom - top);
  }
}

function drawPoint(context, position, radius, color) {
  fillDisc(context, position, radius + Math.min(1, radius / 2), "#ffffff");
  fillDisc(context, position, radius, color);
}

function fillDisc(context, position, radius, color) {
  fillEllipse(context, position, [radius, radius, 0], 1, color, 1);
}

function fillEllipse(context, [x, y], [semiMajor, semiMinor, angleDeg], scale, color, opacity) {
  context.globalAlpha = opacity;
  context.fillStyle = color;
  context.beginPath();
  context.ellipse(x, y, scale * semiMajor, scale * semiMinor, (angleDeg * Math.PI) / 180, 0, 2 * Math.PI);
  context.fill();
  context.globalAlpha = 1;
}

function drawLine(context, from, to, color, width) {
  if (!from || !to) return;
  context.strokeStyle = color;
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}
