// The page as a whole: its rooms, the model, and the line that says what happens.

import * as api from "./api.js";
import { Match } from "./match.js";
import { Try } from "./try.js";

const $ = (id) => document.getElementById(id);
const ROOMS = ["try", "match"];

const studio = {
  models: [],
  model: () => $("model").value,
  skeleton: () => studio.models.find((each) => each.name === studio.model()).skeleton,
  say(text, bad = false) {
    $("status").textContent = text;
    $("status").classList.toggle("bad", bad);
  },
};

function enter(room) {
  for (const each of ROOMS) {
    $(`room-${each}`).hidden = each !== room;
    $(`tab-${each}`).setAttribute("aria-selected", String(each === room));
    $(`tab-${each}`).tabIndex = each === room ? 0 : -1;
  }
}

for (const [k, room] of ROOMS.entries()) {
  $(`tab-${room}`).addEventListener("click", () => enter(room));
  $(`tab-${room}`).addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = ROOMS[(k + step + ROOMS.length) % ROOMS.length];
    enter(next);
    $(`tab-${next}`).focus();
  });
}

const room = new Try(studio);
new Match(studio);

try {
  studio.models = await api.models();
  $("model").replaceChildren(...studio.models.map(({ name }) => new Option(name, name)));
  $("model").addEventListener("change", () => room.again());
  studio.say("Ready.");
} catch (error) {
  studio.say(error.message, true);
}
