// The application shell: tabs, model selection and status bar. Each tab is one module with an object of its class.

import * as api from "./shared/api.js";
import { $ } from "./shared/dom.js";
import { Try } from "./try/try.js";

// The modules of the other tabs are loaded when the page can be used already.
const LOADERS = {
  match: async () => (await import("./match/match.js")).Match,
  video: async () => (await import("./video/video.js")).Video,
  correct: async () => (await import("./correct/correct.js")).Correct,
  train: async () => (await import("./train/train.js")).Train,
};
const NAMES = ["try", ...Object.keys(LOADERS)];

// What the tabs share.
const studio = {
  models: [],
  loading: null, // promise: fulfilled when `models`, `hasFolder` and `clips` are known
  hasFolder: false, // whether the server has opened a folder
  clips: { missing: "", largest_bytes: 0, longest_s: 0 }, // which clips the server tracks
  current: "try",
  model: () => $("model").value,
  skeleton: () => studio.models.find(({ name }) => name === studio.model()).skeleton,
  loadModels,
  async selectNewModel(name) {
    await loadModels();
    if (!studio.models.some((each) => each.name === name)) throw new Error("the model cannot be loaded");
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
    await (await getPage("video")).track(file);
  },
};

// The tabs that are loaded. One may have `enter()`, `leave()` and `changeModel()`; `enter` and `changeModel` may return a promise.
const pages = { try: new Try(studio) };
const loadings = {}; // promises of the others, by name

async function getPage(name) {
  if (pages[name]) return pages[name];
  loadings[name] ??= LOADERS[name]().then((Page) => (pages[name] = new Page(studio)));
  return loadings[name].catch((error) => {
    delete loadings[name]; // so that the next click tries again
    throw error;
  });
}

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
  const panel = $(`page-${name}`);
  if (name !== "try" && (!pages[name] || !studio.models.length)) panel.setAttribute("aria-busy", "true"); // hides what does not work yet
  try {
    const [page] = await Promise.all([getPage(name), studio.loading]);
    panel.removeAttribute("aria-busy");
    if (studio.current === name) await page.enter?.();
  } catch (error) {
    studio.setStatus(error.message, true);
  }
}

async function changeModel() {
  showTerms();
  for (const page of Object.values(pages)) await page.changeModel?.();
}

// List the models; the selected one stays selected. Return one line about those that cannot be loaded, or an empty string.
async function loadModels() {
  const found = await api.getModels();
  const chosen = studio.model();
  studio.models = found.filter(({ error }) => !error);
  $("model").replaceChildren(...studio.models.map(({ name }) => new Option(name, name)));
  if (studio.models.some(({ name }) => name === chosen)) $("model").value = chosen;
  showTerms();
  pages.try.compare.listModels();
  return found.filter(({ error }) => error).map(({ name, error }) => `The model “${name}” is left out: ${error}.`).join(" ");
}

function showTerms() {
  const { name, terms } = studio.models.find((each) => each.name === studio.model()) ?? {};
  $("model").title = terms ? `${name}: ${terms}` : "";
  for (const place of document.querySelectorAll(".terms")) place.textContent = terms ? `Terms of ${name}: ${terms}.` : "";
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

async function load() {
  const problems = await loadModels();
  if (problems) studio.setStatus(problems, true);
  const { album, clips } = await api.getStudio();
  Object.assign(studio, { hasFolder: album, clips });
}

// The page can be used while the server loads the models: what needs them waits for them.
$("model").addEventListener("change", changeModel);
studio.loading = load();
studio.loading
  .then(() => Promise.all(Object.keys(LOADERS).map(getPage)))
  .then(() => delete document.querySelector("main").dataset.loading)
  .catch((error) => studio.setStatus(error.message, true));
studio.setStatus("Ready.");
const wanted = location.hash.slice(1);
if (NAMES.includes(wanted)) open(wanted);
