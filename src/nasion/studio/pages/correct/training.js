// The card that trains a model for points of which none exists yet, on the labels made so far.

import * as api from "../shared/api.js";
import { $ } from "../shared/dom.js";

const ENOUGH = 10; // labeled faces from which a first model is offered
const POLL_MS = 1500;
const MINUTES = 4;

export class TrainingCard {
  constructor(page) {
    this.page = page;
    this.training = null;
  }

  // Whether a listed model has the folder's points.
  get hasModel() {
    return this.page.studio.models.some(({ skeleton }) => String(skeleton.names) === String(this.page.album.skeleton.names));
  }

  // Whether the selected model has the folder's points.
  get isSelected() {
    const { models, model } = this.page.studio;
    return String(models.find(({ name }) => name === model())?.skeleton.names) === String(this.page.album.skeleton.names);
  }

  async enter() {
    this.training = await api.getTraining().catch(() => null);
    this.follow();
  }

  leave() {
    clearTimeout(this.timer);
  }

  // Watch a training that is under way; use its model as soon as it is finished.
  async follow() {
    clearTimeout(this.timer);
    const { training, page } = this;
    const isKnown = page.studio.models.some(({ name }) => name === training?.model);
    if (training?.usable && (!isKnown || !this.isSelected) && training.model !== this.used) {
      await this.use(training.model);
    }
    this.show();
    if (training?.state !== "running" && training?.state !== "stopping" && !this.hasFailed) return;
    this.timer = setTimeout(async () => {
      this.training = await api.getTraining().catch(() => this.training);
      this.follow();
    }, POLL_MS);
  }

  // Select a new model; if it is not loaded because the server is busy, `follow` tries again.
  async use(model) {
    this.used = model;
    this.hasFailed = false;
    try {
      await this.page.studio.selectNewModel(model);
    } catch (error) {
      this.hasFailed = [429, 504].includes(error.status); // busy
      if (this.hasFailed) this.used = null;
      this.page.studio.setStatus(`${model}: ${error.message}`, true);
    }
  }

  async start() {
    const button = $("first-train");
    button.disabled = true;
    button.textContent = "Starting…";
    try {
      await this.page.saveNow();
      this.used = null;
      await api.startTraining(MINUTES, this.page.studio.model());
      this.training = await api.getTraining();
    } catch (error) {
      this.page.studio.setStatus(error.message, true);
    }
    this.follow();
  }

  show() {
    const group = $("train-group");
    const { faces, todo } = this.page.album.summary();
    const state = this.training?.state;
    const isRunning = state === "running" || state === "stopping";
    const isOwn = !this.page.isPackaged();
    group.hidden = !isOwn || (!isRunning && !faces);
    if (group.hidden) return;
    const parts = [element("h3", isRunning ? "Training a model for your points" : "A model for your points")];
    if (isRunning) {
      parts.push(element("p", describeProgress(this.training), "note numbers"));
      const bar = document.createElement("progress");
      const { curve, epochs } = this.training;
      Object.assign(bar, { max: epochs || 1, value: curve.length });
      if (curve.length >= epochs) bar.removeAttribute("value");
      bar.setAttribute("aria-label", "Progress of the training");
      parts.push(bar, element("p", "You can go on labeling.", "note"));
    } else {
      parts.push(element("p", this.advice(faces, todo), "note"));
      if (state === "failed") parts.push(element("p", this.training.error, "message error"));
      const button = element("button", `Train ${this.hasModel ? "again " : ""}on ${Math.max(faces, ENOUGH)} faces`, faces >= ENOUGH && !this.isSelected ? "primary" : "");
      Object.assign(button, { id: "first-train", disabled: faces < ENOUGH || !this.training?.possible });
      button.addEventListener("click", () => this.start());
      parts.push(button);
    }
    group.replaceChildren(...parts);
  }

  advice(faces, todo) {
    if (this.training && !this.training.possible) return "Training needs PyTorch: pip install 'nasion[train]'";
    if (this.isSelected && this.page.start === "mean_shape") return `The model ${this.page.studio.model()} is still too uncertain, so points start at the mean of your faces. Label more faces and train again, or train longer in the tab Train.`;
    if (this.isSelected) return `The model ${this.page.studio.model()} places your points. Correct its faces, then train again; the tab Train shows the error.`;
    if (faces < ENOUGH) return `${faces} of ${ENOUGH} faces ${faces === 1 ? "is" : "are"} labeled. After ${ENOUGH}, a model trained on them places the points; until then they start at the mean of your faces.`;
    return `${faces} faces are labeled. Train a model on them, about ${MINUTES} minutes, and it places the points in the ${todo} image${todo === 1 ? "" : "s"} to do.`;
  }
}

function describeProgress({ activity, curve, epochs, left_s }) {
  if (curve.length >= epochs) return `${activity}…`; // before the first epoch and after the last one
  const left = left_s === null ? "" : left_s < 60 ? ` · ${Math.round(left_s)} s left` : ` · ${Math.round(left_s / 60)} min left`;
  return `Epoch ${curve.length} of ${epochs}${left}`;
}

function element(tag, text, className = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className });
}
