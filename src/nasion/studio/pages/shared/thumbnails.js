// A list of images as thumbnails, each with a badge; an image with an error shows it.

import { element } from "./dom.js";

export class Thumbnails {
  // `select(item)` runs when an item is clicked.
  constructor(list, select) {
    this.list = list;
    this.select = select;
    this.entries = new Map(); // the list entry of each item: { node, button, badge }
  }

  // Each item has { name, file, badge, error }. Entries are kept, so that their images are not decoded again.
  show(items, current) {
    const known = new Map(items.map((item) => [item, this.entries.get(item) ?? this.create(item)]));
    for (const [item, entry] of this.entries) if (!known.has(item)) URL.revokeObjectURL(entry.url);
    this.entries = known;
    const nodes = [...known.values()].map(({ node }) => node);
    if (nodes.length !== this.list.children.length || nodes.some((node, k) => node !== this.list.children[k])) this.list.replaceChildren(...nodes);
    for (const [item, entry] of known) update(entry, item, item === current);
  }

  create(item) {
    const url = URL.createObjectURL(item.file);
    const image = element("img", { alt: "", src: url, loading: "lazy", decoding: "async" });
    image.onerror = () => image.remove();
    const badge = element("span", { className: "badge" });
    const name = element("span", { className: "thumbnail-name", textContent: item.name });
    const button = element("button", { onclick: () => this.select(item) }, image, name, badge);
    return { url, button, badge, node: element("li", {}, button) };
  }
}

function update({ button, badge }, { name, badge: text, error }, isCurrent) {
  const about = error || text;
  button.setAttribute("aria-label", about ? `${name}: ${about}` : name);
  button.setAttribute("aria-current", String(isCurrent));
  button.title = error ? `${name}: ${error}` : name;
  badge.hidden = !about;
  badge.classList.toggle("error", Boolean(error));
  badge.textContent = error ? "error" : (text ?? "");
}
