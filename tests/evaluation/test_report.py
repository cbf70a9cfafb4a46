"""The report: one self-contained page. Figures are replaced by small stand-ins except in one test."""

import base64
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose

from doubles import FACE_ERRORS, SIZE, problems, quad_evaluation, quad_faces
from measure.measured_faces import IBUG, projected
from nasion.errors import OutputError
from nasion.evaluation import plots, report
from nasion.evaluation.evaluation import Evaluation
from nasion.evaluation.format import score_rows
from nasion.evaluation.report import SHOWN, TrainingRecord, write_report
from nasion.sample import Annotation
from nasion.skeleton import load_skeleton

VOID = {"meta", "img", "br", "hr", "link", "input"}
"""HTML elements without an end tag."""

TRAINING = TrainingRecord(
    command="nasion train <danes>",
    steps={"step": [0, 1], "loss": [2.0, 1.0], "lr": [0.1, 0.1]},
    epochs={"epoch": [0, 1], "train_loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "val_error_px": [3.0, 2.0]},
    kernels=np.ones((2, 3, 5, 5)),
    details="lr = 0.1 & more",
    decode_floor="Decoding alone costs 0.1 px.",
)


class Page(HTMLParser):
    """A parsed report: text by element, rows of tables, images and figures, and all attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.rows, self.images, self.attributes = [], {}, [], [], []
        self.feed(text)
        assert self.open == []  # every element is closed

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag == "img":
            self.images.append(attributes)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag][-1] += data
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data

    def values(self, tag, name):
        return [value for each, key, value in self.attributes if (each, key) == (tag, name)]

    def figure_captions(self):
        return self.values("svg", "aria-label")

    def face_captions(self):
        """Return the error and the name of each face."""
        return [tuple(image["alt"].splitlines()) for image in self.images]


@pytest.fixture
def figures(monkeypatch):
    """Replace drawing by a stand-in, and return the list of the figures that a report contains."""
    found = []

    def svg(figure):
        found.append(figure)
        return f"<svg><text>figure {len(found)}</text></svg>"

    intervals = Evaluation.intervals  # a few resamples suffice
    monkeypatch.setattr(report.plots, "svg", svg)
    monkeypatch.setattr(Evaluation, "intervals", lambda self: intervals(self, 60))
    return found


@pytest.fixture
def write(tmp_path, figures):
    """Return a function that writes a report of five faces and returns the parsed page."""

    def page(evaluation=None, faces=None, command="nasion evaluate", training=None):
        write_report(
            tmp_path / "report.html", evaluation or quad_evaluation(), faces or quad_faces(), command, training
        )
        return Page((tmp_path / "report.html").read_text("utf-8"))

    return page


def texts_of(axis):
    return axis.get_xlabel(), axis.get_ylabel()


# --- scores and lead


def test_title_and_lead_name_model_data_and_faces(write):
    page = write()
    assert page.texts["title"] == page.texts["h1"] == ["hand on quad:5"]
    assert page.texts["p"][0] == (
        "5 faces of 2 people or photographs · four points, 4 points · input: the box around the true points"
    )


@pytest.mark.parametrize(
    ("split", "text"),
    [("all", "5 faces"), ("val", "5 validation faces"), ("train", "5 training faces"), ("x", "5 x f")],
)
def test_lead_names_the_split(split, text):
    assert report._lead(quad_evaluation(split=split)).startswith(text)


@pytest.mark.parametrize(
    ("boxes", "text"),
    [("points", "the box around the true points"), ("image", "the full image"), ("boxes of YuNet", "boxes of YuNet")],
)
def test_lead_names_the_boxes(boxes, text):
    assert report._lead(quad_evaluation(boxes=boxes)).endswith(f"input: {text}")


def test_lead_counts_photographs_without_a_subject():
    assert "5 faces of 5 people or photographs" in report._lead(quad_evaluation(quad_faces(subjects=())))


def test_scores_are_rows_of_a_table(write):
    page = write()
    assert page.rows[0] == ["score", "value", "95 % interval", "meaning"]
    expected = [[row.title, *row[1:4]] for row in score_rows(quad_evaluation())]
    assert page.rows[1 : 1 + len(expected)] == expected
    assert ["Mean error", "3.00 px", "1.50 px – 4.00 px"] in [row[:3] for row in page.rows]
    assert page.texts["code"] == [row.name for row in score_rows(quad_evaluation())]


def test_main_scores_are_explained(write):
    page = write()
    assert page.texts["dt"] == [
        "Median error",
        "NME, inter-ocular",
        "AUC up to 8 %, inter-ocular",
        "Failures above 8 %, inter-ocular",
    ]
    assert page.texts["strong"][:2] == ["3.00 px", "15.00 %"]
    assert [
        text for text in page.texts["dd"] if "the inter-ocular distance, which is the distance of the outer" in text
    ]


def test_main_scores_of_faces_without_eyes_are_relative_to_their_size(write):
    lengths = {name: each for name, each in quad_evaluation().lengths.items() if name != "inter_ocular"}
    page = write(quad_evaluation(lengths=lengths))
    assert page.texts["dt"] == ["Median error", "NME, box size"]
    assert "√(width · height)" in page.texts["dd"][1]


def test_summary_is_above_the_scores(write):
    page = write()
    assert ("p", "class", "summary") in page.attributes
    assert page.texts["p"][1].startswith("The error of the median face is 3.0 px; the largest is 5.0 px. The regions")


def test_points_are_rows_of_a_table(write):
    measured = quad_evaluation()
    pred = measured.true_keypoints + np.array([1.0, 2, 3, 4.567])[:, None] * [0.6, 0.8]
    page = write(quad_evaluation(pred_keypoints=pred))
    assert page.rows[-5:] == [
        ["index", "point", "mean error (image px)"],
        ["0", "eye a", "1.00"],
        ["1", "eye b", "2.00"],
        ["2", "nose", "3.00"],
        ["3", "chin", "4.57"],
    ]


# --- a page that is complete and safe


def test_page_has_no_external_resources(write):
    page = write(training=TRAINING)
    assert page.images
    assert all(image["src"].startswith("data:image/") for image in page.images)
    assert not {"script", "link", "iframe", "object"} & page.texts.keys()
    assert all(value.startswith("#") for _, name, value in page.attributes if name == "href")
    assert not [word for word in ("url(", "@import", "http") if word in page.texts["style"][0]]


def test_images_hold_their_data(write):
    page = write()
    kinds = [image["src"].partition(",") for image in page.images]
    assert {kind[0] for kind in kinds} == {"data:image/jpeg;base64"}
    views = [cv2.imdecode(np.frombuffer(base64.b64decode(kind[2]), np.uint8), cv2.IMREAD_COLOR) for kind in kinds]
    assert [view.shape for view in views] == [(480, 480, 3)] * 5
    # the faces 2, 4, 0, 3 and 1, whose images are gray
    assert [int(view[2, 2, 0]) for view in views] == pytest.approx([90, 170, 10, 130, 50], abs=2)
    assert page.texts["text"] == [f"figure {k}" for k in range(1, 7)]


def test_every_image_is_enlarged_by_its_own_button(write):
    page = write(training=TRAINING)
    names = page.values("div", "id")
    assert len(names) == len(set(names)) == len(page.images) + len(page.figure_captions())
    assert page.values("button", "popovertarget") == [name for name in names for _ in range(2)]  # to open and to close
    ratios = [float(text.removeprefix("aspect-ratio: ")) for text in page.values("button", "style")]
    assert ratios[:5] == [1.0] * 5
    assert ratios[5] == pytest.approx(5.5 / 3.6, abs=1e-4)


def test_images_are_rgb(write):
    def red(_face):
        image = np.zeros((*SIZE, 3), np.uint8)
        image[..., 0] = 200
        return image

    page = write(faces=replace(quad_faces(), open_image=red))
    data = base64.b64decode(page.images[0]["src"].partition(",")[2])
    blue, _, red_level = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[30, 120].astype(int)
    assert red_level > 150 > 80 > blue


def test_names_are_escaped(write):
    name = "<script>alert('x')</script>&"
    page = write(quad_evaluation(model=name, problems=problems(name)), command=f'--model "{name}"')
    assert "script" not in page.texts
    assert page.texts["h1"] == [f"{name} on quad:5"]
    assert page.texts["pre"] == [f'--model "{name}"']
    assert page.texts["code"][-1] == name
    assert page.texts["li"] == [f"{name}: no <box> for {name}"]


@pytest.mark.parametrize(
    ("training", "names"),
    [
        (None, ["scores", "faces", "errors", "reproduce"]),
        (TRAINING, ["scores", "faces", "errors", "training", "reproduce"]),
    ],
    ids=["without training", "with training"],
)
def test_links_lead_to_headings(write, training, names):
    page = write(training=training)
    assert page.values("a", "href") == [f"#{name}" for name in names]
    assert page.values("h2", "id") == names


def test_every_image_has_a_text_alternative(write):
    page = write(training=TRAINING)
    assert all(image["alt"] for image in page.images)
    assert all(page.figure_captions())
    assert len(page.figure_captions()) == len(page.texts["figure"]) - len(page.images)


def test_report_is_written_completely_or_not_at_all(tmp_path, figures, monkeypatch):
    (tmp_path / "report.html").write_text("old")

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(report, "_error_figures", fail)
    with pytest.raises(RuntimeError):
        write_report(tmp_path / "report.html", quad_evaluation(), quad_faces(), "x")
    assert (tmp_path / "report.html").read_text() == "old"


def test_folder_that_cannot_be_created_is_an_output_error(tmp_path, figures):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_report(tmp_path / "file" / "report.html", quad_evaluation(), quad_faces(), "x")


def test_report_with_real_figures(tmp_path):
    write_report(tmp_path / "new" / "report.html", quad_evaluation(), quad_faces(), "x", TRAINING)
    page = Page((tmp_path / "new" / "report.html").read_text("utf-8"))
    assert len(page.figure_captions()) == 10
    assert {"NME, inter-ocular (%)", "epoch", "mean predicted error (image px)"} <= set(page.texts["text"])


# --- training


def test_report_without_training(write, figures):
    page = write(command="nasion evaluate --data quad:5")
    assert page.texts["pre"] == ["nasion evaluate --data quad:5"]
    assert "This page was written by" in page.texts["p"]
    assert not [caption for caption in page.figure_captions() if "Loss" in caption or "Kernels" in caption]
    assert not any("Decoding" in text for text in page.texts["p"])
    assert len(figures) == 6


def test_report_with_training(write, figures):
    page = write(command="nasion evaluate", training=TRAINING)
    assert page.texts["pre"] == ["nasion train <danes>", "nasion evaluate", "lr = 0.1 & more"]
    titles = [text for text in page.texts["p"] if text.endswith(" by")]
    assert titles == ["The model was trained by", "This page was written by"]
    assert "Decoding alone costs 0.1 px." in page.texts["p"]
    assert page.texts["summary"] == [
        "All scores, with their names in JSON files",
        "Error of every point",
        "Configuration, versions and data of the run",
    ]
    captions = page.figure_captions()[6:]
    starts = "Loss at each step.", "Loss by epoch.", "Error by epoch,", "Kernels of the first layer."
    assert all(caption.startswith(start) for caption, start in zip(captions, starts, strict=True))
    assert len(figures) == 10
    by_label = {texts_of(figure.axes[0]) for figure in figures}
    assert {("step", "loss"), ("epoch", "loss")} <= by_label
    kernels = next(figure for figure in figures if figure.get_suptitle())
    assert kernels.get_suptitle().startswith("2 kernels of the first layer, 5 x 5 px, RGB")


def test_training_command_is_shown_once_if_it_wrote_the_page(write):
    page = write(command=TRAINING.command, training=TRAINING)
    assert page.texts["pre"] == ["nasion train <danes>", "lr = 0.1 & more"]
    assert "The model was trained by" in page.texts["p"]
    assert "This page was written by" not in page.texts["p"]


def test_empty_details_and_decode_floor_are_left_out(write):
    page = write(training=replace(TRAINING, details="", decode_floor=""))
    assert page.texts["summary"] == ["All scores, with their names in JSON files", "Error of every point"]
    assert "" not in page.texts["p"]


# --- error figures


def first_sentences(page):
    return [caption.partition(".")[0].partition(":")[0] for caption in page.figure_captions()]


def test_error_figures_of_a_complete_evaluation(write, figures):
    page = write()
    assert first_sentences(page) == [
        "Cumulative error distribution (CED)",
        "Is the predicted uncertainty right? Share of points within a number of spreads (the radius of the predicted "
        "error ellipse)",
        "Measured against predicted errors",
        "Mean error of each region",
        "Mean error of each point",
        "Mean error of each point, drawn 10x",
    ]
    ced, coverage, _, regions, points, bias = figures
    assert ced.axes[0].get_xlabel() == "NME, inter-ocular (%)"
    curve = ced.axes[0].get_lines()[0]
    assert curve.get_label() == "hand"
    assert curve.get_ydata()[-1] == 100  # the curve includes the worst face
    assert ced.axes[0].get_lines()[1].get_label() == "failure: above 8 %"
    # errors of 1 to 5 px at spreads of 2.2 px: two of five faces are within one spread
    shares = coverage.axes[0].get_lines()[0]
    assert shares.get_ydata()[list(shares.get_xdata()).index(1.0)] == pytest.approx(40)
    assert [bar.get_width() for bar in regions.axes[0].patches] == pytest.approx([3, 3])
    assert_allclose(points.axes[0].collections[0].get_array(), np.full(4, 3.0))
    assert_allclose(bias.axes[0].collections[0].V, np.full(4, 2.4))


def test_model_without_uncertainty_has_no_reliability_figure(write, figures):
    page = write(quad_evaluation(spread=np.full((5, 4), np.nan)))
    assert not [text for text in first_sentences(page) if "predicted" in text]
    assert len(figures) == 4


def test_spread_of_some_points_is_enough_for_the_reliability_figure(write, figures):
    spread = np.full((5, 4), np.nan)
    spread[2, :3] = 2.0
    write(quad_evaluation(spread=spread))
    assert len(figures) == 6


@pytest.mark.parametrize("values", [None, np.full(5, np.nan)])
def test_faces_without_eyes_have_no_error_curve(write, figures, values):
    lengths = {name: each for name, each in quad_evaluation().lengths.items() if name != "inter_ocular"}
    if values is not None:
        lengths["inter_ocular"] = values
    page = write(quad_evaluation(lengths=lengths))
    assert not [text for text in first_sentences(page) if "CED" in text]
    assert len(figures) == 5


def test_first_known_eye_distance_divides_the_error_curve(write, figures):
    lengths = {"box_size": np.full(5, 9.0), "inter_ocular": np.full(5, np.nan), "inter_pupil": np.full(5, 50.0)}
    write(quad_evaluation(lengths=lengths))
    assert figures[0].axes[0].get_xlabel() == "NME, inter-pupil (%)"


def test_mean_face_needs_a_face_with_every_point(write, figures):
    true = quad_evaluation().true_keypoints.copy()
    true[np.arange(5), [0, 1, 2, 3, 0]] = np.nan
    page = write(quad_evaluation(true_keypoints=true))
    assert "Mean error of each region" in first_sentences(page)
    assert "Mean error of each point" not in first_sentences(page)
    assert len(figures) == 4


def nose_faces(count=3):
    nose = load_skeleton("nose-1")
    faces = quad_faces(count)
    noses = [
        replace(face, skeleton=nose, keypoints=face.keypoints[2:3], visible=face.visible[:1])
        for face in faces.annotations
    ]
    return replace(faces, skeleton=nose, annotations=tuple(noses))


def test_report_of_a_single_point(write, figures):
    faces = nose_faces()
    page = write(quad_evaluation(faces, lengths={}), faces)
    assert "one nose, 1 point ·" in page.texts["p"][0]
    assert len(figures) == 2  # only the uncertainty: there are no eyes, regions or shapes
    assert page.rows[-1] == ["0", "nose tip", "3.00"]
    assert page.face_captions()[0] == ("5.0 px", "face2.png")


# --- problems and lost faces


def test_problems_and_lost_faces_are_listed(write):
    page = write(quad_evaluation(problems=problems("a.png", "b.png"), lost=problems("c.png")))
    assert page.texts["h3"][:2] == ["Faces without a box: 1", "Skipped faces: 2"]
    assert page.texts["code"][-3:] == ["c.png", "a.png", "b.png"]


def test_no_problems_are_no_list(write):
    page = write()
    assert "li" not in page.texts
    assert page.texts["h3"] == ["All faces, worst first"]


# --- faces


def test_few_faces_are_all_shown_worst_first(write):
    page = write()
    assert page.texts["h3"] == ["All faces, worst first"]
    size = (20 * 30) ** 0.5
    assert page.face_captions() == [(f"{100 * FACE_ERRORS[k] / size:.1f} %", f"face{k}.png") for k in (2, 4, 0, 3, 1)]


def test_faces_are_ordered_by_the_error_in_their_caption(write):
    """A small face with a small error in px may be the worst."""
    lengths = {"box_size": np.array([100.0, 2.0, 50.0, 50.0, 50.0])}
    captions = write(quad_evaluation(lengths=lengths)).face_captions()
    assert captions[0] == ("50.0 %", "face1.png")
    values = [float(value.removesuffix(" %")) for value, _ in captions]
    assert values == sorted(values, reverse=True)


def many(count):
    """Return faces and an evaluation in which face k is off by k + 1 px."""
    faces = quad_faces(count)
    faces = replace(faces, open_image=lambda _face: np.zeros((*SIZE, 3), np.uint8))
    true = faces.keypoints()
    offsets = np.arange(1.0, count + 1)[:, None, None] * [0.6, 0.8]
    pred = true + offsets
    return faces, quad_evaluation(faces, pred_keypoints=pred)


def test_many_faces_are_shown_as_worst_typical_and_best(write):
    faces, evaluation = many(31)
    page = write(evaluation, faces)
    assert page.texts["h3"] == [
        "Worst faces, worst first",
        "Typical faces, around the median, worst first",
        "Best faces, best last",
    ]
    numbers = [int(name.removeprefix("face").partition(".")[0]) for _, name in page.face_captions()]
    assert numbers == [*range(30, 22, -1), *range(19, 11, -1), *range(7, -1, -1)]


@pytest.mark.parametrize(("count", "rows"), [(3 * SHOWN, 1), (3 * SHOWN + 1, 3)])
def test_no_face_is_shown_twice(write, count, rows):
    faces, evaluation = many(count)
    page = write(evaluation, faces)
    assert len(page.texts["h3"]) == rows
    assert len(page.images) == len(set(page.face_captions())) == 3 * SHOWN


def test_page_without_a_measured_face_size_shows_no_faces(write):
    lengths = {**quad_evaluation().lengths, "box_size": np.zeros(5)}
    page = write(quad_evaluation(lengths=lengths))
    assert "h3" not in page.texts


def views(monkeypatch, evaluation, faces):
    """Return what the close-ups of the faces show, worst first: image, points (K, 2) and box (4,), image px."""
    calls = []

    def face_view(image, true, pred, around, side):
        calls.append((image, true, pred, around))
        return np.zeros((side, side, 3), np.uint8)

    monkeypatch.setattr(report.draw, "face_view", face_view)
    report._faces(evaluation, faces)
    return calls


def test_views_show_both_kinds_of_points_around_the_true_face(monkeypatch):
    evaluation = quad_evaluation()
    image, true, pred, around = views(monkeypatch, evaluation, quad_faces())[-1]
    assert (image == 50).all()
    assert_allclose(true, evaluation.true_keypoints[1])
    assert_allclose(pred, evaluation.pred_keypoints[1])
    assert_allclose(around, [21, 20, 41, 50])


def test_view_of_a_single_point_is_a_part_of_the_image(monkeypatch):
    faces = nose_faces()
    *_, around = views(monkeypatch, quad_evaluation(faces, lengths={}), faces)[-1]
    # half of the shorter side, 60 px, about the nose at (31, 30)
    assert_allclose(around, [16, 15, 46, 45])


def test_view_of_a_part_of_a_face_shows_the_full_face(monkeypatch):
    whole, noses = quad_faces(3), nose_faces(3)
    parts = [replace(nose, full_face=face) for nose, face in zip(noses.annotations, whole.annotations, strict=True)]
    noses = noses.subset(parts)
    *_, around = views(monkeypatch, quad_evaluation(noses), noses)[-1]
    assert_allclose(around, [21, 20, 41, 50])


def test_details_of_a_face_ignore_missing_points(write):
    true = quad_evaluation().true_keypoints.copy()
    true[1, :2] = np.nan
    pred = quad_evaluation().pred_keypoints.copy()
    pred[1, 2:] = true[1, 2:] + [[0.06, 0.08], [0.18, 0.24]]
    page = write(quad_evaluation(true_keypoints=true, pred_keypoints=pred))
    assert "face1.png: mean error 0.2 px; the largest is 0.3 px, at chin" in page.texts["p"]


def test_a_face_without_an_error_is_not_shown(write):
    true = quad_evaluation().true_keypoints.copy()
    true[1] = np.nan
    assert len(write(quad_evaluation(true_keypoints=true)).images) == 4


# --- error by yaw


def turned_evaluation(*yaws):
    """Return an evaluation of faces with 68 points, turned by `yaws`, degrees; face k has an error of k px."""
    true = np.stack([projected(yaw, 5, -10) for yaw in yaws])
    faces = [
        Annotation(Path(f"{k}.jpg"), points, IBUG, np.ones(68, bool), subject=str(k)) for k, points in enumerate(true)
    ]
    off = np.arange(len(yaws))[:, None, None] * [0.6, 0.8]
    lengths = [face.normalizer_lengths() for face in faces]
    return replace(
        quad_evaluation(),
        faces=tuple(faces),
        true_keypoints=true,
        pred_keypoints=true + off,
        spread=np.ones((len(yaws), 68)),
        anisotropy=np.zeros((len(yaws), 68, 2)),
        lengths={name: np.array([each[name] for each in lengths]) for name in lengths[0]},
    )


def test_faces_are_grouped_by_their_yaw_to_either_side():
    evaluation = turned_evaluation(*[-20.0, 20.0] * 3, *[0.0] * 5, *[50.0] * 4)
    assert evaluation.yaws() == pytest.approx([-20, 20] * 3 + [0] * 5 + [50] * 4, abs=0.1)
    groups = report._by_yaw(evaluation)
    errors = evaluation.nme("box_size")
    assert list(groups) == ["0–15°", "15–30°"]  # the others are too few
    assert_allclose(groups["15–30°"], errors[:6])
    assert_allclose(groups["0–15°"], errors[6:11])
    figure = plots.yaw_bars(groups)
    assert [bar.get_height() for bar in figure.axes[0].patches] == pytest.approx(
        [100 * errors[6:11].mean(), 100 * errors[:6].mean()]
    )
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["0–15°\n5 faces", "15–30°\n6 faces"]


def test_faces_without_a_pose_have_no_yaw():
    assert np.isnan(quad_evaluation().yaws()).all()
    assert report._by_yaw(quad_evaluation()) == {}
