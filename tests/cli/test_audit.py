"""audit: the page, the values, groups from a table, and options that do not fit."""

import json

import pytest

from made_files import make_csv, make_ibug, make_json, shape

SOURCE = ("audit", "tiny", "synthetic:3?skeleton=ibug-68")


def test_page_and_values(nasion, tmp_path, read_json):
    code, out, error = nasion(*SOURCE, "--out", "deep/audit", "--faces", 2)
    assert code == 0, error
    assert "2 faces of synthetic:3" in out
    assert "low resolution" in out
    page = (tmp_path / "deep/audit/audit.html").read_text("utf-8")
    assert "nasion audit tiny" in page
    values = read_json("deep/audit/audit.json", "audit")
    assert (values["model"], values["faces"], len(values["corruptions"])) == ("tiny", 2, 15)


def test_groups_of_a_table(nasion, tmp_path, read_json):
    for name in ("a", "b"):
        make_ibug(tmp_path / "faces", shape(68), name)
    (tmp_path / "people.csv").write_text("image,sex\na.png,f\nb.png,m\n")
    options = ("--group", "sex", "--table", "people.csv")
    code, out, error = nasion("audit", "tiny", "ibug:faces", *options)
    assert code == 0, error
    assert "sex f" in out
    assert [each["group"] for each in read_json("audit/audit.json", "audit")["groups"]] == ["f", "m"]


def test_faces_that_are_all_of_the_split_are_not_divided_again(nasion, tmp_path, read_json):
    make_json(tmp_path, shape(68))
    document = json.loads((tmp_path / "a.json").read_text())
    document["images"][0]["faces"] = [face | {"split": "train"} for face in document["images"][0]["faces"] * 2]
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert nasion("audit", "tiny", "json:a.json", "--split", "train")[0] == 0
    assert read_json("audit/audit.json", "audit")["faces"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*SOURCE, "--group", "sex"), "--group needs --table FILE.csv"),
        ((*SOURCE, "--group", "sex", "--table", "none.csv"), "cannot read none.csv"),
        ((*SOURCE, "--normalizer", "eyes"), 'no normalizer "eyes"'),
        ((*SOURCE, "--mapping", "none.toml"), "cannot read the mapping none.toml"),
        (("audit", "tiny", "csv:a.csv", "--group", "age"), 'no column "age"'),
        (("audit", "tiny", "synthetic:3?skeleton=imm-58"), "imm-58"),
    ],
)
def test_options_that_do_not_fit(nasion, tmp_path, words, message):
    make_csv(tmp_path, shape(68))
    code, _, error = nasion(*words)
    assert code == 2
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "audit" / "audit.html").exists()
