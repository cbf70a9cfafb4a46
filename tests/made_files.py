"""Small label files of every format, as their tools would write them.

Each `make_FORMAT(folder, points)` writes an image and the labels of one face in it, from keypoints (K, 2), image px,
and returns the name of the data set.
"""

import json

import numpy as np
import pytest

from nasion import images
from nasion.skeleton import load_skeleton

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


def make_ibug(folder, points, name="a"):
    picture(folder / f"{name}.png")
    rows = "\n".join(f"{x + 1:.6f} {y + 1:.6f}" for x, y in points)
    (folder / f"{name}.pts").write_text(f"version: 1\nn_points:  {len(points)}\n{{\n{rows}\n}}\n")
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


def make_json(folder, points):
    picture(folder / "a.jpg")
    face = {"face": 0, "score": None, "box": [3, 2, 23, 32], "keypoints": points.tolist()}
    face |= {"spread_px": None, "ellipses": None}
    names = list(load_skeleton("ibug-68").names)
    header = {"schema_version": 1, "nasion_version": "0.1.0", "model": None, "skeleton": "ibug-68"}
    images_ = [{"image": "a.jpg", "width": 64, "height": 48, "faces": [face]}]
    (folder / "a.json").write_text(json.dumps({**header, "point_names": names, "images": images_}))
    return f"json:{folder / 'a.json'}"


def make_csv_long(folder, points):
    picture(folder / "a.jpg")
    rows = [f"a.jpg,0,{k},{k},{x:.6f},{y:.6f},1.5" for k, (x, y) in enumerate(points)]
    (folder / "a.csv").write_text("\n".join(["image,face,point,name,x,y,spread", *rows, ""]))
    return f"csv-long:{folder / 'a.csv'}"


def make_parquet(folder, points):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    picture(folder / "a.jpg")
    numbers = {f"{axis}{k}": [value] for k, point in enumerate(points) for axis, value in zip("xy", point, strict=True)}
    parquet.write_table(arrow.table({"image": ["a.jpg"], "face": [0], **numbers}), folder / "a.parquet")
    return f"parquet:{folder / 'a.parquet'}"


def make_cvat(folder, points):
    """As CVAT exports a skeleton and a box of one group: origin at the corner of the image."""
    picture(folder / "a.jpg")
    sub = "".join(
        f'<points label="{k + 1}" outside="0" occluded="0" points="{x + 0.5:.6f},{y + 0.5:.6f}"></points>'
        for k, (x, y) in enumerate(points)
    )
    box = '<box label="face" source="manual" occluded="0" xtl="3.50" ytl="2.50" xbr="23.50" ybr="32.50" group_id="1"/>'
    (folder / "a.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta></meta>'
        '<image id="0" name="a.jpg" width="64" height="48"><skeleton label="face" source="manual" z_order="0" '
        f'group_id="1">{sub}</skeleton>{box}</image></annotations>'
    )
    return f"cvat:{folder / 'a.xml'}"


def make_labelme(folder, points):
    picture(folder / "a.jpg")
    shapes = [
        {"label": str(k), "points": [[x + 0.5, y + 0.5]], "group_id": None, "shape_type": "point", "flags": {}}
        for k, (x, y) in enumerate(points.tolist())
    ]
    corners = [[23.5, 32.5], [3.5, 2.5]]  # drawn from the lower right
    shapes.append({"label": "face", "points": corners, "group_id": None, "shape_type": "rectangle", "flags": {}})
    document = {"version": "5.2.0", "flags": {}, "shapes": shapes, "imagePath": "a.jpg", "imageData": None}
    (folder / "a.json").write_text(json.dumps(document | {"imageHeight": 48, "imageWidth": 64}))
    return f"labelme:{folder}"


def make_labelstudio(folder, points):
    picture(folder / "a.jpg")
    about = {"original_width": 64, "original_height": 48, "image_rotation": 0, "from_name": "kp", "to_name": "img"}
    result = [
        {
            "id": f"k{k}",
            "type": "keypointlabels",
            "value": {"x": (x + 0.5) / 0.64, "y": (y + 0.5) / 0.48, "width": 0.5, "keypointlabels": [str(k)]},
            **about,
        }
        for k, (x, y) in enumerate(points.tolist())
    ]
    task = {"id": 7, "data": {"image": "/data/local-files/?d=a.jpg"}, "annotations": [{"id": 1, "result": result}]}
    (folder / "a.json").write_text(json.dumps([task]))
    return f"labelstudio:{folder / 'a.json'}"


def make_yolo(folder, points):
    picture(folder / "images" / "a.jpg")
    (folder / "labels").mkdir()
    numbers = " ".join(f"{x / 64:.8f} {y / 48:.8f} 2" for x, y in points)
    (folder / "labels" / "a.txt").write_text(f"0 {13 / 64} {17 / 48} {20 / 64} {30 / 48} {numbers}\n")
    return f"yolo:{folder}"


MAKERS = {  # name of a format to its function and a count of points that it accepts
    "imm": (make_imm, 58),
    "ibug": (make_ibug, 68),
    "dlib": (make_dlib, 68),
    "wflw": (make_wflw, 98),
    "coco": (make_coco, 68),
    "csv": (make_csv, 68),
    "csv-long": (make_csv_long, 68),
    "cvat": (make_cvat, 68),
    "json": (make_json, 68),
    "labelme": (make_labelme, 68),
    "labelstudio": (make_labelstudio, 68),
    "parquet": (make_parquet, 68),
    "yolo": (make_yolo, 68),
}
