// Adding faces: the user draws a box around a face, clicks its points, or defines a new skeleton on it.

import * as requests from "../shared/albums.js";
import { $ } from "../shared/dom.js";
import { Editor } from "./editor.js";
import { FacePlacer, SkeletonMaker } from "./placing.js";

const MIN_BOX = 12; // canvas px; a smaller box is taken for a click

export class FaceAdder {
  // `page` is the tab "Correct".
  constructor(page) {
    this.page = page;
    this.mode = "edit"; // "box" while a box is drawn around a new face, "place" while points are placed
    this.placer = null; // asks for the points
  }

  // Add a face: its box is drawn, or its points are clicked if nothing else can place them.
  addFace() {
    const { album, editor, start, studio } = this.page;
    if (!editor) return;
    if (!album.info.adds && editor.faces.length) return studio.setStatus($("project-note").textContent, true);
    if (start === "none" && !this.page.isPackaged() && !album.summary().labeled) return this.placeFace();
    this.mode = "box";
    this.page.controls.showPlacing();
  }

  // Let the user click the points of a face.
  placeFace() {
    this.startPlacing(new FacePlacer(this.page, this.page.album.skeleton.names, (points) => this.finishFace({ keypoints: points })));
  }

  // A box has been drawn around a face, image px; null if the user has given up.
  async finishBox(box) {
    const { canvas, entry, studio } = this.page;
    this.stopPlacing();
    if (!box || Math.max(box[2] - box[0], box[3] - box[1]) * canvas.stage.scale < MIN_BOX) return studio.setStatus("Drag a box around the face.");
    try {
      const { face } = await requests.placeFace(entry.id, box, studio.model());
      if (face) this.finishFace(face);
      else this.placeFace();
    } catch (error) {
      studio.setStatus(error.message, true);
    }
  }

  finishFace(face) {
    this.page.selectedFace = this.page.editor.faces.length;
    this.page.selectedPoint = -1;
    this.page.change((editor) => editor.add(face));
  }

  startPlacing(placer) {
    this.placer = placer;
    this.mode = "place";
    this.show();
  }

  stopPlacing() {
    this.mode = "edit";
    this.placer = null;
    this.show();
  }

  place(position) {
    this.placer.place(position);
    this.show();
  }

  movePlaced(k, position) {
    this.placer.move(k, position);
    this.page.canvas.draw();
  }

  skip() {
    this.placer?.skip();
    this.show();
  }

  back() {
    this.placer?.back();
    this.show();
  }

  show() {
    this.page.controls.showPlacing();
    this.page.canvas.draw();
  }

  makeSkeleton() {
    this.page.editor = new Editor([], null);
    this.page.canvas.stage.fit();
    this.startPlacing(new SkeletonMaker(this.page));
    this.placer.show();
  }

  // The skeleton has been created: its points on this image are the first labels.
  async useSkeleton(points) {
    const { album, entry, studio } = this.page;
    this.stopPlacing();
    await album.load();
    await this.page.openImage(entry.id);
    this.stopPlacing();
    this.finishFace({ keypoints: points });
    await this.page.saveNow();
    studio.setStatus(`Created the skeleton ${album.skeleton.name}. Accept this face, then place the points of the next ones.`);
  }
}
