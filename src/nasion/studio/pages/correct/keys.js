// The keyboard of the tab "Correct".

import { $ } from "../shared/dom.js";

// Connect the keys to the page and its controls.
export function connectKeys(page, controls) {
  page.canvas.stage.handleKey = (event) => handleImageKey(page, controls, event);
  document.addEventListener("keydown", (event) => handlePageKey(page, controls, event));
}

function selectPoint(page, step) {
  const { count } = page.album.skeleton;
  const from = page.selectedPoint < 0 && step < 0 ? 0 : page.selectedPoint;
  page.select(page.selectedFace, (from + step + count) % count);
}

function selectNextFace(page) {
  const { faces } = page.editor;
  if (!faces.length) return;
  const next = (page.selectedFace + 1) % faces.length;
  page.select(next, -1);
  page.zoomTo(next);
}

// Keys while the image has the focus; return whether the key was handled.
function handleImageKey(page, controls, event) {
  if (!page.editor) return false;
  const key = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
    if (page.mode === "place") page.adder.back();
    else if (key === "y" || event.shiftKey) page.redo();
    else page.undo();
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (page.mode !== "edit") return key === "escape" ? (page.adder.stopPlacing(), true) : false;
  return movePoint(page, key, event.shiftKey ? 0.1 : 1) || act(page, controls, key, event.repeat);
}

// Move the selected point by a step, image px, if the key is an arrow; return whether it was moved.
function movePoint(page, key, step) {
  const moves = { arrowleft: [-step, 0], arrowright: [step, 0], arrowup: [0, -step], arrowdown: [0, step] };
  if (!(key in moves) || page.selectedPoint < 0 || !page.editor.faces[page.selectedFace]) return false;
  page.change((editor) => editor.moveBy(page.selectedFace, page.selectedPoint, ...moves[key]));
  return true;
}

function act(page, controls, key, isRepeated) {
  const actions = {
    n: () => selectPoint(page, 1), p: () => selectPoint(page, -1), f: () => selectNextFace(page), a: () => page.adder.addFace(),
    h: () => controls.toggleHidden(), m: () => controls.toggleMirror(), r: () => controls.resetFace(), l: () => $("loupe").click(), b: () => $("names").click(),
    delete: () => page.editor.faces.length && controls.removeFace(page.selectedFace),
  };
  const once = { s: () => page.accept(), d: () => page.openNext(), x: () => page.markNoFace() }; // a held key must not pass images unseen
  if (key in once) !isRepeated && once[key]();
  else if (key in actions) actions[key]();
  else return false;
  return true;
}

// Keys that work everywhere on the page except in text fields.
function handlePageKey(page, controls, event) {
  const isTyping = event.target.closest?.("input:not([type=checkbox]):not([type=range]), select, textarea, dialog");
  if (page.studio.current !== "correct" || isTyping || event.ctrlKey || event.metaKey || event.altKey || !page.album.info) return;
  if (event.key === "?") $("shortcuts-dialog").showModal();
  else if (event.key.toLowerCase() === "g") controls.showGrid($("grid").hidden);
  else if (event.key === "Escape" && !$("grid").hidden) controls.showGrid(false);
  else return;
  event.preventDefault();
}
