// The room "Match": the same points in two pictures, and the way from one face to the other.

import * as api from "./api.js";

const $ = (id) => document.getElementById(id);

export class Match {
  constructor(studio) {
    this.studio = studio;
    this.files = {};
    this.frames = [];
    for (const side of ["a", "b"]) $(`file-${side}`).addEventListener("change", (event) => this.take(side, event.target.files[0]));
    $("share").addEventListener("input", () => this.show());
  }

  async take(side, file) {
    if (!file) return;
    try {
      await this.picture(side, file, []);
    } catch {
      return this.studio.say(`${file.name}: this browser cannot show it as a picture; JPEG, PNG and WebP it can`, true);
    }
    this.files = { ...this.files, [side]: file };
    if (this.files.a && this.files.b) await this.match(this.files);
  }

  async match(files) {
    this.studio.say("Matching…");
    try {
      const found = await api.match(files.a, files.b, this.studio.model());
      if (files !== this.files) return; // another picture has been chosen since
      this.frames = found.frames;
      $("share").max = found.frames.length - 1;
      $("share").value = found.frames.length >> 1;
      $("share").disabled = false;
      this.show();
      await this.picture("a", files.a, found.a.keypoints);
      await this.picture("b", files.b, found.b.keypoints);
      $("numbers").textContent =
        `${found.names.length} points; B onto A: scale ${found.scale.toFixed(3)}, turned ${found.rotation_deg.toFixed(1)}°, ` +
        `residual ${(100 * found.residual).toFixed(1)} % of the face's size`;
      this.studio.say("Matched; move the slider from A to B.");
    } catch (error) {
      this.studio.say(error.message, true);
    }
  }

  show() {
    const share = Number($("share").value);
    $("morph").src = this.frames[share];
    $("morph").alt = `The face ${Math.round((100 * share) / (this.frames.length - 1))} % of the way from A to B`;
    $("morph").hidden = false;
  }

  async picture(side, file, keypoints) {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const canvas = $(`canvas-${side}`);
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.style.aspectRatio = `${image.width} / ${image.height}`;
    const pen = canvas.getContext("2d");
    pen.drawImage(image, 0, 0);
    image.close();
    const radius = Math.max(2, canvas.width / 250);
    keypoints.forEach(([x, y], k) => {
      pen.fillStyle = `hsl(${(360 * k) / keypoints.length} 85% 50%)`;
      pen.beginPath();
      pen.arc(x + 0.5, y + 0.5, radius, 0, 2 * Math.PI);
      pen.fill();
    });
  }
}
