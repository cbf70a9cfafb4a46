"""Measure the measurements: poses of projected heads, openings of judged faces, aligned crops of labeled faces.

python bench/measurements.py pose ICT.npz coco:aflw68/train.json
python bench/measurements.py openings 300W_DIR
python bench/measurements.py held-out coco:aflw68/train.json ibug:300w/lfpw/testset
python bench/measurements.py crops ibug:300w/lfpw/testset
python bench/measurements.py cost ibug:300w/lfpw/testset
"""

import time
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from head_variation import Heads
from rich.console import Console
from rich.progress import track

from nasion import datasets
from nasion.geometry import Affine, FloatArray
from nasion.measure import align, asymmetry, eyes, mouth, pose
from nasion.measure.camera import rotation_matrix
from nasion.measure.openings import EYE_OPEN, MOUTH_OPEN
from nasion.measure.templates import corners
from nasion.predict.predictor import Predictor
from nasion.sample import Annotation, DataSet, Prediction
from nasion.skeleton import load_skeleton

PARTS = "afw", "helen/trainset", "lfpw/trainset"
"""Training parts of 300-W."""

MAX_YAW, MAX_PITCH, MAX_ROLL = 60.0, 30.0, 30.0
SCALE_PX_PER_CM = 10.0

TIMED = 100
"""Number of faces that are timed."""

Z_90 = 1.6449
"""Half width of a 90 % interval, in standard errors."""

console = Console()
app = typer.Typer(add_completion=False)


def _predicted(faces: DataSet, model: str = "default") -> list[tuple[Annotation, Prediction]]:
    """Return the faces with predictions from boxes around their points."""
    predictor = Predictor(model)  # its detector is not used
    return [
        (face, predictor(faces.open_image(face), [face.points_box()])[0])
        for face in track(faces.annotations, "predicting", console=console)
    ]


def _labeled(face: Annotation, prediction: Prediction) -> Prediction:
    """Return a prediction with the labeled keypoints instead."""
    return replace(prediction, keypoints=face.keypoints)


@app.command("pose")
def measure_pose(
    ict: Annotated[Path, typer.Argument(help="the arrays of ICT-FaceKit Light")],
    data: Annotated[str, typer.Argument(help="labeled faces whose errors are added to the projected points")],
    count: Annotated[int, typer.Option(help="number of heads")] = 1000,
) -> None:
    """Poses of projected heads, from exact points and from points with the errors of `default` on real faces."""
    rng, skeleton = np.random.default_rng(5), load_skeleton("ibug-68")
    heads = Heads(ict).sample(count, rng)
    limits = np.array([MAX_YAW, MAX_PITCH, MAX_ROLL])
    true = rng.uniform(-limits, limits, (count, 3))
    pairs = [pair for pair in _predicted(datasets.load(data)) if np.isfinite(pair[0].keypoints).all()]
    console.print(f"errors of {len(pairs)} faces with all {skeleton.count} points")
    for name in ("exact points", "errors of default"):
        found = []
        for head, angles in zip(heads, true, strict=True):
            points = (head @ rotation_matrix(np.radians(angles)).T)[:, :2] * SCALE_PX_PER_CM
            face = _with_errors(points, pairs[rng.integers(len(pairs))], name == "exact points")
            got = pose(face)
            found.append([[each.value, each.error] for each in (got.yaw, got.pitch, got.roll)])
        _print_angles(name, np.array(found), true)


def _with_errors(points: FloatArray, pair: tuple[Annotation, Prediction], exact: bool) -> Prediction:
    """Return points (K, 2), px, with the errors and ellipses of a predicted face, scaled to their size, or none."""
    face, prediction = pair
    scale = float(np.sqrt(np.ptp(points, axis=0).prod() / np.ptp(face.keypoints, axis=0).prod()))
    if exact:
        return replace(prediction, keypoints=points, spread=np.zeros(len(points)))
    errors = (prediction.keypoints - face.keypoints) * scale
    return replace(prediction, keypoints=points + errors, spread=prediction.spread * scale)


def _print_angles(name: str, found: FloatArray, true: FloatArray) -> None:
    """Print errors of angles and their standard errors (N, 3, 2) against the truth (N, 3), degrees."""
    apart = found[..., 0] - true
    inside = (np.abs(apart) < Z_90 * found[..., 1]).mean(0)
    for place, angle in enumerate(("yaw", "pitch", "roll")):
        console.print(
            f"{name}: {angle} mean error {np.abs(apart[:, place]).mean():.2f}°, "
            f"90 % intervals hold {100 * inside[place]:.0f} %"
        )
    for low in (0, 20, 40):
        turned = (np.abs(true[:, 0]) >= low) & (np.abs(true[:, 0]) < low + 20)
        means = np.abs(apart[turned]).mean(0)
        console.print(f"  yaw {low} to {low + 20}°: {means[0]:.2f}, {means[1]:.2f}, {means[2]:.2f}°")


@app.command("openings")
def measure_openings(folder: Annotated[Path, typer.Argument(help="300-W's folder")]) -> None:
    """Thresholds of eyes and mouth, fitted on training faces that were judged by eye."""
    judged = tomllib.loads(Path(__file__).with_name("openings.toml").read_text("utf-8"))
    names: list[str] = []
    pairs: list[tuple[Annotation, Prediction]] = []
    for part in PARTS:
        found = _predicted(datasets.load(f"ibug:{folder / part}"))
        names += [f"{part}/{face.name}" for face, _ in found]
        pairs += found
    closed, unclear = set(judged["closed_eyes"]), set(judged["unclear_eyes"])
    for source in ("labeled", "predicted"):
        faces = [each if source == "predicted" else _labeled(face, each) for face, each in pairs]
        shut = [eyes(face).ratio.value for face, name in zip(faces, names, strict=True) if name in closed]
        known = closed | unclear
        wide = [eyes(face).ratio.value for face, name in zip(faces, names, strict=True) if name not in known]
        _print_threshold(f"eyes, {source} points", shut, wide, EYE_OPEN)
        lips = {name: mouth(face).ratio.value for face, name in zip(faces, names, strict=True)}
        shut, wide = ([lips[name] for name in judged[key]] for key in ("closed_mouth", "open_mouth"))
        _print_threshold(f"mouth, {source} points", shut, wide, MOUTH_OPEN)


@app.command("held-out")
def measure_held_out(data: Annotated[list[str], typer.Argument(help="faces of bench/openings.toml")]) -> None:
    """Closed and open eyes of faces that were used neither for training nor for the threshold."""
    judged = tomllib.loads(Path(__file__).with_name("openings.toml").read_text("utf-8"))
    closed, unclear = set(judged["held_out_closed_eyes"]), set(judged["held_out_unclear_eyes"])
    pairs = [pair for each in data for pair in _predicted(datasets.load(each))]
    pairs = [(face, each) for face, each in pairs if np.isfinite(eyes(_labeled(face, each)).ratio.value)]
    for source in ("labeled", "predicted"):
        ratios = [eyes(each if source == "predicted" else _labeled(face, each)).ratio.value for face, each in pairs]
        named = list(zip([face.name for face, _ in pairs], ratios, strict=True))
        shut = [ratio for name, ratio in named if name in closed]
        wide = [ratio for name, ratio in named if name not in closed | unclear]
        _print_threshold(f"eyes, {source} points", shut, wide, EYE_OPEN)
        wide = [ratio for name, ratio in named if name not in closed]
        _print_threshold(f"eyes, {source} points, unclear ones counted as open", shut, wide, EYE_OPEN)


def _print_threshold(name: str, closed: Sequence[float], wide: Sequence[float], used: float) -> None:
    low, high = np.array(closed), np.array(wide)
    auc = (low[:, None] < high).mean() + (low[:, None] == high).mean() / 2
    limits = np.sort(np.concatenate([low, high]))
    balanced = [((low < limit).mean() + (high >= limit).mean()) / 2 for limit in limits]
    best = int(np.argmax(balanced))
    console.print(
        f"{name}: {len(low)} closed, {len(high)} open, AUC {auc:.3f}; best threshold {limits[best]:.3f} "
        f"({100 * balanced[best]:.1f} %); at {used}: {100 * (low < used).mean():.1f} % of closed and "
        f"{100 * (high >= used).mean():.1f} % of open ones are right"
    )


@app.command("crops")
def measure_crops(data: Annotated[str, typer.Argument(help="labeled faces with 68 points")]) -> None:
    """Displacement of the corners of 112 px crops from predicted points, relative to labeled points."""
    pairs = [pair for pair in _predicted(datasets.load(data)) if np.isfinite(pair[0].keypoints).all()]
    others = {face.name: each for face, each in _predicted(datasets.load(data), "tiny")}
    for name in ("arcface", "dlib", "ffhq"):
        labels = [align(_labeled(face, each), name, 112)[0] for face, each in pairs]
        found, errors = zip(*(align(each, name, 112) for _, each in pairs), strict=True)
        tiny = [align(others[face.name], name, 112)[0] for face, _ in pairs]
        moved = _displacements(found, labels)
        console.print(
            f"{name}: corners of {len(pairs)} crops are {moved.mean():.2f} px apart on average, median "
            f"{np.median(moved.mean(1)):.2f}; root mean square {np.sqrt((moved**2).mean()):.2f}, "
            f"expected {np.sqrt(np.mean(np.square(errors))):.2f}"
        )
        a, b, between = (
            (_displacements(*each) ** 2).mean() for each in ((found, labels), (tiny, labels), (found, tiny))
        )
        console.print(
            f"  root mean squares of tiny {np.sqrt(b):.2f}, between both models {np.sqrt(between):.2f}; "
            f"what both models have in common {np.sqrt((a + b - between) / 2):.2f}"
        )


def _displacements(first: Sequence[Affine], second: Sequence[Affine]) -> FloatArray:
    """Return how far corners of 112 px crops by the second maps are from those by the first, (N, 4), crop px."""
    square = corners(112)
    moved = np.stack([a(b.inverse()(square)) for a, b in zip(first, second, strict=True)])
    return np.linalg.norm(moved - square, axis=-1)


@app.command("cost")
def measure_cost(data: Annotated[str, typer.Argument(help="faces with 68 points")], rounds: int = 20) -> None:
    """CPU time of the measurements of a face: the median over faces of the fastest of several rounds."""
    found = datasets.load(data)
    faces = [each for _, each in _predicted(found.subset(found.annotations[:TIMED]))]
    functions = {"pose": pose, "eyes": eyes, "mouth": mouth, "asymmetry": asymmetry, "arcface": align}
    for name, function in functions.items():
        times = np.full((rounds, len(faces)), np.inf)
        for turn in range(rounds):
            for number, face in enumerate(faces):
                start = time.perf_counter()
                function(face)
                times[turn, number] = time.perf_counter() - start
        console.print(f"{name}: {1000 * np.median(times.min(0)):.2f} ms")


if __name__ == "__main__":
    app()
