// The page "Match": shows the same points in two images and a morph from one face to the other.

import * as api from "../shared/api.js";
import { $, decodeImage } from "../shared/dom.js";

export class Match {
  constructor(studio) {
    this.studio = studio;
    this.files = {};
    this.frames = [];
    for (const side of ["a", "b"]) $(`file-${side}`).addEventListener("change", (event) => this.setFile(side, event.target.files[0]));
    $("morph-slider").addEventListener("input", () => this.showFrame());
  }

  async setFile(side, file) {
    if (!file) return;
    try {
      await this.drawImage(side, file, []);
    } catch (error) {
      return this.studio.setStatus(`${file.name}: ${error.message}`, true);
    }
    this.files = { ...this.files, [side]: file };
    if (this.files.a && this.files.b) await this.match(this.files);
  }

  async match(files) {
    this.studio.setStatus("Matching…");
    try {
      const result = await api.match(files.a, files.b, this.studio.model());
      if (files !== this.files) return; // the user has chosen another image in the meantime
      this.frames = result.frames;
      $("morph-slider").max = result.frames.length - 1;
      $("morph-slider").value = result.frames.length >> 1;
      $("morph-slider").disabled = false;
      this.showFrame();
      await this.drawImage("a", files.a, result.a.keypoints);
      await this.drawImage("b", files.b, result.b.keypoints);
      $("match-summary").textContent =
        `${result.names.length} points · B aligned to A: scale ${result.scale.toFixed(3)}, rotation ${result.rotation_deg.toFixed(1)}° · ` +
        `average difference ${(100 * result.residual).toFixed(1)} % of face size`;
      this.studio.setStatus("Matched. Move the slider to morph A to B.");
    } catch (error) {
      this.studio.setStatus(error.message, true);
    }
  }

  showFrame() {
    const frame = Number($("morph-slider").value);
    $("morph").src = this.frames[frame];
    $("morph").alt = `Morph A to B, ${Math.round((100 * frame) / (this.frames.length - 1))} %`;
    $("morph").hidden = false;
  }

  async drawImage(side, file, keypoints) {
    const image = await decodeImage(file);
    const canvas = $(`canvas-${side}`);
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.style.aspectRatio = `${image.width} / ${image.height}`;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    image.close();
    const radius = Math.max(2, canvas.width / 250);
    keypoints.forEach(([x, y], k) => {
      context.fillStyle = `hsl(${(360 * k) / keypoints.length} 85% 50%)`;
      context.beginPath();
      context.arc(x + 0.5, y + 0.5, radius, 0, 2 * Math.PI);
      context.fill();
    });
  }
}
