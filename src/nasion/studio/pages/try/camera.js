// The camera: predicts one frame after the other and shows how many it predicts per second.

import { $, element } from "../shared/dom.js";

const RATE_FRAMES = 10; // latest frames over which the rate is measured
const SIZE = { width: 1280, height: 720 };
const JPEG_QUALITY = 0.9;

export class Camera {
  // `predict(blob, frame)` predicts and shows a frame, and returns false to stop; `wanted()` tells whether it may run.
  constructor(studio, predict, wanted) {
    Object.assign(this, { studio, predict, wanted, stream: null, opening: false });
    $("camera").addEventListener("click", () => this.toggle());
    $("start-camera").addEventListener("click", () => this.toggle());
  }

  async toggle() {
    if (this.stream || this.opening) return this.stop();
    this.opening = true;
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: SIZE });
    } catch {
      return this.studio.setStatus("The camera cannot be opened. Check that one is connected and that this page may use it.", true);
    } finally {
      this.opening = false;
    }
    if (!this.wanted()) return this.stop();
    $("camera").setAttribute("aria-pressed", "true");
    $("camera").textContent = "Stop camera";
    $("video").srcObject = this.stream;
    await $("video").play();
    await this.run();
    this.stop();
  }

  async run() {
    const times = [];
    while (this.stream) {
      const frame = captureFrame($("video"));
      const blob = await new Promise((resolve) => frame.toBlob(resolve, "image/jpeg", JPEG_QUALITY));
      if (!(await this.predict(blob, frame))) return;
      times.push(performance.now());
      if (times.length > RATE_FRAMES) times.shift();
      if (times.length > 1) this.showRate((1000 * (times.length - 1)) / (times.at(-1) - times[0]));
    }
  }

  showRate(rate) {
    $("frame-rate").hidden = !this.stream;
    $("frame-rate").textContent = `${rate.toFixed(rate < 10 ? 1 : 0)} frames/s`;
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    $("camera").setAttribute("aria-pressed", "false");
    $("camera").textContent = "Camera";
    $("frame-rate").hidden = true;
  }
}

function captureFrame(video) {
  const canvas = element("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas;
}
