"""Packing and reading the head model: damaged, wrong and complete files."""

import numpy as np
import pytest

from nasion.datasets import head_model
from nasion.errors import AnnotationError, DownloadError

VERTICES, FACES, CORNERS = 5, 2, 6


@pytest.fixture
def small(monkeypatch):
    """Make the head model a small one."""
    shapes = {
        "neutral": (VERTICES, 3),
        "faces": (FACES, 4),
        "uv": (CORNERS, 2),
        "uv_faces": (FACES, 4),
        "material": (FACES,),
        "materials": (2,),
        "identity": (2, VERTICES, 3),
        "expression": (1, VERTICES, 3),
        "expressions": (1,),
    }
    monkeypatch.setattr(head_model, "SHAPES", shapes)
    monkeypatch.setattr(head_model, "VERTICES", VERTICES)


def mesh(offset):
    lines = [f"v {k + offset:.6f} {-k:.6f} 0.25" for k in range(VERTICES)]
    lines += [f"vt {k / 10} 0.5" for k in range(CORNERS)]
    return "\n".join([*lines, "usemtl M_Teeth", "f 1/1 2/2 3/3 4/4", "usemtl M_Face", "f 1/1 4/5 5/6", ""])


@pytest.fixture
def unpacked(tmp_path, small):
    """Return a folder with a small repository."""
    folder = tmp_path / "repository" / "ICT-FaceKit-master" / "FaceXModel"
    folder.mkdir(parents=True)
    for name, offset in (("generic_neutral_mesh", 0), ("identity000", 1), ("identity001", 0.5), ("jawOpen", 0.125)):
        (folder / f"{name}.obj").write_text(mesh(offset))
    return tmp_path / "repository"


def test_packed_meshes_are_read(unpacked, tmp_path):
    head_model.pack(unpacked, tmp_path / "x.npz")
    found = head_model.read_arrays(tmp_path / "x.npz")
    assert found["faces"].tolist() == [[0, 1, 2, 3], [0, 3, 4, -1]]
    assert found["uv_faces"].tolist() == [[0, 1, 2, 3], [0, 4, 5, -1]]
    assert [found["materials"][k] for k in found["material"]] == ["M_Teeth", "M_Face"]
    assert found["neutral"][3].tolist() == [3, -3, 0.25]
    assert found["identity"][:, 2].tolist() == [[1, 0, 0], [0.5, 0, 0]]
    assert found["expression"].dtype == np.float16
    assert found["expressions"].tolist() == ["jawOpen"]
    with pytest.raises(DownloadError, match="not the known version of ICT-FaceKit"):
        head_model.check_content(tmp_path / "x.npz")


def test_other_archives_are_one_line(unpacked, tmp_path):
    with pytest.raises(DownloadError, match=r"holds no FaceXModel/generic_neutral_mesh\.obj"):
        head_model.pack(tmp_path / "x", tmp_path / "x.npz")
    mesh_file = next(unpacked.rglob("identity001.obj"))
    mesh_file.write_text("v 1 2 3\n")
    with pytest.raises(DownloadError, match=r"identity001.obj: 1 vertices, not 5"):
        head_model.pack(unpacked, tmp_path / "x.npz")
    mesh_file.write_text("v 1 2 x\n")
    with pytest.raises(DownloadError, match=r"identity001.obj: damaged"):
        head_model.pack(unpacked, tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"neutral": np.zeros((4, 3), np.float32)}, r"neutral has the shape \(4, 3\), not \(5, 3\)"),
        ({"uv": np.full((6, 2), np.nan, np.float32)}, "uv holds values that are not finite numbers"),
        ({"identity": np.zeros((2, 5, 3), int)}, "identity holds values that are not finite numbers"),
        ({"faces": np.full((2, 4), 9)}, "faces holds values outside -1 to 4"),
        ({"material": np.full(2, 200)}, "material holds values outside 0 to 11"),
    ],
)
def test_wrong_arrays_are_one_line(unpacked, tmp_path, changed, reason):
    head_model.pack(unpacked, tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as file:
        np.savez(tmp_path / "y.npz", **{name: file[name] for name in file.files} | changed)
    with pytest.raises(AnnotationError, match=reason + "; `nasion get ict-facekit FOLDER`"):
        head_model.read_arrays(tmp_path / "y.npz")


def test_damaged_files_are_one_line(unpacked, tmp_path):
    with pytest.raises(AnnotationError, match="no such file with the head model; `nasion get"):
        head_model.read_arrays(tmp_path / "x.npz")
    head_model.pack(unpacked, tmp_path / "x.npz")
    whole = (tmp_path / "x.npz").read_bytes()
    for content in (
        b"",
        whole[: len(whole) // 2],
        b"PK\x03\x04" + bytes(200),
        b"text",
        np.random.default_rng(0).bytes(99),
    ):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(AnnotationError, match="not the head model of ICT-FaceKit") as caught:
            head_model.read_arrays(tmp_path / "x.npz")
        assert "\n" not in str(caught.value)
    np.savez(tmp_path / "x.npz", neutral=np.zeros((5, 3)))
    with pytest.raises(AnnotationError, match="not the head model of ICT-FaceKit"):
        head_model.read_arrays(tmp_path / "x.npz")


def test_the_known_file_is_accepted(real):
    assert head_model.check_content(real("ict_facekit.npz")).endswith("content verified")
