// The export: predictions of this image or of all images as one file, and the drawn image.

import * as api from "../shared/api.js";
import { $, countOf, download } from "../shared/dom.js";

const FORMS = ["json", "csv", "coco", "pts", "zip"];

export class Export {
  // `entries()` returns the predicted entries, `selected()` the shown one, `drawImage()` a blob with the drawn image.
  constructor(studio, entries, selected, drawImage) {
    Object.assign(this, { studio, entries, selected });
    for (const form of FORMS) $(`save-${form}`).addEventListener("click", () => this.save(form));
    $("save-image").addEventListener("click", async () => {
      const { name } = this.selected();
      download(await drawImage(), `${name.replace(/\.[^.]*$/, "")}-points.png`);
    });
    for (const scope of ["this", "all"]) $(`scope-${scope}`).addEventListener("change", () => this.update());
  }

  get all() {
    return $("scope-all").checked;
  }

  // The entries to export: those that the current model has predicted.
  chosen() {
    return (this.all ? this.entries() : [this.selected()]).filter((entry) => entry?.prediction && entry.model === this.studio.model());
  }

  update() {
    const count = this.entries().length;
    $("scope-all").disabled = count < 2;
    if (count < 2) $("scope-this").checked = true;
    $("scope-all-text").textContent = count < 2 ? "All images" : `All ${count} images`;
    const faces = this.chosen().reduce((sum, { prediction }) => sum + prediction.faces.length, 0);
    const reason = faces ? "" : "There is no face to export yet";
    for (const form of FORMS) {
      $(`save-${form}`).disabled = !faces;
      $(`save-${form}`).title = reason || (form === "zip" ? "JSON, CSV, COCO and .pts in one archive" : "");
    }
    $("save-image").disabled = !faces || this.all;
    $("save-image").title = reason || (this.all ? "Drawn images are saved one at a time; choose “This image”" : "");
  }

  async save(form) {
    const entries = this.chosen();
    const images = entries.map(({ name, prediction: { width, height, faces } }) => ({ image: name, width, height, faces }));
    try {
      const { blob, name } = await api.exportFaces(form, images, this.studio.model());
      download(blob, name);
      this.studio.setStatus(`Saved ${name}: ${countOf(images.length, "image")}, ${countOf(images.flatMap(({ faces }) => faces).length, "face")}.`);
    } catch (error) {
      this.studio.setStatus(error.message, true);
    }
  }
}
