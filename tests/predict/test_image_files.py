"""Prediction for files, folders, patterns and standard input."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from doubles import Fixed, FixedDetector
from nasion import images
from nasion.errors import ConfigError, ImageError
from nasion.predict.image_files import ImageResult, list_images, predict_images
from nasion.predict.predictor import Predictor


class RecordingWriter:
    """A writer that keeps what it receives."""

    shard = None

    def __init__(self):
        self.added, self.drawn = [], {}

    def draw(self, path, image, faces):
        self.drawn[path] = image
        return path.with_suffix(".drawn")

    def add(self, path, size, faces, drawn):
        assert drawn == path.with_suffix(".drawn")
        assert size == self.drawn[path].shape[:2]
        self.added.append((path, self.drawn[path], faces))


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the images b.png, a.jpg and c.PNG, and a text file."""
    for name, level in (("b.png", 20), ("a.png", 10), ("c.PNG", 30)):
        images.write(tmp_path / name, np.full((12, 16, 3), level, np.uint8))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def png(level, size=(12, 16)):
    path = io.BytesIO()
    from PIL import Image as PillowImage

    PillowImage.fromarray(np.full((*size, 3), level, np.uint8)).save(path, "PNG")
    return path.getvalue()


def test_folder_lists_its_images_sorted(folder):
    assert list_images([str(folder)]) == [folder / "a.png", folder / "b.png", folder / "c.PNG"]


def test_files_keep_their_order_without_repetition(folder):
    words = [str(folder / "b.png"), str(folder), str(folder / "b.png")]
    assert list_images(words) == [folder / "b.png", folder / "a.png", folder / "c.PNG"]


def test_pattern_lists_matching_files_sorted(folder):
    (folder / "b.png.png").mkdir()
    assert list_images([str(folder / "*.png")]) == [folder / "a.png", folder / "b.png"]


def test_pattern_may_search_folders(folder):
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.png").rename(folder / "deep" / "er" / "a.png")
    assert list_images([str(folder / "**" / "a.png")]) == [folder / "deep" / "er" / "a.png"]


def test_file_whose_name_looks_like_a_pattern_is_a_file(folder):
    odd = folder / "[ab].png"
    (folder / "b.png").rename(odd)
    assert list_images([str(odd)]) == [odd]


def test_missing_file_and_standard_input_are_listed():
    assert list_images(["missing.jpg", "-"]) == [Path("missing.jpg"), Path("-")]
    assert list_images([]) == []


def test_folder_without_images_is_rejected(tmp_path):
    (tmp_path / "notes.txt").write_text("not an image")
    with pytest.raises(ImageError, match=r"no images in this folder \(\.jpg, \.jpeg, \.png, \.bmp, …\)"):
        list_images([str(tmp_path)])


def test_pattern_without_a_match_is_rejected(tmp_path):
    with pytest.raises(ImageError, match=r'x\*\.jpg": no file matches'):
        list_images([str(tmp_path / "x*.jpg")])


def test_each_image_is_predicted_and_passed_to_the_writer(folder):
    writer = RecordingWriter()
    predictor = Predictor(Fixed(np.linspace([5, 5], [20, 20], 58)), FixedDetector([2, 2, 6, 6], [9, 2, 13, 6]))
    paths = [folder / "b.png", folder / "a.png"]
    results = list(predict_images(predictor, paths, writer))
    assert results == [ImageResult(path, 2, points=116) for path in paths]
    assert [path for path, _, _ in writer.added] == paths
    assert [int(image[0, 0, 0]) for _, image, _ in writer.added] == [20, 10]
    assert [len(faces) for _, _, faces in writer.added] == [2, 2]
    assert [face.score for face in writer.added[0][2]] == pytest.approx([0.9, 0.8])


def test_any_number_of_threads_gives_the_same_results_in_the_same_order(tmp_path):
    generator = np.random.default_rng(0)
    for k in range(12):
        images.write(tmp_path / f"{k:02}.png", generator.integers(0, 255, (40 + 9 * k, 60, 3)).astype(np.uint8))
    (tmp_path / "05.png").write_text("not an image")
    found = []
    for threads in (1, 2, 7):
        writer = RecordingWriter()
        results = list(
            predict_images(Predictor("tiny"), list_images([str(tmp_path)]), writer, lambda _: [None], threads=threads)
        )
        assert [bool(result.skipped) for result in results] == [k == 5 for k in range(12)]
        found.append([(path, faces[0].keypoints.tolist()) for path, _, faces in writer.added])
    assert found[0] == found[1] == found[2]


def test_results_are_yielded_one_by_one(folder):
    writer = RecordingWriter()
    results = predict_images(Predictor(Fixed([5, 5])), [folder / "a.png", folder / "b.png"], writer, lambda _: [None])
    assert len(writer.added) == 0
    next(results)
    assert len(writer.added) == 1


def test_boxes_of_an_image_are_those_of_its_path(folder):
    boxes = {"a.png": [[1, 1, 5, 5]], "b.png": [None, [2, 2, 7, 8], [3, 3, 9, 9]], "c.PNG": []}
    writer = RecordingWriter()
    paths = list_images([str(folder)])
    results = list(predict_images(Predictor(Fixed([5, 5])), paths, writer, lambda path: boxes[path.name]))
    assert [result.faces for result in results] == [1, 3, 0]
    assert [result.skipped for result in results] == ["", "", ""]
    assert writer.added[0][2][0].box.mean() == pytest.approx(3)


def test_unreadable_images_are_skipped_with_the_reason(folder):
    writer = RecordingWriter()

    def boxes(path):
        if path.name == "b.png":
            raise ImageError("no box for b")
        return [None]

    paths = [folder / "notes.txt", folder / "b.png", folder / "a.png"]
    results = list(predict_images(Predictor(Fixed([5, 5])), paths, writer, boxes))
    assert [result.path for result in results] == paths
    assert "notes.txt: not an image" in results[0].skipped
    assert results[1] == ImageResult(folder / "b.png", 0, "no box for b")
    assert results[2] == ImageResult(folder / "a.png", 1, points=58)
    assert [path for path, _, _ in writer.added] == [folder / "a.png"]


def test_box_outside_an_image_skips_it(folder):
    writer = RecordingWriter()
    boxes = {"a.png": [[90, 90, 99, 99]], "b.png": [[1, 1, 9, 9]]}
    paths = [folder / "a.png", folder / "b.png"]
    skipped, used = predict_images(Predictor(Fixed([5, 5])), paths, writer, lambda path: boxes[path.name])
    assert skipped.skipped.startswith(f"{folder / 'a.png'}: the box [90.0, 90.0, 99.0, 99.0] lies outside the image")
    assert (used.faces, used.points) == (1, 58)


def test_single_unreadable_image_is_an_error_with_its_reason(tmp_path):
    results = predict_images(Predictor(Fixed([5, 5])), [tmp_path / "none.jpg"], RecordingWriter(), lambda _: [None])
    assert "no such image" in next(results).skipped
    with pytest.raises(ImageError, match=r"none\.jpg: no such image"):
        next(results)


def test_several_unreadable_images_are_an_error_with_their_number(tmp_path):
    paths = [tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")]
    with pytest.raises(ImageError, match="none of 3 images could be used"):
        list(predict_images(Predictor(Fixed([5, 5])), paths, RecordingWriter(), lambda _: [None]))


def test_other_errors_are_not_skipped(folder):
    with pytest.raises(ConfigError, match="a box is"):
        list(predict_images(Predictor(Fixed([5, 5])), [folder / "a.png"], RecordingWriter(), lambda _: [[4, 4, 1, 1]]))


def test_image_is_read_from_a_stream():
    writer = RecordingWriter()
    stream = io.BytesIO(png(70))
    (result,) = predict_images(Predictor(Fixed([5, 5])), [Path("-")], writer, lambda _: [None], stream)
    assert result == ImageResult(Path("-"), 1, points=58)
    assert writer.added[0][1].shape == (12, 16, 3)
    assert writer.added[0][1].max() == 70


def test_image_is_read_from_standard_input_by_default(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(png(71))))
    writer = RecordingWriter()
    list(predict_images(Predictor(Fixed([5, 5])), [Path("-")], writer, lambda _: [None]))
    assert writer.added[0][1].min() == 71


def test_unreadable_stream_is_named_standard_input():
    with pytest.raises(ImageError, match="standard input: not an image"):
        list(predict_images(Predictor(Fixed([5, 5])), [Path("-")], RecordingWriter(), stdin=io.BytesIO(b"text")))
