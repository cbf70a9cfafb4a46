// The tab "Train": trains on the labels of the open folder, shows the error, and compares the new model with the old.

import * as api from "../shared/api.js";
import { $ } from "../shared/dom.js";
import { drawCurve } from "./plot.js";
import { initialName, showErrors, showSamples } from "./result.js";

const POLL_MS = 1500;
const FEW_LABELS = 200; // faces of which a training holds out enough to compare two models
const STATES = {
  none: () => "No training yet",
  running: ({ model }) => `Training ${model}`,
  stopping: ({ model }) => `Stopping ${model}`,
  stopped: ({ model }) => `${model} is stopped`,
  done: ({ model }) => `${model} is trained`,
  failed: ({ model }) => `${model} has failed`,
};

export class Train {
  constructor(studio) {
    this.studio = studio;
    this.training = null;
    this.shown = ""; // the comparison that is shown
    $("train-start").addEventListener("click", () => this.start());
    $("train-stop").addEventListener("click", () => this.send(api.stopTraining));
    $("train-resume").addEventListener("click", () => this.send(api.resumeTraining));
    $("train-try").addEventListener("click", () => this.tryModel());
    $("train-to-correct").addEventListener("click", () => studio.open("correct"));
    new ResizeObserver(() => this.draw()).observe($("curve"));
  }

  async enter() {
    this.isOpen = true;
    const hasFolder = this.studio.hasFolder || (await api.getStudio()).album;
    $("train-empty").hidden = hasFolder;
    $("train-sheet").hidden = $("train-panel").hidden = !hasFolder;
    if (hasFolder) await this.send(api.getTraining);
  }

  leave() {
    this.isOpen = false;
  }

  // Every request returns the state of the training.
  async send(request) {
    clearTimeout(this.timer);
    try {
      this.show(await request());
      return true;
    } catch (error) {
      this.studio.setStatus(error.message, true);
      if (this.isBusy) this.scheduleUpdate();
      return false;
    }
  }

  async start() {
    const minutes = $("minutes").value;
    if (!(Number(minutes) > 0)) return this.studio.setStatus("minutes: enter a number above 0", true);
    $("train-start").disabled = true;
    this.studio.setStatus("");
    if (await this.send(() => api.startTraining(minutes, this.studio.model(), $("train-name").value.trim()))) $("train-name").value = "";
    else $("train-start").disabled = false;
  }

  async tryModel() {
    await this.use();
    await this.studio.open("try");
  }

  // Select the trained model, which the server lists from now on.
  async use() {
    if (this.studio.model() !== this.training.model) await this.studio.selectNewModel(this.training.model);
  }

  scheduleUpdate() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(api.getTraining), POLL_MS);
  }

  get isRunning() {
    return this.training?.state === "running" || this.training?.state === "stopping";
  }

  get isBusy() {
    return this.isRunning || Boolean(this.training?.measuring);
  }

  show(training) {
    const wasRunning = this.isRunning;
    this.training = training;
    setText($("train-state"), STATES[training.state](training));
    $("train-time").textContent = describeTime(training);
    this.showProgress();
    this.showControls();
    this.draw();
    showErrors(training.errors, training.model);
    this.showFaces();
    if (wasRunning && training.usable) this.use().catch((error) => this.studio.setStatus(error.message, true));
    if (this.isBusy) this.scheduleUpdate();
  }

  showProgress() {
    const { state, error, problem, epochs, curve } = this.training;
    const bar = $("train-progress");
    bar.hidden = !this.isRunning;
    if (epochs && curve.length) bar.value = curve.length / epochs;
    else bar.removeAttribute("value"); // an animation: nothing is known yet
    const message = state === "failed" ? error : problem && `The models cannot be compared: ${problem}`;
    $("train-error").textContent = message;
    $("train-error").hidden = !message;
  }

  showControls() {
    const { labels, possible, resumable, report, usable, state, errors, run } = this.training;
    $("train-labels").textContent = describeLabels(labels);
    const reason = this.isRunning ? "" : startProblem(possible, labels);
    $("train-start").disabled = this.isRunning || Boolean(reason);
    $("train-stop").disabled = state !== "running";
    $("train-resume").disabled = !resumable;
    $("train-reason").textContent = reason || (this.isRunning ? "You can correct more labels meanwhile; the next training uses them." : "");
    const advice = reason || errors || labels.faces >= FEW_LABELS ? "" : adviseOnFew(labels);
    $("train-advice").textContent = advice;
    $("train-advice").hidden = !advice;
    $("train-try").hidden = $("train-export").hidden = !usable;
    $("train-export-command").textContent = `nasion export "${run}" "${run.split("/").at(-1)}.onnx"`;
    $("train-try").classList.toggle("primary", usable);
    $("train-start").classList.toggle("primary", !usable);
    $("train-report").hidden = !report;
    $("train-report").href = api.reportUrl();
  }

  draw() {
    if (!this.training || !this.isOpen) return;
    const { curve, epochs, errors, measuring } = this.training;
    const isEmpty = !errors && !curve.length;
    $("plot").hidden = isEmpty;
    drawCurve($("curve"), curve, epochs, errors && { px: errors.before_px, label: initialName(errors), isModel: Boolean(errors.model) });
    $("curve-note").textContent = isEmpty
      ? measuring ? "Measuring the initial model on the held-out faces…" : "The error on held-out faces appears here, with the initial error as a line."
      : "Mean error on the held-out faces, px of the image. Below the dashed line, the new model is better.";
  }

  // Load the held-out faces when there is something new to see.
  async showFaces() {
    const { errors, model } = this.training;
    const key = errors && JSON.stringify([model, errors.before_px, errors.after_px]);
    if (key === this.shown) return;
    this.shown = key;
    try {
      showSamples(errors ? (await api.getComparison()).faces : []);
    } catch (error) {
      this.studio.setStatus(error.message, true);
    }
  }
}

// Screen readers announce every change of a status, so the text is set only when it differs.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function describeTime({ state, activity, elapsed_s, left_s, curve, epochs, measuring }) {
  const parts = [];
  if (activity) parts.push(activity);
  else if (epochs && curve.length) parts.push(`${curve.length} of ${epochs} epochs`);
  if (!activity && measuring) parts.push("measuring the model on the held-out faces");
  if (elapsed_s !== null) parts.push(`${duration(elapsed_s)} so far`);
  if (left_s && state === "running") parts.push(`${duration(left_s)} left`);
  return parts.join(" · ");
}

function duration(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function describeLabels({ faces, corrected, accepted }) {
  if (!faces) return "No face is labeled yet.";
  const parts = [];
  if (corrected) parts.push(`${corrected} corrected by you`);
  if (accepted) parts.push(`${accepted} accepted`);
  const others = faces - corrected - accepted;
  if (others && parts.length) parts.push(`${others} not checked`);
  return `${faces} labeled${parts.length ? ` (${parts.join(", ")})` : ", none checked by you"}`;
}

function startProblem(possible, { images }) {
  if (!possible) return "Training needs PyTorch: pip install 'nasion[train]'";
  if (images < 2) return "Label at least two images first, in the tab Correct: one of them is held out.";
  return "";
}

function adviseOnFew({ images, corrected, accepted, faces }) {
  const count = Math.max(1, Math.round(images / 10));
  const few = `About ${count} ${count === 1 ? "image" : "images"} will be held out, too few to tell whether the new model is better.`;
  const unmoved = accepted > corrected && accepted > faces / 2 ? " Most labels are accepted predictions, from which a model learns little." : "";
  return few + unmoved;
}
