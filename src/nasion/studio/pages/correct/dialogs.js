// Dialogs of the page "Correct": opening a folder, import and export of labels.

import { $ } from "../shared/dom.js";
import * as requests from "../shared/albums.js";

// Lets the user choose a folder below the server's root; `open(path)` is called with it.
export class FolderDialog {
  constructor(open) {
    this.path = "";
    $("folder-cancel").addEventListener("click", () => $("folder-dialog").close());
    $("folder-open").addEventListener("click", async () => {
      try {
        await open(this.path);
        $("folder-dialog").close();
      } catch (error) {
        this.showError(error);
      }
    });
  }

  async show(path = "") {
    $("folder-dialog").showModal();
    await this.list(path);
  }

  async list(path) {
    $("folder-error").hidden = true;
    try {
      const { folder, parent, folders, refused, complete } = await requests.getFolders(path);
      this.path = folder.path;
      $("folder-path").textContent = `${folder.path || folder.name} · ${countImages(folder)}`;
      const up = parent === null ? [] : [this.row("← Folder above", "", parent)];
      const rows = folders.map((each) => this.row(each.name, `${countImages(each)}${each.labeled ? " · labeled" : ""}`, each.path));
      const notes = refused.map((name) => note(`${name}: a link that leads out of the folder given at the start`));
      if (!complete) notes.push(note("Further folders are not listed."));
      if (!rows.length) notes.unshift(note("No subfolders. Images in subfolders are opened together with those of a folder."));
      $("folder-entries").replaceChildren(...up, ...rows, ...notes);
    } catch (error) {
      this.showError(error);
    }
  }

  row(name, about, path) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.append(span(name, "name"), span(about, "note numbers"));
    button.addEventListener("click", () => this.list(path));
    item.append(button);
    return item;
  }

  showError(error) {
    $("folder-error").textContent = error.message;
    $("folder-error").hidden = false;
  }
}

const countImages = ({ images }) => `${images >= 1000 ? "1000 or more" : images} image${images === 1 ? "" : "s"}`;

// Imports and exports labels; `changed()` is called after an import.
export class ExchangeDialog {
  constructor(changed, saveNow) {
    Object.assign(this, { changed, saveNow });
    $("exchange-cancel").addEventListener("click", () => $("exchange-dialog").close());
    $("exchange-format").addEventListener("change", () => this.showFormat());
    $("exchange-file").addEventListener("change", () => this.showFormat());
    $("exchange-run").addEventListener("click", () => this.run());
  }

  async show(isImport) {
    this.isImport = isImport;
    this.formats ??= await requests.getFormats();
    $("exchange-title").textContent = isImport ? "Import labels" : "Export labels";
    $("exchange-run").textContent = isImport ? "Import" : "Export";
    $("exchange-format").replaceChildren(...this.formats.map(({ name, title }) => new Option(`${name}: ${title}`, name)));
    $("exchange-format").value = "coco";
    $("exchange-file").value = "";
    this.message("");
    this.showFormat();
    $("exchange-dialog").showModal();
  }

  get format() {
    return this.formats.find(({ name }) => name === $("exchange-format").value);
  }

  showFormat() {
    const [file] = $("exchange-file").files;
    const needsFile = this.isImport && !this.format.folder;
    $("exchange-file-row").hidden = !needsFile;
    $("exchange-replace-row").hidden = !this.isImport;
    $("exchange-file-name").textContent = file?.name ?? "";
    $("exchange-run").disabled = needsFile && !file;
    const exported = this.format.folder ? "You get a .zip archive of label files; unpack it in the folder of the images." : "You get one file. Image names in it start from this folder.";
    const imported = this.format.folder ? "The label files are read from this folder, and stay as they are." : "Image names in the file start from this folder.";
    $("exchange-about").textContent = this.isImport ? imported : exported;
  }

  async run() {
    $("exchange-run").disabled = true;
    this.message("Working…");
    try {
      await this.saveNow();
      await (this.isImport ? this.import() : this.export());
    } catch (error) {
      this.message(error.message, true);
    }
    this.showFormatButton();
  }

  showFormatButton() {
    $("exchange-run").disabled = this.isImport && !this.format.folder && !$("exchange-file").files.length;
  }

  async import() {
    const [file] = $("exchange-file").files;
    const found = await requests.importLabels(this.format.name, this.format.folder ? undefined : file, $("exchange-replace").checked);
    const parts = [`Imported ${found.faces} faces in ${found.images} images.`];
    if (found.kept) parts.push(`${found.kept} images kept the labels they had.`);
    if (found.elsewhere) parts.push(`${found.elsewhere} labeled images are not in this folder.`);
    if (found.problems.length) parts.push(`Left out: ${found.problems.join("; ")}`);
    this.message(parts.join(" "));
    await this.changed();
  }

  async export() {
    const { name, content, lost } = await requests.exportLabels(this.format.name);
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(content), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    this.message(lost ? `Saved ${name}; ${lost}.` : `Saved ${name}.`);
  }

  message(text, isError = false) {
    $("exchange-message").textContent = text;
    $("exchange-message").hidden = !text;
    $("exchange-message").classList.toggle("error", isError);
  }
}

function span(text, className) {
  return Object.assign(document.createElement("span"), { textContent: text, className });
}

function note(text) {
  return Object.assign(document.createElement("li"), { textContent: text, className: "note" });
}
