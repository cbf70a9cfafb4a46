// The application shell: tabs, model selection and status bar. Each tab is one module with an object of its class.

import * as api from "./shared/api.js";
import { Correct } from "./correct/correct.js";
import { $ } from "./shared/dom.js";
import { Match } from "./match/match.js";
import { Train } from "./train/train.js";
import { Try } from "./try/try.js";
import { Video } from "./video/video.js";

const NAMES = ["try", "match", "video", "correct", "train"];

// What the tabs share.
const studio = {
  models: [],
  hasFolder: false, // whether the server has opened a folder
  clips: { missing: "", largest_bytes: 0, longest_s: 0 }, // which clips the server tracks
  current: "try",
  model: () => $("model").value,
  skeleton: () => studio.models.find(({ name }) => name === studio.model()).skeleton,
  async selectNewModel(name) {
    await loadModels();
    $("model").value = name;
    await changeModel();
  },
  setStatus(text, isError = false) {
    if ($("status").textContent !== text) $("status").textContent = text; // screen readers announce every change
    $("status").classList.toggle("error", isError);
  },
  open,
  async trackClip(file) {
    await open("video");
    await pages.video.track(file);
  },
};

// A tab may have `enter()`, `leave()` and `changeModel()`; `enter` and `changeModel` may return a promise.
const pages = { try: new Try(studio), match: new Match(studio), video: new Video(studio), correct: new Correct(studio), train: new Train(studio) };

async function open(name) {
  if (name !== studio.current) {
    pages[studio.current]?.leave?.();
    studio.setStatus("");
  }
  studio.current = name;
  history.replaceState(null, "", name === "try" ? location.pathname : `#${name}`);
  for (const each of NAMES) {
    $(`page-${each}`).hidden = each !== name;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    $(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
  try {
    await pages[name]?.enter?.();
  } catch (error) {
    studio.setStatus(error.message, true);
  }
}

async function changeModel() {
  for (const page of Object.values(pages)) await page.changeModel?.();
}

async function loadModels() {
  studio.models = (await api.getModels()).filter(({ error }) => !error);
  $("model").replaceChildren(...studio.models.map(({ name }) => new Option(name, name)));
  pages.try.compare.listModels();
}

for (const name of NAMES) {
  $(`tab-${name}`).addEventListener("click", () => open(name));
  $(`tab-${name}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = NAMES[(NAMES.indexOf(name) + step + NAMES.length) % NAMES.length];
    open(next);
    $(`tab-${next}`).focus();
  });
}

try {
  $("model").addEventListener("change", changeModel);
  await loadModels();
  const { album, clips } = await api.getStudio();
  Object.assign(studio, { hasFolder: album, clips });
  studio.setStatus("Ready.");
  const wanted = location.hash.slice(1);
  if (NAMES.includes(wanted)) await open(wanted);
} catch (error) {
  studio.setStatus(error.message, true);
}
