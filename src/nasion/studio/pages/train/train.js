// The page "Train": trains on the labels of the open folder and shows the error curve and the time left.

import * as api from "../shared/api.js";
import { $ } from "../shared/dom.js";

const POLL_MS = 1500;
const STATES = {
  none: "No training yet.",
  running: "Training",
  stopping: "Stopping after this epoch",
  stopped: "Stopped. Resume it, or try the model as it is",
  done: "Done. Try the new model",
  failed: "Failed",
};

export class Train {
  constructor(studio) {
    this.studio = studio;
    $("train-start").addEventListener("click", () => this.send(() => api.startTraining($("minutes").value, studio.model())));
    $("train-stop").addEventListener("click", () => this.send(api.stopTraining));
    $("train-resume").addEventListener("click", () => this.send(api.resumeTraining));
  }

  async enter() {
    $("train-empty").hidden = this.studio.hasFolder;
    $("train-sheet").hidden = !this.studio.hasFolder;
    if (this.studio.hasFolder) await this.send(api.getTraining);
  }

  // Every request returns the state of the training.
  async send(request) {
    clearTimeout(this.timer);
    try {
      this.show(await request());
    } catch (error) {
      this.studio.setStatus(error.message, true);
      if (this.running) this.scheduleUpdate();
    }
  }

  scheduleUpdate() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(api.getTraining), POLL_MS);
  }

  show(training) {
    this.running = training.state === "running" || training.state === "stopping";
    $("train-start").disabled = this.running || !training.possible;
    $("train-stop").disabled = training.state !== "running";
    $("train-resume").disabled = !training.resumable;
    $("train-report").hidden = !training.report;
    const state = training.possible ? describeState(training) : "Training needs PyTorch: pip install 'nasion[train]'";
    // screen readers announce every change of this text, so it is set only when it differs
    if ($("train-state").textContent !== state) $("train-state").textContent = state;
    $("train-time").textContent = describeTime(training);
    $("train-state").classList.toggle("error", training.state === "failed");
    drawCurve($("curve"), training.curve);
    if (training.usable && !this.studio.models.some(({ name }) => name === training.model)) this.studio.selectNewModel(training.model);
    if (this.running) this.scheduleUpdate();
  }
}

function describeState({ state, error, model }) {
  return [STATES[state], model, error].filter(Boolean).join(" · ");
}

function describeTime({ curve, epochs, left_s }) {
  const parts = [];
  if (epochs) parts.push(`epoch ${curve.length} of ${epochs}`);
  if (left_s !== null) parts.push(left_s < 60 ? `${Math.round(left_s)} s left` : `${Math.round(left_s / 60)} min left`);
  return parts.join(" · ");
}

function drawCurve(canvas, curve) {
  const [width, height, margin] = [canvas.clientWidth, canvas.clientHeight, 60];
  const ratio = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [width * ratio, height * ratio];
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  const points = curve.filter((row) => Number.isFinite(row.val_error_px)).map((row) => [row.epoch + 1, row.val_error_px]);
  canvas.setAttribute("aria-label", points.length ? `Validation error ${points.at(-1)[1].toFixed(2)} px` : "No validation yet");
  if (!points.length) return;
  const style = getComputedStyle(canvas);
  const maxError = 1.1 * Math.max(...points.map(([, error]) => error));
  const lastEpoch = Math.max(2, points.at(-1)[0]);
  const toCanvas = ([epoch, error]) => [margin + ((width - margin - 12) * epoch) / lastEpoch, height - margin - ((height - margin - 12) * error) / maxError];
  context.strokeStyle = context.fillStyle = style.color;
  context.font = "13px system-ui";
  context.strokeRect(margin, 12, width - margin - 12, height - margin - 12);
  context.fillText("epoch", width / 2, height - margin + 36);
  context.fillText(String(lastEpoch), width - 30, height - margin + 18);
  context.fillText(`${maxError.toFixed(1)} px`, 2, 22);
  context.fillText("0", margin - 12, height - margin);
  context.fillText("validation error", margin + 8, 30);
  context.strokeStyle = style.getPropertyValue("--accent");
  context.lineWidth = 2;
  context.beginPath();
  points.forEach((point, k) => (k ? context.lineTo(...toCanvas(point)) : context.moveTo(...toCanvas(point))));
  context.stroke();
  for (const point of points) {
    context.beginPath();
    context.arc(...toCanvas(point), 3, 0, 2 * Math.PI);
    context.fill();
  }
}
