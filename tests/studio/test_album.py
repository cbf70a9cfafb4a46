"""A folder under correction: what is saved is what was meant, in the format that was read, and nothing is lost."""

import json

import numpy as np
import pytest

from nasion import datasets, images
from nasion.drawn_face import draw_face
from nasion.errors import AnnotationError, ConfigError, OutputError
from nasion.skeleton import load_skeleton
from nasion.studio import album as albums
from nasion.studio.album import ConflictError, open_album, version

IBUG = load_skeleton("ibug-68")


def drawn(person, skeleton="ibug-68"):
    return draw_face(5, person, 0, skeleton)


@pytest.fixture(params=["folder", "ibug", "imm", "csv"])
def made(request, tmp_path):
    """Return a source with two labelled pictures (a bare folder: a third without), and the points as they were."""
    kind = request.param
    faces = [drawn(k, "imm-58" if kind == "imm" else "ibug-68") for k in range(2)]
    rows = ["image,note,person," + ",".join(f"x{k},y{k}" for k in range(68))]
    for k, face in enumerate(faces):
        name = f"{k + 1:02}-1m"
        images.write(tmp_path / f"{name}.png" if kind != "imm" else tmp_path / f"{name}.jpg", face.image)
        if kind in ("folder", "ibug"):
            lines = "".join(f"{x:.4f} {y:.4f}\n" for x, y in face.keypoints + 1)
            (tmp_path / f"{name}.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}}}\n")
        if kind == "imm":
            height, width = face.image.shape[:2]
            lines = "".join(
                f"0 \t0 \t{x / width:.8f} \t{y / height:.8f} \t{j} \t{j} \t{j}\n"
                for j, (x, y) in enumerate(face.keypoints)
            )
            (tmp_path / f"{name}.asf").write_text(f"# a comment\n\n58\n\n# path\n{lines}\n#\n{name}.jpg\n")
        rows.append(f'{name}.png,"a, b",x{k},' + ",".join(f"{v:.4f}" for v in face.keypoints.ravel()))
    if kind == "csv":
        (tmp_path / "faces.csv").write_text("\n".join(rows) + "\n")
    if kind == "folder":
        images.write(tmp_path / "new.png", drawn(2).image)
    source = {"folder": str(tmp_path), "csv": f"csv:{tmp_path}/faces.csv"}.get(kind, f"{kind}:{tmp_path}")
    return kind, source, [face.keypoints for face in faces]


def test_what_is_saved_is_read_back_by_the_reader(made, tmp_path):
    kind, source, before = made
    album = open_album(source, IBUG)
    assert len(album.entries) == (3 if kind == "folder" else 2)
    number = next(k for k, entry in enumerate(album.entries) if entry.image.stem == "01-1m")
    assert album.keypoints(number) == pytest.approx(before[0], abs=1e-3)
    originals = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    others = {path: path.read_bytes() for path in tmp_path.iterdir() if "01" not in path.name}
    new = before[0] + [1.25, -2.5]
    seen = album.save(number, new, version(album.keypoints(number)), done=True)
    assert seen == version(album.keypoints(number))
    faces = datasets.load(album.source)
    again = {face.image.stem: face.keypoints for face in faces.annotations}
    assert again["01-1m"] == pytest.approx(new, abs=2e-3)
    assert again["02-1m"] == pytest.approx(before[1], abs=2e-3)
    kept = list(tmp_path.glob("*.orig"))
    assert len(kept) == 1
    album.save(number, before[0], seen, done=False)
    assert kept[0].read_bytes() == originals[kept[0].name.removesuffix(".orig")]
    for path, content in others.items():
        if path.suffix != ".csv":
            assert path.read_bytes() == content
    if kind == "csv":
        assert '"a, b",x1,' in (tmp_path / "faces.csv").read_text()
    if kind == "imm":
        assert (tmp_path / "01-1m.asf").read_text().startswith("# a comment\n\n58\n")


def test_progress_is_kept(made):
    _, source, before = made
    album = open_album(source, IBUG)
    number = next(k for k, entry in enumerate(album.entries) if entry.image.stem == "02-1m")
    album.save(number, before[1], version(album.keypoints(number)), done=True)
    again = open_album(source, IBUG)
    assert [entry["done"] for entry in again.described()["entries"]].count(True) == 1
    (again.root / albums.PROGRESS).write_text("a diary")
    assert open_album(source, IBUG).done == set()


def test_who_comes_second_is_told(made):
    _, source, before = made
    one, two = open_album(source, IBUG), open_album(source, IBUG)
    seen = version(one.keypoints(0))
    one.save(0, before[0] + 1, seen, done=True)
    with pytest.raises(ConflictError):
        two.save(0, before[0] + 2, seen, done=True)
    with pytest.raises(ConflictError):
        one.save(0, before[0] + 2, seen, done=True)
    assert one.keypoints(0) == pytest.approx(before[0] + 1, abs=2e-3)
    two.save(0, before[0] + 2, version(two.keypoints(0)), done=True)


def test_hidden_points_need_a_place(made):
    kind, source, before = made
    album = open_album(source, IBUG)
    hidden = before[0].copy()
    hidden[7] = np.nan
    if kind == "csv":
        album.save(0, hidden, version(album.keypoints(0)), done=False)
        assert np.isnan(album.keypoints(0)[7]).all()
        assert album.keypoints(0)[8] == pytest.approx(hidden[8], abs=1e-3)
    else:
        with pytest.raises(AnnotationError, match="no place for hidden points"):
            album.save(0, hidden, version(album.keypoints(0)), done=False)
        assert album.keypoints(0) == pytest.approx(before[0], abs=1e-3)


def test_a_picture_without_labels_gets_some(tmp_path):
    images.write(tmp_path / "a.png", drawn(0).image)
    album = open_album(str(tmp_path), IBUG)
    assert album.keypoints(0) is None
    assert album.labelled == set()
    album.save(0, drawn(0).keypoints, "new", done=True)
    assert datasets.load(f"ibug:{tmp_path}").annotations[0].keypoints == pytest.approx(drawn(0).keypoints, abs=2e-3)
    assert not list(tmp_path.glob("*.orig"))


def test_a_save_that_fails_leaves_the_old_labels(made, monkeypatch):
    from nasion.studio import labels

    _, source, before = made
    album = open_album(source, IBUG)

    def full(path, _data):
        raise OutputError(f"cannot write {path}: no space left")

    monkeypatch.setattr(labels, "write_bytes", full)
    with pytest.raises(OutputError):
        album.save(0, before[0] + 1, version(album.keypoints(0)), done=True)
    assert album.keypoints(0) == pytest.approx(before[0], abs=1e-3)
    assert album.done == set()


def test_a_folder_that_disappears_is_one_line(tmp_path):
    inside = tmp_path / "faces"
    images.write(inside / "a.png", drawn(0).image)
    album = open_album(str(inside), IBUG)
    (inside / "a.png").unlink()
    inside.rmdir()
    with pytest.raises(Exception, match=r"a\.png") as error:
        album.picture(0)
    assert "\n" not in str(error.value)
    with pytest.raises(ConfigError, match="there is no face 5"):
        album.entry(5)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.zeros((69, 2)), np.zeros((0, 2))])
def test_other_counts_are_refused(tmp_path, points):
    images.write(tmp_path / "a.png", drawn(0).image)
    with pytest.raises(AnnotationError, match="68 points"):
        open_album(str(tmp_path), IBUG).save(0, points, "new", done=True)


@pytest.mark.parametrize(
    ("source", "words"),
    [("nowhere", "no such folder"), ("synthetic:8", "cannot be written back"), (".", "no pictures")],
)
def test_what_cannot_be_opened(tmp_path, monkeypatch, source, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=words):
        open_album(source, IBUG)


def test_progress_is_plain_json(tmp_path):
    images.write(tmp_path / "a.png", drawn(0).image)
    album = open_album(str(tmp_path), IBUG)
    album.save(0, drawn(0).keypoints, "new", done=True)
    assert json.loads((tmp_path / albums.PROGRESS).read_text()) == {"done": ["a.png"]}
