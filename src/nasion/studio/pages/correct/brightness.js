// Brightness and contrast of the image, with one click for dark images.

import { $ } from "../shared/dom.js";

const SIDE = 32; // px of the small copy whose brightness is measured
const DARK = 40; // mean level, 0 to 255, below which an image is offered to be brightened
const GOAL = 100; // mean level of a brightened image

export class Brightness {
  // `canvas` is the stage of the tab "Correct".
  constructor(canvas) {
    this.canvas = canvas;
    this.level = GOAL;
    for (const id of ["brightness", "contrast"]) $(id).addEventListener("input", () => this.apply());
    $("view-reset").addEventListener("click", () => (this.reset(), canvas.stage.fit()));
    $("brighten").addEventListener("click", () => this.brighten());
  }

  apply() {
    $("brighten").setAttribute("aria-pressed", "false");
    this.canvas.setFilter($("brightness").valueAsNumber, $("contrast").valueAsNumber);
  }

  reset() {
    $("brightness").value = $("contrast").value = 100;
    this.apply();
  }

  // Another image is shown: what was brightened for the last one returns to normal.
  show(picture) {
    this.level = meanLevel(picture);
    $("brighten").hidden = this.level >= DARK;
    if (this.isOn) this.reset();
  }

  get isOn() {
    return $("brighten").getAttribute("aria-pressed") === "true";
  }

  brighten() {
    if (this.isOn) return this.reset();
    $("brightness").value = (100 * GOAL) / Math.max(this.level, 1); // the slider limits it
    this.apply();
    $("brighten").setAttribute("aria-pressed", "true");
  }
}

function meanLevel(picture) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  let sum = 0;
  for (let k = 0; k < data.length; k += 4) sum += data[k] + data[k + 1] + data[k + 2];
  return sum / (3 * SIDE * SIDE);
}
