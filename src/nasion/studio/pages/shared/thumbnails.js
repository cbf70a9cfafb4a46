// A list of images as thumbnails, each with a badge; an image with an error shows it.

import { element } from "./dom.js";

export class Thumbnails {
  // `select(item)` runs when an item is clicked.
  constructor(list, select) {
    this.list = list;
    this.select = select;
  }

  // Each item has { name, file, badge, error }; the list keeps the address of its image in `url`.
  show(items, current) {
    const focused = document.activeElement?.dataset.item;
    this.list.replaceChildren(...items.map((item, k) => element("li", {}, this.button(item, k, item === current))));
    if (focused) this.list.querySelector(`[data-item="${focused}"]`)?.focus();
  }

  button(item, k, isCurrent) {
    const about = item.error || item.badge;
    const button = element("button", {
      "aria-label": about ? `${item.name}: ${about}` : item.name,
      "aria-current": String(isCurrent),
      title: item.error ? `${item.name}: ${item.error}` : item.name,
      dataset: { item: k },
      onclick: () => this.select(item),
    });
    item.url ??= URL.createObjectURL(item.file);
    const image = element("img", { alt: "", src: item.url, loading: "lazy", decoding: "async" });
    image.onerror = () => image.remove();
    button.append(image, element("span", { className: "thumbnail-name", textContent: item.name }));
    if (about) button.append(element("span", { className: item.error ? "badge error" : "badge", textContent: item.error ? "error" : item.badge }));
    return button;
  }
}

// Free what the list keeps of an item.
export function release(item) {
  if (item.url) URL.revokeObjectURL(item.url);
}
