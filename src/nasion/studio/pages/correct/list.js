// The list of images at the left and the grid: both show thumbnails, and add further ones while the user scrolls.

import { describe } from "./album.js";
import { thumbnailUrl } from "../shared/albums.js";

const CHUNK = 120; // images that are added at a time

const GROUPS = { none_found: "No face found", no_face: "No face", unreadable: "Cannot be read" };

export class ImageList {
  // `list` is an <ol>, `scroller` the element that scrolls; `makeItem(entry, button)` completes a button.
  constructor(list, scroller, open, makeItem = () => {}) {
    Object.assign(this, { list, scroller, open, makeItem, entries: [], items: new Map() });
    scroller.addEventListener("scroll", () => this.fill(), { passive: true });
    new ResizeObserver(() => this.fill()).observe(scroller);
  }

  // Show images in an order; `group(entry)` names their group, `current` is the id of the open one.
  show(entries, group, current) {
    const focused = document.activeElement?.closest?.("[data-image]");
    const hadFocus = focused && this.list.contains(focused) ? Number(focused.dataset.image) : null;
    const count = Math.max(CHUNK, this.list.querySelectorAll("[data-image]").length);
    Object.assign(this, { entries, group, current, shown: 0 });
    this.list.replaceChildren();
    this.lastGroup = "faces";
    this.append(count);
    this.fill();
    if (hadFocus !== null) this.list.querySelector(`[data-image="${hadFocus}"]`)?.focus();
  }

  fill() {
    while (this.shown < this.entries.length && this.scroller.scrollTop + this.scroller.clientHeight > this.scroller.scrollHeight - 600) {
      if (!this.scroller.clientHeight) return;
      this.append(CHUNK);
    }
  }

  append(count) {
    const part = document.createDocumentFragment();
    for (const entry of this.entries.slice(this.shown, this.shown + count)) {
      const group = this.group(entry);
      if (group !== this.lastGroup) part.append(heading(GROUPS[group]));
      this.lastGroup = group;
      part.append(this.item(entry));
    }
    this.shown += count;
    this.list.append(part);
  }

  // Items are kept: their thumbnails are loaded once.
  item(entry) {
    let item = this.items.get(entry.id);
    if (!item) this.items.set(entry.id, (item = this.create(entry)));
    const [button, text] = [item.querySelector("button"), item.querySelector(".about")];
    const about = describe(entry);
    if (text.textContent !== about) text.textContent = about;
    item.dataset.state = entry.error ? "unreadable" : entry.state;
    button.setAttribute("aria-current", String(entry.id === this.current));
    this.makeItem(entry, item);
    return item;
  }

  create(entry) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.dataset.image = entry.id;
    button.title = entry.name;
    const picture = document.createElement("img");
    Object.assign(picture, { alt: "", loading: "lazy", decoding: "async", width: 48, height: 48 });
    picture.addEventListener("error", () => item.classList.add("broken"));
    picture.src = thumbnailUrl(entry.id);
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: entry.name });
    const about = Object.assign(document.createElement("span"), { className: "about note numbers" });
    const words = document.createElement("span");
    words.className = "words";
    words.append(name, about);
    button.append(picture, words);
    button.addEventListener("click", (event) => this.open(entry.id, event));
    item.append(button);
    return item;
  }

  clear() {
    this.items.clear();
  }
}

function heading(text) {
  const item = document.createElement("li");
  item.className = "group-name";
  item.textContent = text;
  return item;
}
