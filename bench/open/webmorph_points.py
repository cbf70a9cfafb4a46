"""The 68 points of iBUG on the photographs of the Face Research Lab London set, from its 189 points.

    python bench/open/webmorph_points.py WEBMORPH_DIR ibug.csv

The 189 points of the template "FRL" are denser than iBUG's on the eyes, the nose and the lips: each of the 68 points is
one of them, or lies between neighbors. The points of the jaw divide the outline from ear to chin into equal lengths, on
the mean shape of all faces.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from nasion.geometry import FloatArray, similarity_between

COUNT = 189

INNER: dict[int, dict[int, float]] = {
    17: {71: 1}, 18: {72: 1, 83: 1}, 19: {73: 1, 84: 1}, 20: {74: 2, 84: 1}, 21: {75: 1, 76: 1},
    22: {77: 1, 78: 1}, 23: {79: 2, 85: 1}, 24: {80: 1, 85: 1}, 25: {81: 1, 86: 1}, 26: {82: 1},
    27: {50: 1, 56: 1}, 28: {51: 5, 57: 5, 52: 3, 58: 3}, 29: {52: 1, 58: 1, 53: 2, 59: 2}, 30: {54: 1, 60: 1},
    31: {63: 1, 64: 1}, 32: {64: 1, 180: 1}, 33: {55: 1}, 34: {69: 1, 181: 1}, 35: {68: 1, 69: 1},
    36: {18: 1}, 37: {19: 1, 20: 1}, 38: {20: 1, 21: 1}, 39: {22: 1}, 40: {29: 1, 30: 1}, 41: {28: 1, 29: 1},
    42: {23: 1}, 43: {24: 1, 25: 1}, 44: {25: 1, 26: 1}, 45: {27: 1}, 46: {32: 1, 33: 1}, 47: {31: 1, 32: 1},
    48: {87: 1}, 49: {88: 1}, 50: {89: 1}, 51: {90: 1}, 52: {91: 1}, 53: {92: 1}, 54: {93: 1},
    55: {108: 1}, 56: {107: 1}, 57: {106: 1}, 58: {105: 1}, 59: {104: 1},
    60: {87: 2, 94: 1}, 61: {95: 1}, 62: {96: 1}, 63: {97: 1}, 64: {93: 2, 98: 1},
    65: {102: 1}, 66: {101: 1}, 67: {100: 1},
}  # fmt: skip
"""Weights of the 189 points in each point of iBUG from 17 on."""

JAW_RIGHT = 109, 110, 111, 125, 126, 127, 128, 129
"""The outline of the face from the ear on the left of the image to the chin."""

JAW_LEFT = 112, 113, 114, 133, 132, 131, 130, 129
"""The same on the other side."""

JAW_PARTS = 8
"""Parts of equal length from ear to chin."""


def read(path: Path) -> tuple[list[str], FloatArray]:
    """Return the file names of the images and the points (N, 189, 2), px."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    columns = [f"{axis}{k}" for k in range(COUNT) for axis in "xy"]
    points = np.array([[float(row[column]) for column in columns] for row in rows])
    return [row["image"] for row in rows], points.reshape(-1, COUNT, 2)


def weights(points: FloatArray) -> FloatArray:
    """Return the weights (68, 189) of the points, no unit; the jaw is divided on the mean of points (N, 189, 2)."""
    table = np.zeros((68, COUNT))
    for point, parts in INNER.items():
        table[point, list(parts)] = np.array(list(parts.values())) / sum(parts.values())
    mean = np.mean([similarity_between(each, points[0])(each) for each in points], axis=0)
    for line, indices in ((JAW_RIGHT, range(JAW_PARTS + 1)), (JAW_LEFT, range(16, JAW_PARTS - 1, -1))):
        lengths = np.linalg.norm(np.diff(mean[list(line)], axis=0), axis=1)
        at = np.concatenate([[0], np.cumsum(lengths)]) / lengths.sum()
        for k, index in enumerate(indices):
            table[index] = 0
            share = k / JAW_PARTS
            before = min(int(np.searchsorted(at, share, side="right")) - 1, len(line) - 2)
            part = (share - at[before]) / (at[before + 1] - at[before])
            table[index, line[before]], table[index, line[before + 1]] = 1 - part, part
    return table


def main(folder: Path, out: Path) -> None:
    """Write the 68 points of all photographs as a CSV file."""
    names, points = read(folder / "keypoints.csv")
    converted = weights(points) @ points
    with out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", *(f"{axis}{k}" for k in range(68) for axis in "xy")])
        writer.writerows([name, *np.round(each.ravel(), 3)] for name, each in zip(names, converted, strict=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
