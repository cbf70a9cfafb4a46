// The images of the open folder: which are done, filters, order, and updates while the server scans them.

import * as requests from "../shared/albums.js";

const UNCERTAIN_SHARE = 0.25;
const POLL_MS = 2000;

// Names and titles of the filters.
export const FILTERS = {
  all: ["All", "All images"],
  todo: ["To do", "Images that are not accepted yet"],
  uncertain: ["Uncertain", "The quarter of the images to do of which the model is most uncertain"],
  changed: ["Changed", "Images with points that you have placed or moved"],
  done: ["Done", "Accepted images"],
  no_face: ["No face", "Images that you have marked as showing no face"],
};

export class Album {
  constructor() {
    this.entries = new Map(); // by id
    this.info = null; // the server's last answer, without its entries
    this.filter = "all";
    this.query = "";
    this.sort = "uncertainty";
    this.onChange = () => {};
  }

  get skeleton() {
    return this.info.skeleton;
  }

  // Load everything; with `update`, only what has changed. Return whether anything has.
  async load(update = false) {
    const since = update && this.info ? this.info.changes : undefined;
    const { entries, ...info } = await requests.getAlbum(since);
    if (since === undefined) this.entries = new Map();
    for (const entry of entries) this.entries.set(entry.id, entry);
    this.info = info;
    if (entries.length || since === undefined) this.onChange();
  }

  // Follow the scan in the background until `stop`.
  follow() {
    clearTimeout(this.timer);
    this.timer = setTimeout(async () => {
      await this.load(true).catch(() => {});
      this.follow();
    }, POLL_MS);
  }

  stop() {
    clearTimeout(this.timer);
  }

  // Store what the page knows about an image before the server's next answer.
  set(id, values) {
    Object.assign(this.entries.get(id), values);
    this.onChange();
  }

  // Unreadable images and those without a face are grouped at the end.
  group(entry) {
    if (entry.error) return "unreadable";
    if (entry.state === "no_face") return "no_face";
    if (entry.state === "todo" && !entry.faces && entry.found === 0) return "none_found";
    return "faces";
  }

  // Return the images of the filter and the search, in order; done ones follow those to do.
  shown(filter = this.filter) {
    const groups = ["faces", "none_found", "no_face", "unreadable"];
    const query = this.query.toLowerCase();
    const test = this.test(filter);
    const found = [...this.entries.values()].filter((entry) => test(entry) && entry.name.toLowerCase().includes(query));
    const keys = { uncertainty: (entry) => -(entry.uncertainty ?? -1), name: () => 0, faces: (entry) => -(entry.faces ?? entry.found ?? 0) };
    const rank = (entry) => [groups.indexOf(this.group(entry)), this.sort === "name" ? 0 : Number(entry.state === "done"), keys[this.sort](entry)];
    const ranked = found.map((entry) => [rank(entry), entry]);
    ranked.sort(([a, x], [b, y]) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || compare(x.name, y.name));
    return ranked.map(([, entry]) => entry);
  }

  // Return the function that says whether an image belongs to a filter.
  test(filter) {
    const isOpen = (entry) => entry.state === "todo" && !entry.error;
    if (filter === "all") return () => true;
    if (filter === "changed") return (entry) => entry.changed && Boolean(entry.faces);
    if (filter === "todo") return isOpen;
    if (filter !== "uncertain") return (entry) => entry.state === filter && !entry.error;
    const known = [...this.entries.values()].filter((entry) => isOpen(entry) && entry.uncertainty !== null);
    const values = known.map(({ uncertainty }) => uncertainty).sort((a, b) => b - a);
    const threshold = values[Math.floor(values.length * UNCERTAIN_SHARE)] ?? Infinity;
    return (entry) => isOpen(entry) && entry.uncertainty !== null && entry.uncertainty >= threshold;
  }

  count(filter) {
    return [...this.entries.values()].filter(this.test(filter)).length;
  }

  // Return numbers for the progress bar and the cards.
  summary() {
    const entries = [...this.entries.values()];
    const readable = entries.filter((entry) => !entry.error);
    return {
      images: entries.length,
      finished: readable.filter((entry) => entry.state !== "todo").length,
      labeled: readable.filter((entry) => entry.faces).length,
      todo: readable.filter((entry) => entry.state === "todo").length,
      faces: readable.reduce((sum, entry) => sum + (entry.faces ?? 0), 0),
      unreadable: entries.length - readable.length,
      scanned: entries.filter((entry) => entry.error || entry.found !== null).length,
    };
  }
}

// Return what the lists say about an image.
export function describe(entry) {
  if (entry.error) return "cannot be read";
  if (entry.state === "no_face") return "no face";
  const count = entry.faces ?? entry.found;
  const parts = [];
  if (entry.state === "done") parts.push(entry.changed ? "done, changed" : "done");
  else if (entry.faces) parts.push(entry.changed ? "changed" : "labeled");
  if (count === 0) parts.push("no face found");
  else if (count) parts.push(`${count} face${count === 1 ? "" : "s"}`);
  if (entry.uncertainty !== null) parts.push(`${(100 * entry.uncertainty).toFixed(1)} %`);
  return parts.join(" · ") || "to do";
}

// Return what the status line says about the faces of an image that has been opened.
export function describeStart(isLabeled, start, count) {
  if (isLabeled) return "labeled";
  if (start === "none") return "not labeled yet; add a face";
  if (!count) return "no face found; add a face, or choose “No face”";
  return start === "model" ? "not labeled yet, showing the model’s points" : "not labeled yet, points start at the mean of your faces";
}

const compare = new Intl.Collator(undefined, { numeric: true }).compare;
