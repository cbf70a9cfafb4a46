"""Labels of one format written in another: targets, images, losses; the contract tests run all pairs."""

import json

import pytest

from made_files import make_csv, make_dlib, make_ibug, make_wflw, picture, shape
from nasion.datasets import convert as convert_module
from nasion.datasets import load
from nasion.datasets.convert import convert, label_files, writable_formats
from nasion.errors import AnnotationError, ConfigError, ImageError, SkeletonError
from nasion.skeleton import load_skeleton


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(("target", "words"), [("synthetic:3", '"synthetic" cannot be written'), ("zip:a", "unknown")])
def test_target_must_be_writable(tmp_path, target, words):
    with pytest.raises(ConfigError, match=words):
        convert(make_csv(tmp_path, shape(68)), target)


def test_names_are_relative_to_the_target(tmp_path):
    source = make_csv(tmp_path / "in", shape(68))
    convert(source, f"coco:{tmp_path / 'out' / 'deep' / 'a.json'}")
    document = json.loads((tmp_path / "out" / "deep" / "a.json").read_text())
    assert document["images"][0]["file_name"] == "../../in/a.jpg"
    convert(source, f"coco:{tmp_path / 'b.json'}?images={tmp_path / 'in'}")
    assert json.loads((tmp_path / "b.json").read_text())["images"][0]["file_name"] == "a.jpg"


def test_labels_beside_their_images_copy_nothing(tmp_path):
    source = make_csv(tmp_path, shape(68))
    convert(source, f"ibug:{tmp_path}")
    assert names(tmp_path) == ["a.csv", "a.jpg", "a.pts"]
    assert load(f"ibug:{tmp_path}").annotations[0].keypoints == pytest.approx(shape(68), abs=1e-3)


def test_other_folders_get_copies_of_the_images(tmp_path):
    make_ibug(tmp_path / "in" / "testset", shape(68))
    make_ibug(tmp_path / "in" / "trainset", shape(68) + 1)
    convert(f"ibug:{tmp_path / 'in'}", f"ibug:{tmp_path / 'out'}")
    assert names(tmp_path / "out") == ["testset/a.png", "testset/a.pts", "trainset/a.png", "trainset/a.pts"]


def test_several_faces_become_copies_of_their_image(tmp_path):
    picture(tmp_path / "a.jpg")
    picture(tmp_path / "a_1.jpg")
    header = ",".join(["image", *(f"{axis}{k}" for k in range(68) for axis in "xy")])
    rows = [
        ",".join([name, *(f"{v:.3f}" for v in (shape(68) + k).ravel())])
        for k, name in enumerate(["a.jpg"] * 2 + ["a_1.jpg"])
    ]
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]))
    done = convert(f"csv:{tmp_path / 't.csv'}", f"ibug:{tmp_path / 'out'}")
    assert done.lost == "not stored in ibug: several faces per image (written as copies of the image)"
    assert names(tmp_path / "out") == ["a.jpg", "a.pts", "a_1.jpg", "a_1.pts", "a_1_1.jpg", "a_1_1.pts"]
    assert len(load(f"ibug:{tmp_path / 'out'}")) == 3


def test_faces_with_missing_points_are_left_out_where_they_cannot_be_stored(tmp_path):
    source = make_csv(tmp_path, shape(68))
    text = (tmp_path / "a.csv").read_text()
    row = text.splitlines()[1].split(",")
    (tmp_path / "a.csv").write_text(text + ",".join([row[0], "", "", *row[3:]]) + "\n")
    done = convert(source, f"ibug:{tmp_path / 'out'}")
    assert (done.faces, done.images) == (1, 1)
    assert "missing points (1 face left out)" in done.lost
    (tmp_path / "a.csv").write_text("\n".join([text.splitlines()[0], ",".join([row[0], "", "", *row[3:]])]))
    with pytest.raises(
        AnnotationError, match=r"not stored in ibug: missing points \(1 face left out\); no face is left"
    ):
        convert(source, f"ibug:{tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


def test_dlib_needs_every_point_once(tmp_path):
    source = make_csv(tmp_path, shape(68))
    text = (tmp_path / "a.csv").read_text()
    header, row = text.splitlines()
    (tmp_path / "a.csv").write_text("\n".join([header, ",".join([row.split(",")[0], "", "", *row.split(",")[3:]])]))
    with pytest.raises(AnnotationError, match='the point "jaw_0" is missing in every face'):
        convert(source, f"dlib:{tmp_path / 'a.xml'}")
    assert not (tmp_path / "a.xml").exists()


def test_wflw_paths_have_no_spaces(tmp_path):
    source = make_wflw(tmp_path / "my faces", shape(98))
    with pytest.raises(AnnotationError, match="it has a space, or letters that are not ASCII; rename the image"):
        convert(source, f"wflw:{tmp_path / 'list.txt'}")
    assert not (tmp_path / "list.txt").exists()


def test_skeleton_with_known_points(tmp_path):
    source = make_wflw(tmp_path, shape(98))
    convert(source, f"csv:{tmp_path / 'a.csv'}", skeleton="ibug-68")
    faces = load(f"csv:{tmp_path / 'a.csv'}")
    assert faces.skeleton.name == "ibug-68"
    chosen = load_skeleton("ibug-68").indices_in(load_skeleton("wflw-98"))
    assert faces.annotations[0].keypoints == pytest.approx(shape(98)[chosen], abs=1e-3)
    words = r"imm-58 does not say where its points are among the 98 of wflw-98; choose them with --mapping FILE\.toml"
    with pytest.raises(SkeletonError, match=words):
        convert(source, f"csv:{tmp_path / 'b.csv'}", skeleton="imm-58")


def test_mapping_of_a_file(tmp_path):
    source = make_csv(tmp_path, shape(68))
    (tmp_path / "m.toml").write_text('from = "ibug-68"\nto = "nose-1"\npoints = "31+35"\n')
    convert(source, f"coco:{tmp_path / 'a.json'}", mapping=tmp_path / "m.toml")
    faces = load(f"coco:{tmp_path / 'a.json'}")
    assert faces.skeleton.name == "nose-1"
    assert faces.annotations[0].keypoints[0] == pytest.approx(shape(68)[[31, 35]].mean(0), abs=1e-3)
    with pytest.raises(ConfigError, match="give one of them"):
        convert(source, f"coco:{tmp_path / 'b.json'}", skeleton="nose-1", mapping=tmp_path / "m.toml")


def table_of(folder, *rows):
    """Write a table of eye and chin, and return the data set's name."""
    picture(folder / "a.jpg")
    (folder / "t.csv").write_text("\n".join(["image,eye_x,eye_y,chin_x,chin_y", *rows]))
    return f"csv:{folder / 't.csv'}"


@pytest.mark.parametrize("form", ["labelme", "labelstudio"])
def test_points_that_no_face_has_are_listed_where_only_present_points_have_names(tmp_path, form):
    source = table_of(tmp_path, "a.jpg,1.5,2,,")
    with pytest.raises(ConfigError, match=r"points that no face has \(chin\); nothing was written because of --strict"):
        convert(source, f"{form}:{tmp_path / 'out'}", strict=True)
    assert convert(source, f"{form}:{tmp_path / 'out'}").lost == f"not stored in {form}: points that no face has (chin)"
    assert load(f"{form}:{tmp_path / 'out'}").skeleton.names == ("eye",)
    table_of(tmp_path, "a.jpg,1.5,2,,", "a.jpg,,,3,4")
    assert convert(source, f"{form}:{tmp_path / 'both'}").lost == ""


def test_many_absent_points_are_shortened(tmp_path):
    make_csv(tmp_path, shape(68))
    header, row = (tmp_path / "a.csv").read_text().splitlines()
    cells = row.split(",")
    (tmp_path / "a.csv").write_text("\n".join([header, ",".join([cells[0], *[""] * 34, *cells[35:]])]))
    done = convert(f"csv:{tmp_path / 'a.csv'}", f"labelme:{tmp_path / 'out'}")
    assert done.lost.endswith("points that no face has (jaw_0, jaw_1, jaw_2, jaw_3, jaw_4, …)")


def test_faces_without_any_of_the_chosen_points_are_listed(tmp_path):
    source = table_of(tmp_path, "a.jpg,1.5,2,3,4", "a.jpg,,,3,4")
    (tmp_path / "m.toml").write_text('to = "nose-1"\npoints = "0"\n')
    done = convert(source, f"csv:{tmp_path / 'b.csv'}", mapping=tmp_path / "m.toml")
    assert (done.faces, done.lost) == (1, "not stored in csv: 1 face without any of the chosen points")
    table_of(tmp_path, "a.jpg,,,3,4")
    with pytest.raises(AnnotationError, match="no face has any of the points of nose-1"):
        convert(source, f"csv:{tmp_path / 'c.csv'}", mapping=tmp_path / "m.toml")


def test_new_folders_are_named(tmp_path):
    source = table_of(tmp_path, "a.jpg,1,2,3,4")
    assert convert(source, f"csv:{tmp_path / 'b.csv'}").new_folder is None
    assert convert(source, f"csv:{tmp_path / 'x' / 'y' / 'b.csv'}").new_folder == tmp_path / "x" / "y"
    assert convert(source, f"yolo:{tmp_path / 'z'}").new_folder is None


def test_own_point_names_survive_or_are_listed(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("image,eye_x,eye_y,chin_x,chin_y\na.jpg,1.5,2,3,4\n")
    source = f"csv:{tmp_path / 't.csv'}"
    for target in ("coco", "csv-long", "cvat", "json", "labelstudio"):
        convert(source, f"{target}:{tmp_path / target}")
        assert load(f"{target}:{tmp_path / target}").skeleton.names == ("eye", "chin")
    for target in ("labelme", "yolo"):
        convert(source, f"{target}:{tmp_path / f'{target}-folder'}")
        assert load(f"{target}:{tmp_path / f'{target}-folder'}").skeleton.names == ("eye", "chin")
    assert convert(source, f"dlib:{tmp_path / 'a.xml'}").lost == "not stored in dlib: point names, fractions of a pixel"


@pytest.mark.parametrize(("form", "folder"), [("csv", True), ("ibug", False)])
def test_a_folder_is_not_a_file_and_the_reverse(tmp_path, form, folder):
    source = make_dlib(tmp_path / "in", shape(68))
    (tmp_path / "x").mkdir() if folder else (tmp_path / "x").write_text("")
    with pytest.raises(ConfigError, match=f"is a f.*; {form} writes a"):
        convert(source, f"{form}:{tmp_path / 'x'}", overwrite=True)


@pytest.mark.parametrize("form", [form for form in writable_formats() if form not in ("imm", "wflw", "parquet")])
def test_nothing_is_left_after_an_error(tmp_path, monkeypatch, form):
    source = make_csv(tmp_path / "in", shape(68))
    sizes = iter([(48, 64)])

    def fails_later(path):
        return next(sizes, None) or broken(path)

    def broken(path):
        raise ImageError(f"{path}: damaged")

    picture(tmp_path / "in" / "b.jpg")
    text = (tmp_path / "in" / "a.csv").read_text()
    (tmp_path / "in" / "a.csv").write_text(text + text.splitlines()[1].replace("a.jpg", "b.jpg") + "\n")
    monkeypatch.setattr(convert_module.images, "size", fails_later)
    with pytest.raises(ImageError, match="damaged"):
        convert(source, f"{form}:{tmp_path / 'out' / 'x'}")
    assert names(tmp_path / "out") == []
    assert not list((tmp_path / "out").iterdir())


def test_images_without_a_face_that_are_missing_are_left_out(tmp_path):
    picture(tmp_path / "a.jpg")
    (tmp_path / "t.csv").write_text("image,face,x0,y0\na.jpg,0,1.5,2\ngone.jpg,,,\n")
    done = convert(f"csv:{tmp_path / 't.csv'}", f"json:{tmp_path / 'a.json'}")
    assert (done.images, done.lost, done.problems) == (1, "", 0)


def test_label_files_have_no_images_and_name_them_from_the_folder(tmp_path):
    make_csv(tmp_path, shape(5))
    (table,) = tmp_path.glob("*.csv")
    faces = load(f"csv:{table}")
    root = tmp_path.parent
    coco = label_files(faces, "coco", root)
    assert list(coco.files) == ["labels.json"]
    names = [image["file_name"] for image in json.loads(coco.files["labels.json"])["images"]]
    assert all((root / name).is_file() for name in names)
    assert coco.faces == len(faces)
    yolo = label_files(faces, "yolo", root)
    assert not [name for name in yolo.files if name.endswith((".png", ".jpg"))]
    assert not list(tmp_path.glob("labels*"))
    with pytest.raises(ConfigError, match="stores imm-58 only"):
        label_files(faces, "imm", root)
    with pytest.raises(ConfigError, match='"synthetic" cannot be written'):
        label_files(faces, "synthetic", root)
