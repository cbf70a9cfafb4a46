// The frame around the four pages: tabs, model selection and status line.

import * as api from "./api.js";
import { Correct } from "./correct.js";
import { $ } from "./dom.js";
import { Match } from "./match.js";
import { Train } from "./train.js";
import { Try } from "./try.js";

const PAGES = ["try", "match", "correct", "train"];
let availablePages = ["try", "match"]; // all four if the server has opened a folder

const studio = {
  models: [],
  model: () => $("model").value,
  skeleton: () => studio.models.find(({ name }) => name === studio.model()).skeleton,
  async selectNewModel(name) {
    await loadModels();
    $("model").value = name;
    await tryPage.predictAll();
  },
  setStatus(text, isError = false) {
    $("status").textContent = text;
    $("status").classList.toggle("error", isError);
  },
};

function openPage(page) {
  for (const each of PAGES) {
    $(`page-${each}`).hidden = each !== page;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === page));
    $(`tab-${each}`).tabIndex = each === page ? 0 : -1;
  }
  if (page !== "try") tryPage.stopCamera();
  if (page === "correct") correctPage.enter().catch((error) => studio.setStatus(error.message, true));
  if (page === "train") trainPage.enter();
}

for (const page of PAGES) {
  $(`tab-${page}`).addEventListener("click", () => openPage(page));
  $(`tab-${page}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const count = availablePages.length;
    const next = availablePages[(availablePages.indexOf(page) + step + count) % count];
    openPage(next);
    $(`tab-${next}`).focus();
  });
}

const tryPage = new Try(studio);
new Match(studio);
const correctPage = new Correct(studio);
const trainPage = new Train(studio);

async function loadModels() {
  studio.models = (await api.getModels()).filter(({ error }) => !error);
  $("model").replaceChildren(...studio.models.map(({ name }) => new Option(name, name)));
}

try {
  $("model").addEventListener("change", () => tryPage.predictAll());
  await loadModels();
  if ((await api.getStudio()).album) {
    availablePages = PAGES;
    for (const page of PAGES) $(`tab-${page}`).hidden = false;
  }
  studio.setStatus("Ready.");
} catch (error) {
  studio.setStatus(error.message, true);
}
