"""Many rendered heads as files: an image and a label file per head, and one COCO file of all; resumable."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from nasion import images
from nasion.atomic import ensure_writable, fingerprint, write_bytes, write_text
from nasion.datasets import module
from nasion.datasets.rendered.annotation import annotate_head, head_values
from nasion.datasets.rendered.assets import load_assets
from nasion.datasets.rendered.head import render, sample_head
from nasion.datasets.rendered.looks.background import background_files
from nasion.documents import read_json
from nasion.errors import AnnotationError, ConfigError
from nasion.outputs.records import Content, ImageRecord, LabelSet, face_values
from nasion.progress import SILENT, Reporter
from nasion.sample import Annotation
from nasion.skeleton import load_skeleton

__all__ = ["HeadJob", "write_heads"]

SETTINGS, LABELS, COCO, IMAGES = "heads.json", "labels", "keypoints.json", "images"
"""Names in the folder: the settings of all heads, the folder of label files, the COCO file, the folder of images."""

CONTENTS = frozenset({Content.VISIBILITY, Content.NAMES})
"""What the label files hold."""

AHEAD = 4
"""Heads per process that are rendered or wait for it."""


@dataclass(frozen=True)
class HeadJob:
    """What all heads of a folder have in common.

    Attributes:
        assets: the file with the head model.
        seed: selects a population.
        size: height and width of the images, px.
        skeleton: name or file of the skeleton.
        backgrounds: folder of photographs; None for invented backgrounds.
        transparent: whether the images have no background; they are PNG files then.
    """

    assets: Path
    seed: int = 0
    size: int = 256
    skeleton: str = "ibug-68"
    backgrounds: Path | None = None
    transparent: bool = False

    def image_name(self, index: int) -> str:
        """Return the name of the image of head `index` in the folder."""
        return f"{IMAGES}/{index:06d}{'.png' if self.transparent else '.jpg'}"

    def settings(self) -> dict[str, Any]:
        """Return the settings as the folder stores them: files by their content, not by their place."""
        photographs = [] if self.backgrounds is None else background_files(self.backgrounds)[0]
        return {
            "seed": self.seed,
            "size": self.size,
            "skeleton": load_skeleton(self.skeleton).to_table(),
            "assets_sha256": fingerprint([self.assets], self.assets.parent),
            "backgrounds": [each.name for each in photographs],
            **({"transparent": True} if self.transparent else {}),
        }


def write_heads(folder: Path, count: int, job: HeadJob, processes: int = 1, reporter: Reporter = SILENT) -> Path:
    """Write heads 0 to `count` - 1 into a folder, and return the path of the COCO file.

    Heads that the folder has already are kept, so that an interrupted call continues where it stopped. The files are
    the same for every number of processes.

    Args:
        folder: where images/, labels/ and keypoints.json go.
        count: number of heads.
        job: what the heads have in common.
        processes: number of processes that render.
        reporter: receives the progress.

    Raises:
        AnnotationError: the head model cannot be read.
        ConfigError: the folder holds heads with other settings.
        ImageError: there is no readable background in the folder of backgrounds.
        OutputError: the folder is read-only or full; the same call continues when there is space.
    """
    load_assets(job.assets)  # errors come before anything is written
    for path in background_files(job.backgrounds)[1]:
        reporter.warn(f"{path.name}: cannot be read as a background, left out")
    _store_settings(ensure_writable(folder), job)
    missing = [index for index in range(count) if not _label_path(folder, index).is_file()]
    if len(missing) < count:
        reporter.line(f"{count - len(missing):,} of {count:,} heads: present, kept")
    with reporter.task("rendering heads", len(missing)) as task:
        for _ in _each(_Writer(folder, job), missing, min(processes, max(len(missing), 1))):
            task.advance()
    target = folder / COCO
    labels = _LabelFiles(folder, count, job).label_set()
    (content,) = (content for _, content in module("coco").files(labels, target, {}))
    write_bytes(target, content)
    return target


def _label_path(folder: Path, index: int) -> Path:
    return folder / LABELS / f"{index:06d}.json"


def _store_settings(folder: Path, job: HeadJob) -> None:
    """Write the settings of a new folder, or compare them with those of an existing one."""
    path, wanted = folder / SETTINGS, job.settings()
    if not path.exists():
        write_text(path, dumps(wanted, indent=1) + "\n")
        return
    found = read_json(path, str(path), AnnotationError)
    known = found if isinstance(found, dict) else {}
    different = sorted(key for key in wanted | known if known.get(key) != wanted.get(key))
    if different:
        raise ConfigError(
            f"{folder} holds heads with other settings ({', '.join(different)}); repeat those, or choose another folder"
        )


@dataclass(frozen=True)
class _Writer:
    """Renders and writes one head; it can be sent to other processes."""

    folder: Path
    job: HeadJob

    def __call__(self, index: int) -> None:
        """Write the image of head `index`, and then its labels, so that labels are complete where they exist."""
        job, assets = self.job, load_assets(self.job.assets)
        skeleton = load_skeleton(job.skeleton)
        photographs = background_files(job.backgrounds)[0] if job.backgrounds else ()
        head = sample_head(assets, job.seed, index, job.size)
        rendered = render(assets, head, job.seed, index, photographs, transparent=job.transparent)
        labeled = annotate_head(assets, head, rendered, skeleton, Path(job.image_name(index)))
        values = {"image": job.image_name(index), **face_values(0, labeled.annotation, CONTENTS)}
        values["visible"] = labeled.annotation.visible.astype(int).tolist()
        images.write(self.folder / job.image_name(index), rendered.image)
        write_text(_label_path(self.folder, index), dumps(values | head_values(assets, head, labeled.points)) + "\n")


def _each(function: Callable[[int], None], items: list[int], processes: int) -> Iterator[None]:
    """Call a function for each item, in several processes if there are more than one, and yield after each."""
    if processes < 2:
        yield from map(function, items)
        return
    rest = iter(items)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        waiting: list[Future[None]] = [pool.submit(function, item) for item in islice(rest, AHEAD * processes)]
        try:
            while waiting:
                waiting.pop(0).result()
                waiting += [pool.submit(function, item) for item in islice(rest, 1)]
                yield None
        finally:
            for future in waiting:
                future.cancel()


@dataclass(frozen=True)
class _LabelFiles:
    """The label files of a folder, read one by one."""

    folder: Path
    count: int
    job: HeadJob

    def label_set(self) -> LabelSet:
        """Return the labels as all formats write them."""
        return LabelSet(load_skeleton(self.job.skeleton), self, CONTENTS)

    def __iter__(self) -> Iterator[ImageRecord]:
        """Yield the heads in order."""
        skeleton = load_skeleton(self.job.skeleton)
        for index in range(self.count):
            path = _label_path(self.folder, index)
            values = read_json(path, str(path), AnnotationError)
            try:
                points, visible = np.array(values["keypoints"], float), np.array(values["visible"], bool)
                name = str(values["image"])
            except (KeyError, TypeError, ValueError) as error:
                raise AnnotationError(f"{path}: damaged ({error!r}); delete it and run the command again") from None
            face = Annotation(Path(name), points, skeleton, visible, visibility_known=True)
            yield ImageRecord(name, (self.job.size, self.job.size), [face])
