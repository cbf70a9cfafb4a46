// The page as a whole: its rooms, the model, and the line that says what happens.

import * as api from "./api.js";
import { Correct } from "./correct.js";
import { Match } from "./match.js";
import { Train } from "./train.js";
import { Try } from "./try.js";

const $ = (id) => document.getElementById(id);
let ROOMS = ["try", "match"];
const ALL = ["try", "match", "correct", "train"];

const studio = {
  models: [],
  model: () => $("model").value,
  skeleton: () => studio.models.find((each) => each.name === studio.model()).skeleton,
  async newModel(name) {
    await loadModels();
    $("model").value = name;
    await trying.again();
  },
  say(text, bad = false) {
    $("status").textContent = text;
    $("status").classList.toggle("bad", bad);
  },
};

function enter(room) {
  for (const each of ALL) {
    $(`room-${each}`).hidden = each !== room;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === room));
    $(`tab-${each}`).tabIndex = each === room ? 0 : -1;
  }
  if (room !== "try") trying.stopCamera();
  if (room === "correct") correct.enter().catch((error) => studio.say(error.message, true));
  if (room === "train") training.enter();
}

for (const room of ALL) {
  $(`tab-${room}`).addEventListener("click", () => enter(room));
  $(`tab-${room}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = ROOMS[(ROOMS.indexOf(room) + step + ROOMS.length) % ROOMS.length];
    enter(next);
    $(`tab-${next}`).focus();
  });
}

const trying = new Try(studio);
new Match(studio);
const correct = new Correct(studio);
const training = new Train(studio);

async function loadModels() {
  studio.models = (await api.models()).filter(({ error }) => !error);
  $("model").replaceChildren(...studio.models.map(({ name }) => new Option(name, name)));
}

try {
  $("model").addEventListener("change", () => trying.again());
  await loadModels();
  if ((await api.rooms()).album) {
    ROOMS = ALL;
    for (const each of ALL) $(`tab-${each}`).hidden = false;
  }
  studio.say("Ready.");
} catch (error) {
  studio.say(error.message, true);
}
