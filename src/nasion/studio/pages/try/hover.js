// Shows the name of the point under the mouse, or of a tapped point.

import { $, element } from "../shared/dom.js";

const RADIUS = 12; // canvas px within which a point is found
const MARGIN = 12; // px between the point and the tooltip

// `find()` returns { faces, names, errors }: what the stage shows; `changed(point)` runs when another point is hovered.
// Returns a function that goes to the next point (1) or the previous one (-1), for the keyboard.
export function connectHover(stage, find, changed) {
  let current = null;
  const set = (found) => {
    if (found?.face === current?.face && found?.k === current?.k) return;
    current = found;
    showTooltip(stage, found, find());
    changed(found);
  };
  stage.hover = (position) => set(position && nearest(stage, find().faces, position));
  return (direction) => {
    const points = find().faces.flatMap((face) => face.keypoints.flatMap((p, k) => (p ? [{ face, k }] : [])));
    const from = points.findIndex(({ face, k }) => face === current?.face && k === current?.k);
    if (points.length) set(points[(from < 0 && direction < 0 ? points.length - 1 : from + direction + points.length) % points.length]);
  };
}

export function hideTooltip() {
  $("point-tooltip").hidden = true;
}

function nearest(stage, faces, position) {
  let [best, distance] = [null, RADIUS];
  for (const face of faces)
    face.keypoints.forEach((p, k) => {
      if (!p) return;
      const [x, y] = stage.toCanvas(p);
      const candidate = Math.hypot(x - position[0], y - position[1]);
      if (candidate < distance) [best, distance] = [{ face, k }, candidate];
    });
  return best;
}

function showTooltip(stage, found, { names, errors, faces }) {
  const tooltip = $("point-tooltip");
  tooltip.hidden = !found;
  if (!found) return;
  const { face, k } = found;
  const parts = [`point ${k}`];
  if (faces.length > 1) parts.push(`face ${face.face}`);
  if (face.spread_px?.[k] != null) parts.push(`±${face.spread_px[k].toFixed(1)} px`);
  const truth = errors[faces.indexOf(face)]?.keypoints[k];
  if (truth) parts.push(`error ${Math.hypot(truth[0] - face.keypoints[k][0], truth[1] - face.keypoints[k][1]).toFixed(1)} px`);
  tooltip.replaceChildren(element("b", { textContent: names[k] ?? `point ${k}` }), element("span", { textContent: parts.join(" · ") }));
  place(tooltip, stage, face.keypoints[k]);
}

// Put the tooltip beside a point of the image, inside the area around it.
function place(tooltip, stage, point) {
  const area = tooltip.parentElement.getBoundingClientRect();
  const canvas = stage.canvas.getBoundingClientRect();
  const [x, y] = stage.toCanvas(point);
  const [left, top] = [canvas.left - area.left + x, canvas.top - area.top + y];
  const fits = left + MARGIN + tooltip.offsetWidth < area.width;
  tooltip.style.left = `${Math.max(4, fits ? left + MARGIN : left - MARGIN - tooltip.offsetWidth)}px`;
  tooltip.style.top = `${Math.max(4, Math.min(top + MARGIN, area.height - tooltip.offsetHeight - 4))}px`;
}
