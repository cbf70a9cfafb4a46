// What the training has achieved on the held-out faces: the errors of both models, a verdict, three faces.

import { $ } from "../shared/dom.js";

const px = (value) => `${value.toFixed(2)} px`;
const signed = (value) => value.toFixed(2).replace("-", "−");
const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// Return the name of what the trained model is compared with.
export const initialName = ({ model }) => (model ? `before: ${model}` : "mean face");

// Return a sentence that compares two models by their errors.
export function verdict({ before_px, after_px, low_px, high_px, enough, model }) {
  if (after_px === null) return "";
  const change = after_px - before_px;
  const other = model ? "the model it started from" : "the mean face";
  const size = `${px(Math.abs(change))} ${change < 0 ? "smaller" : "larger"} than that of ${other}`;
  if (low_px === null) return `The new model’s error is ${size}.`;
  const interval = `95 % interval of the change: ${signed(low_px)} to ${signed(high_px)} px`;
  if (!enough) return `The new model’s error is ${size} (${interval}).`;
  if (high_px < 0) return `The new model is better: its error is ${size} (${interval}).`;
  if (low_px > 0) return `The new model is worse: its error is ${size} (${interval}).`;
  return `No clear difference: the new model’s error is ${size} (${interval}).`;
}

// Return what limits the comparison, or an empty string.
export function caution({ faces, accepted, enough }) {
  const parts = [];
  if (!enough) parts.push(`${plural(faces, "face")} ${faces === 1 ? "was" : "were"} held out, too few to tell which model is better: one tenth of the photographs is held out, so about 200 labeled ones would tell.`);
  if (accepted) parts.push(`${accepted} of ${plural(faces, "held-out face")} ${accepted === 1 ? "has labels that were" : "have labels that were"} accepted as a model placed them, which favors that model.`);
  return parts.join(" ");
}

// Show the errors; `name` is the trained model's.
export function showErrors(errors, name) {
  $("train-result").hidden = !errors;
  if (!errors) return;
  const text = caution(errors);
  $("train-caution").textContent = text;
  $("train-caution").hidden = !text;
  const intro = `${plural(errors.faces, "face")} ${errors.faces === 1 ? "is" : "are"} not used for training, so that ${errors.faces === 1 ? "it shows" : "they show"} what the model has learned.`;
  $("train-verdict").textContent = verdict(errors) || intro;
  const rows = [[initialName(errors), errors.before_px]];
  if (errors.after_px !== null) rows.push([`after: ${name}`, errors.after_px]);
  $("train-errors").hidden = false;
  $("train-errors").tBodies[0].replaceChildren(...rows.map(([label, error]) => row(label, px(error))));
}

function row(label, value) {
  const line = document.createElement("tr");
  const head = Object.assign(document.createElement("th"), { scope: "row", textContent: label });
  line.append(head, Object.assign(document.createElement("td"), { textContent: value }));
  return line;
}

// Show faces before and after the training.
export function showSamples(faces) {
  $("train-legend").hidden = !faces.length;
  $("train-samples").replaceChildren(
    ...faces.map((face) => {
      const item = document.createElement("li");
      const pair = Object.assign(document.createElement("div"), { className: "before-after" });
      pair.append(view(face.before, `${face.name} before`, `before: ${px(face.before_px)}`));
      if (face.after_px !== null) pair.append(view(face.after, `${face.name} after`, `after: ${px(face.after_px)}`));
      item.append(Object.assign(document.createElement("h3"), { textContent: face.name }), pair);
      return item;
    }),
  );
}

function view(source, alternative, caption) {
  const figure = document.createElement("figure");
  figure.append(Object.assign(new Image(), { src: source, alt: alternative }), Object.assign(document.createElement("figcaption"), { textContent: caption }));
  return figure;
}
