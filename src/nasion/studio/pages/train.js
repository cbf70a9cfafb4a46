// The room "Train": a training of the folder's labels, with its curve and the time left.

import * as api from "./api.js";

const $ = (id) => document.getElementById(id);
const EVERY_MS = 1500;
const WORDS = {
  none: "No training yet.",
  running: "Training",
  stopping: "Stopping after this epoch",
  stopped: "Stopped; it can go on, and be tried as it is",
  done: "Done; the model can be tried",
  failed: "It failed",
};

export class Train {
  constructor(studio) {
    this.studio = studio;
    $("train-start").addEventListener("click", () => this.ask(() => api.train($("minutes").value, studio.model())));
    $("train-stop").addEventListener("click", () => this.ask(api.trainStop));
    $("train-on").addEventListener("click", () => this.ask(api.trainOn));
  }

  enter() {
    return this.ask(api.training);
  }

  async ask(what) {
    clearTimeout(this.timer);
    try {
      this.show(await what());
    } catch (error) {
      this.studio.say(error.message, true);
      if (this.going) this.wait();
    }
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(api.training), EVERY_MS);
  }

  show(story) {
    const going = (this.going = story.state === "running" || story.state === "stopping");
    $("train-start").disabled = going || !story.possible;
    $("train-stop").disabled = story.state !== "running";
    $("train-on").disabled = !story.resumable;
    $("train-report").hidden = !story.report;
    const state = story.possible ? told(story) : "Training needs torch: pip install 'nasion[train]'";
    // only what is new is read out
    if ($("train-state").textContent !== state) $("train-state").textContent = state;
    $("train-time").textContent = timed(story);
    $("train-state").classList.toggle("bad", story.state === "failed");
    drawCurve($("curve"), story.curve);
    if (story.usable && !this.studio.models.some(({ name }) => name === story.model)) this.studio.newModel(story.model);
    if (going) this.wait();
  }
}

function told({ state, error, model }) {
  return [WORDS[state], model, error].filter(Boolean).join(" · ");
}

function timed({ curve, epochs, left_s }) {
  const parts = [];
  if (epochs) parts.push(`epoch ${curve.length} of ${epochs}`);
  if (left_s !== null) parts.push(left_s < 60 ? `${Math.round(left_s)} s left` : `${Math.round(left_s / 60)} min left`);
  return parts.join(" · ");
}

function drawCurve(canvas, curve) {
  const [width, height, edge] = [canvas.clientWidth, canvas.clientHeight, 46];
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  const points = curve.filter((row) => Number.isFinite(row.val_error_px)).map((row) => [row.epoch + 1, row.val_error_px]);
  canvas.setAttribute("aria-label", points.length ? `Validation error ${points.at(-1)[1].toFixed(2)} px` : "No validation yet");
  if (!points.length) return;
  const style = getComputedStyle(canvas);
  const top = 1.1 * Math.max(...points.map(([, error]) => error));
  const last = Math.max(2, points.at(-1)[0]);
  const to = ([epoch, error]) => [edge + ((width - edge - 12) * epoch) / last, height - edge - ((height - edge - 12) * error) / top];
  pen.strokeStyle = pen.fillStyle = style.color;
  pen.font = "13px system-ui";
  pen.strokeRect(edge, 12, width - edge - 12, height - edge - 12);
  pen.fillText("epoch", width / 2, height - 10);
  pen.fillText(String(last), width - 30, height - 28);
  pen.fillText(`${top.toFixed(1)} px`, 2, 22);
  pen.fillText("0", edge - 12, height - edge);
  pen.fillText("validation error", edge + 8, 30);
  pen.strokeStyle = style.getPropertyValue("--accent");
  pen.lineWidth = 2;
  pen.beginPath();
  points.forEach((point, k) => (k ? pen.lineTo(...to(point)) : pen.moveTo(...to(point))));
  pen.stroke();
  for (const point of points) {
    pen.beginPath();
    pen.arc(...to(point), 3, 0, 2 * Math.PI);
    pen.fill();
  }
}
