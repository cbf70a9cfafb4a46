"""Small label files of every format, as their tools would write them.

Each `make_FORMAT(folder, points)` writes an image and the labels of one face in it, from keypoints (K, 2), image px,
and returns the name of the data set.
"""

import json

import numpy as np

from nasion import images

SIZE = (48, 64)
"""(height, width) of the images, px."""


def picture(path):
    """Write a gray image and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images.write(path, np.full((*SIZE, 3), 90, np.uint8))


def shape(count):
    """Return random keypoints (K, 2) inside the image, px; the same for the same count."""
    return np.random.default_rng(count).uniform(4, 40, (count, 2))


def make_imm(folder, points):
    picture(folder / "07-3m.jpg")
    rows = [f"0 \t4\t{x / 64:.8f} {y / 48:.8f}\t{k}\t0 1" for k, (x, y) in enumerate(points)]
    (folder / "07-3m.asf").write_text("\n".join(["# a comment", "", str(len(points)), "#", *rows, "", "07-3m.jpg", ""]))
    return f"imm:{folder}"


def make_ibug(folder, points):
    picture(folder / "a.png")
    rows = "\n".join(f"{x + 1:.6f} {y + 1:.6f}" for x, y in points)
    (folder / "a.pts").write_text(f"version: 1\nn_points:  {len(points)}\n{{\n{rows}\n}}\n")
    return f"ibug:{folder}"


def make_dlib(folder, points):
    picture(folder / "a.jpg")
    parts = "".join(f"<part name='{k:02}' x='{x:.6f}' y='{y:.6f}'/>" for k, (x, y) in reversed(list(enumerate(points))))
    box = "<box top='2' left='3' width='20' height='30'"
    (folder / "a.xml").write_text(
        f"<?xml version='1.0' encoding='ISO-8859-1'?><dataset><images><image file='a.jpg'>{box}>{parts}</box>"
        f"{box} ignore='1'/></image></images></dataset>"
    )
    return f"dlib:{folder / 'a.xml'}"


def make_wflw(folder, points):
    picture(folder / "WFLW_images" / "x" / "a.jpg")
    numbers = " ".join(f"{v:.6f}" for v in points.ravel())
    (folder / "list_test.txt").write_text(f"{numbers} 3 2 23 32 0 0 0 0 0 0 x/a.jpg\n")
    return f"wflw:{folder / 'list_test.txt'}"


def make_coco(folder, points):
    picture(folder / "a.jpg")
    keypoints = np.column_stack([points, np.full(len(points), 2)]).ravel().tolist()
    entry = {"id": 5, "image_id": 1, "keypoints": keypoints, "bbox": [3, 2, 20, 30]}
    document = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [entry], "categories": []}
    (folder / "a.json").write_text(json.dumps(document))
    return f"coco:{folder / 'a.json'}"


def make_csv(folder, points):
    picture(folder / "a.jpg")
    header = ",".join(["image", *(f"{axis}{k}" for k in range(len(points)) for axis in "xy")])
    (folder / "a.csv").write_text(f"{header}\na.jpg,{','.join(f'{v:.6f}' for v in points.ravel())}\n")
    return f"csv:{folder / 'a.csv'}"


MAKERS = {  # name of a format to its function and a count of points that it accepts
    "imm": (make_imm, 58),
    "ibug": (make_ibug, 68),
    "dlib": (make_dlib, 68),
    "wflw": (make_wflw, 98),
    "coco": (make_coco, 68),
    "csv": (make_csv, 68),
}
