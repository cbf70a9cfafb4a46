// The tab "Video": the user drops a clip, watches it being tracked, and downloads the result.

import * as api from "../shared/api.js";
import { $, acceptChoice, acceptDrop, countOf, download, element } from "../shared/dom.js";

const POLL_MS = 300;

export class Video {
  constructor(studio) {
    this.studio = studio;
    this.clip = null; // { file, name, result }: `name` is the server's name, `result` the tracked clip as a file
    acceptChoice($("video-file"), ([file]) => this.track(file));
    acceptDrop($("video-area"), ([file]) => file && this.track(file));
    $("video-cancel").addEventListener("click", () => this.cancel());
    $("video-again").addEventListener("click", () => this.reset());
    $("video-mp4").addEventListener("click", () => this.save("keypoints.mp4"));
    $("video-csv").addEventListener("click", () => this.save("keypoints.csv"));
    window.addEventListener("pagehide", () => this.forget());
  }

  enter() {
    const { missing, largest_bytes, longest_s } = this.studio.clips;
    $("video-limits").textContent = `At most ${Math.round(largest_bytes / 1e6)} MB and ${duration(longest_s)}. The server removes the clip as soon as you close this page or open another one.`;
    $("video-missing").textContent = missing;
    $("video-missing").hidden = !missing;
    $("video-choose").hidden = Boolean(missing);
    $("video-file").disabled = Boolean(missing);
  }

  async track(file) {
    await this.studio.loading;
    const { missing, largest_bytes } = this.studio.clips;
    if (missing) return this.studio.setStatus(missing, true);
    if (file.size > largest_bytes)
      return this.studio.setStatus(`${file.name} has ${Math.round(file.size / 1e6)} MB; the limit is ${Math.round(largest_bytes / 1e6)} MB`, true);
    this.reset();
    const clip = (this.clip = { file, aborter: new AbortController() });
    this.showProgress("Uploading…", null);
    this.studio.setStatus(`Tracking the faces of ${file.name}…`);
    try {
      clip.name = (await api.sendClip(file, this.studio.model(), $("video-smooth").value, clip.aborter.signal)).name;
      if (this.clip !== clip) return void api.removeClip(clip.name).catch(() => {});
      await this.watch(clip);
    } catch (error) {
      if (this.clip !== clip) return; // cancelled
      this.reset();
      this.studio.setStatus(`${file.name}: ${error.message}`, true);
    }
  }

  // Show the state and the latest frame until the clip is finished.
  async watch(clip) {
    for (;;) {
      const status = await api.getClip(clip.name);
      if (this.clip !== clip) return;
      if (status.state === "failed") throw new Error(status.error);
      if (status.state === "done") return this.showResult(clip, status);
      this.showProgress(describe(status), status.total ? status.frames / status.total : null);
      if (status.frames) await this.showFrame(clip);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async showFrame(clip) {
    const { blob } = await api.getClipFile(clip.name, "frame");
    if (this.clip !== clip) return;
    URL.revokeObjectURL($("video-frame").src);
    $("video-frame").src = URL.createObjectURL(blob);
    $("video-frame").hidden = false;
  }

  showProgress(text, share) {
    $("video-start").hidden = true;
    $("video-progress").hidden = false;
    $("video-name").textContent = this.clip.file.name;
    $("video-state").textContent = text;
    if (share === null) $("video-bar").removeAttribute("value");
    else $("video-bar").value = share;
  }

  async showResult(clip, status) {
    this.showProgress("Loading the result…", 1);
    const { blob } = await api.getClipFile(clip.name, "keypoints.mp4");
    if (this.clip !== clip) return;
    clip.result = blob;
    $("video-result").src = URL.createObjectURL(blob);
    $("video-result").hidden = false;
    $("video-frame").hidden = $("video-progress").hidden = true;
    $("video-done").hidden = false;
    $("video-faces-title").textContent = status.faces.length ? countOf(status.faces.length, "face") : "No face found";
    const lines = status.faces.map(({ face, frames }) => `Face ${face}: visible in ${frames} of ${countOf(status.frames, "frame")}`);
    $("video-faces").replaceChildren(...lines.map((line) => element("li", { textContent: line })));
    $("video-note").textContent = status.note;
    $("video-note").hidden = !status.note;
    this.studio.setStatus(`${clip.file.name}: tracked ${countOf(status.frames, "frame")} at ${status.rate.toFixed(0)} frames/s`);
  }

  async save(file) {
    const { clip } = this;
    try {
      const { blob } = file.endsWith(".mp4") ? { blob: clip.result } : await api.getClipFile(clip.name, file);
      const name = `${clip.file.name.replace(/\.[^.]*$/, "")}-${file}`;
      download(blob, name);
      this.studio.setStatus(`Saved ${name}.`);
    } catch (error) {
      this.studio.setStatus(error.message, true);
    }
  }

  cancel() {
    const { name } = this.clip.file;
    this.reset();
    this.studio.setStatus(`${name}: cancelled; its files are removed`);
  }

  // Forget the clip, and have its files removed.
  forget() {
    const { clip } = this;
    this.clip = null;
    clip?.aborter.abort();
    if (clip?.name) api.removeClip(clip.name).catch(() => {}); // without a server there is nothing to remove
  }

  reset() {
    this.forget();
    for (const id of ["video-frame", "video-result"]) {
      URL.revokeObjectURL($(id).src);
      $(id).removeAttribute("src");
      $(id).hidden = true;
    }
    $("video-result").load();
    $("video-progress").hidden = $("video-done").hidden = true;
    $("video-start").hidden = false;
  }
}

function describe({ state, frames, total, rate }) {
  if (state === "waiting") return "Waiting for another clip";
  if (!frames) return "Starting…";
  const parts = [total ? `${frames} of ${total} frames` : countOf(frames, "frame"), `${rate.toFixed(0)} frames/s`];
  if (total && rate) parts.push(`${duration((total - frames) / rate)} left`);
  return parts.join(" · ");
}

function duration(seconds) {
  return seconds < 100 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
