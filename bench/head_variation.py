"""Compute how the 68 points of a head vary, from ICT-FaceKit: writes src/nasion/measure/variation/ibug-68.toml.

python bench/head_variation.py ICT.npz OUT.toml

ICT.npz holds the arrays of ICT-FaceKit Light: `neutral` (V, 3), `identity` (100, V, 3), `expression` (57, V, 3), cm,
and `expressions`, their names. The 68 points are those of its documentation, with both of its lines of the jaw.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.random import Generator
from rich.console import Console

from nasion.atomic import write_text
from nasion.geometry import FloatArray
from nasion.skeleton import load_skeleton

POINTS = """
1225 1888 1052 367 1719 1722 2199 1447 966 3661 4390 3927 3924 2608 3272 4088 3443 268 493 1914 2044 1401 3615 4240 4114
2734 2509 978 4527 4942 4857 1140 2075 1147 4269 3360 1507 1542 1537 1528 1518 1511 3742 3751 3756 3721 3725 3732 5708
5695 2081 0 4275 6200 6213 6346 6461 5518 5957 5841 5702 5711 5533 6216 6207 6470 5517 5966
"""
SILHOUETTE = "1278 1272 12 1834 243 781 2199 1447 966 3661 4390 3022 2484 4036 2253 3490 3496"
"""The line of the jaw on the silhouette of a frontal head, from ear to ear."""

JAW = len(SILHOUETTE.split())
CHIN = JAW // 2

ACTIVE = 0.3
"""Share of heads in which an expression is active."""

LARGEST_JAW_OPEN = 0.7
UNEVEN = 0.1
"""Standard deviation of the difference between the left and the right weight of an expression."""

HEADS, MODES = 4000, 15
INFLATION = 2.0
"""Factor of the standard deviation that the modes leave out, because these errors are not independent."""

console = Console()


class Heads:
    """Random heads of ICT-FaceKit.

    Args:
        path: the .npz file.
    """

    def __init__(self, path: Path) -> None:
        bone = np.array(POINTS.split(), int)
        outline = bone.copy()
        outline[:JAW] = np.array(SILHOUETTE.split(), int)
        with np.load(path, allow_pickle=False) as arrays:
            self.names = arrays["expressions"].tolist()
            parts = [arrays["neutral"][None], arrays["identity"], arrays["expression"]]
            self.bone, self.outline = (
                np.concatenate([part[:, line].astype(np.float64) for part in parts]) for line in (bone, outline)
            )
        self.identities = self.bone.shape[0] - 1 - len(self.names)

    @property
    def mean(self) -> FloatArray:
        """The neutral head (68, 3), cm, with a jaw halfway between both lines."""
        return (self.bone[0] + self.outline[0]) / 2

    def sample(self, count: int, rng: Generator) -> FloatArray:
        """Return random heads (count, 68, 3), cm, with lines of the jaw between bone and silhouette."""
        expressions = np.zeros((count, len(self.names)))
        for base in sorted({name.removesuffix("_L").removesuffix("_R") for name in self.names}):
            active = rng.random(count) < ACTIVE
            weight = active * rng.random(count) * (LARGEST_JAW_OPEN if base == "jawOpen" else 1.0)
            for name in (base, f"{base}_L", f"{base}_R"):
                if name in self.names:
                    uneven = active * rng.normal(0, UNEVEN, count)
                    expressions[:, self.names.index(name)] = np.clip(weight + uneven, 0, 1)
        weights = np.hstack([np.ones((count, 1)), rng.standard_normal((count, self.identities)), expressions])
        bone, outline = (np.tensordot(weights, line, 1) for line in (self.bone, self.outline))
        share = rng.random((count, 1, 2))
        share = np.where(np.arange(68)[None, :, None] <= CHIN, share[..., :1], share[..., 1:])
        return bone + share * (outline - bone)


def main(
    ict: Annotated[Path, typer.Argument(help="the arrays of ICT-FaceKit Light")],
    out: Annotated[Path, typer.Argument(help="the .toml to write")],
) -> None:
    """Compute the modes and write them."""
    heads = Heads(ict)
    head = load_skeleton("ibug-68").head
    console.print(f"largest difference from ibug-68's head: {np.abs(heads.mean - np.array(head)).max():.4f} cm")
    goal = heads.mean - heads.mean.mean(0)
    centered = heads.sample(HEADS, np.random.default_rng(0))
    centered -= centered.mean(1, keepdims=True)
    sizes = (centered**2).sum((1, 2)) / (centered * goal).sum((1, 2))
    apart = (centered / sizes[:, None, None] - goal).reshape(HEADS, -1)
    _, singular, directions = np.linalg.svd(apart, full_matrices=False)
    variance = singular**2 / HEADS
    modes = (directions * np.sqrt(variance)[:, None])[:MODES].reshape(MODES, 68, 3)
    left = (apart.reshape(HEADS, 68, 3) ** 2).mean(0) - (modes**2).sum(0)
    rest = INFLATION * np.sqrt(np.maximum(left, 0).mean(-1))
    write_text(out, _toml(modes, rest, variance[:MODES].sum() / variance.sum()))
    console.print(f"{MODES} modes → {out}")


def _toml(modes: FloatArray, rest: FloatArray, share: float) -> str:
    """Return the text of the file for modes (M, 68, 3) and the rest (68,), cm."""

    def row(values: FloatArray) -> str:
        return ", ".join(f"{value:.3f}".replace("-0.000", "0.000") for value in values)

    points = "".join(
        "    [\n"
        + "".join("        " + ", ".join(f"[{row(each)}]" for each in mode[k : k + 4]) + ",\n" for k in range(0, 68, 4))
        + "    ],\n"
        for mode in modes
    )
    rests = "".join(f"    {row(rest[k : k + 17])},\n" for k in range(0, 68, 17))
    return f'''# How the 68 points differ between people and expressions: principal modes of one standard deviation, cm.
# Written by bench/head_variation.py.
source = """
ICT-FaceKit (USC Institute for Creative Technologies, 2020, MIT license, github.com/ICT-VGL/ICT-FaceKit): {HEADS} heads
with standard normal identity weights, each expression active in {100 * ACTIVE:.0f} % of them with uniform weights,
lines of the jaw between its two definitions; centered and scaled to the mean head's size. {MODES} modes hold
{100 * share:.0f} % of the variance."""

# Standard deviation per coordinate of what the modes leave out, cm; doubled: these errors are not independent.
rest = [
{rests}]

modes = [
{points}]
'''


if __name__ == "__main__":
    typer.run(main)
