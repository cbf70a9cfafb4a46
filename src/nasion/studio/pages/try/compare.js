// A second stage beside the first one: the same image with the points of another model.

import * as api from "../shared/api.js";
import { $ } from "../shared/dom.js";
import { Stage } from "../shared/stage.js";

export class Compare {
  // `paint(context, stage, shown)` draws a prediction; `changed()` runs when there is another one to show.
  constructor(studio, first, paint, changed) {
    this.studio = studio;
    this.first = first;
    this.changed = changed;
    this.shown = null; // { entry, model, prediction, skeleton }
    this.latest = 0; // counter: results of an outdated request are dropped
    this.stage = new Stage($("compare-canvas"), (context, stage) => this.shown && paint(context, stage, this.shown));
    this.stage.onMove = () => first.follow(this.stage);
    first.onMove = () => this.isOn && this.stage.follow(first);
    $("compare-model").addEventListener("change", () => {
      this.show(this.entry);
      this.changed();
    });
  }

  get isOn() {
    return $("compare-model").value !== "";
  }

  // Offer all models but the selected one.
  listModels() {
    const chosen = $("compare-model").value;
    const names = this.studio.models.map(({ name }) => name).filter((name) => name !== this.studio.model());
    $("compare-model").replaceChildren(new Option("none", ""), ...names.map((name) => new Option(name, name)));
    $("compare-model").value = names.includes(chosen) ? chosen : "";
    $("compare-model").disabled = !names.length;
    $("compare-model").title = names.length ? "" : "The server offers no other model";
  }

  // Show an entry { file, image, prediction } with the chosen model.
  async show(entry) {
    this.entry = entry;
    const request = ++this.latest;
    const model = $("compare-model").value;
    $("second-view").hidden = $("first-model").hidden = !model || !entry;
    this.shown = null;
    this.stage.image = null; // the one before is closed soon
    if (!model || !entry) return;
    $("first-model").textContent = this.studio.model();
    $("second-model").textContent = `${model}…`;
    this.stage.show(entry.image, entry.prediction.width, entry.prediction.height, true);
    this.stage.follow(this.first);
    try {
      const prediction = await api.predict(entry.file, model, false);
      if (request !== this.latest) return;
      const { skeleton } = this.studio.models.find(({ name }) => name === model);
      this.shown = { entry, model, prediction, skeleton };
      $("second-model").textContent = `${model} · ${skeleton.count} points`;
    } catch (error) {
      if (request !== this.latest) return;
      $("second-model").textContent = `${model}: ${error.message}`;
    }
    this.stage.draw();
    this.changed();
  }
}
