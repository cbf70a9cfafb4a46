"""Commands for labeled faces: get, doctor, show, convert, heads, formats, and new skeletons."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from nasion.atomic import ensure_writable, no_empty_folders, write_text
from nasion.cli.options import (
    DataArgument,
    SetOption,
    data_formats,
    make_predictor,
    require_training_extra,
    write_new,
)
from nasion.cli.screen import REPORTER, counted, notice, say
from nasion.errors import ConfigError, DownloadError, suggest
from nasion.predict import model_zoo

__all__ = ["convert", "doctor", "formats", "get", "heads", "new_skeleton", "show"]

NO_MODEL = "none"
"""Value of --model that leaves out the second opinion."""


def _gettable() -> list[str]:
    """Return what `get` downloads: datasets, then models that are not in the package."""
    return ["imm", "300w", "ict-facekit", *model_zoo.downloadable()]


def get(
    name: Annotated[
        str,
        typer.Argument(help=", ".join(_gettable()), metavar="NAME", autocompletion=_gettable),
    ],
    folder: Annotated[
        Path | None, typer.Argument(help="target folder; models go into the cache", metavar="FOLDER")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="download from here instead, such as from a mirror", metavar="URL")
    ] = None,
    archive: Annotated[Path | None, typer.Option(help="use this file instead of the network", metavar="FILE")] = None,
) -> None:
    """Download a dataset or a model, show its terms, and verify it.

    Examples:
        nasion get imm data/imm
        nasion get 300w data/300w --archive 300w.zip
        nasion get ict-facekit data/ict-facekit
    """
    if name in model_zoo.downloadable():
        _get_model(name, folder, url, archive)
        return
    from nasion.datasets import download

    if folder is None:
        if name not in download.SOURCES:
            raise DownloadError(f'no data set or model "{name}" to get; {suggest(name, _gettable())}')
        raise ConfigError(f"name the folder for the dataset, such as: nasion get {name} data/{name}")
    with no_empty_folders(folder):
        spec = download.get(name, folder, REPORTER, [url] if url else None, archive)
    say(f"next: nasion doctor {quote(spec)}")


def _get_model(name: str, folder: Path | None, url: str | None, file: Path | None) -> None:
    """Download a model into the cache, after showing its terms.

    Raises:
        ConfigError: a folder is named.
    """
    if folder is not None:
        raise ConfigError(f"models are downloaded into the cache; omit {folder}")
    say(f"terms: {model_zoo.card(name)['terms']}")
    path = model_zoo.download(name, url, file)
    say(f"{name} ({path.stat().st_size / 1e6:.1f} MB) → {path}")
    say(f"next: nasion predict PHOTOS --model {name}")


def doctor(
    data: DataArgument,
    out: Annotated[Path, typer.Option(help="folder for findings.png and findings.csv", metavar="FOLDER")] = Path(
        "doctor"
    ),
    model: Annotated[
        str, typer.Option(help="the model that gives a second opinion, or none", metavar="MODEL")
    ] = model_zoo.DEFAULT,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="also write the findings here", metavar="FILE")
    ] = None,
) -> None:
    """Check labels: origin, sides, outliers, near-duplicates, leaks.

    Examples:
        nasion doctor imm:data/imm
        nasion doctor 'csv:faces.csv?skeleton=mine.toml' --model none
    """
    from nasion import datasets
    from nasion.doctor import examine, table_rows, to_json, write_files

    if json_file is not None and json_file.is_dir():
        raise ConfigError(f"{json_file} is a folder; name a file")
    predictor = None if model == NO_MODEL else make_predictor(model, None)
    faces = datasets.load(data)
    for folder in (out, *([json_file.parent] if json_file else [])):
        ensure_writable(folder)
    examination = examine(faces, REPORTER, predictor)
    title = f"{examination.faces.name} · {examination.faces.skeleton.name}"
    REPORTER.table(title, ("check", "verdict", "finding"), table_rows(examination))
    picture, table = write_files(examination, out)
    if json_file is not None:
        write_text(json_file, to_json(examination))
    alarms = counted(len(examination.alarms), "check")
    say(f"{alarms} found something; the faces: {picture}; every file: {table}")


def show(
    data: DataArgument,
    recipe: Annotated[
        str | None,
        typer.Option(help="draw the augmented crops that this recipe trains on", metavar="RECIPE"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=200, help="number of faces", metavar="COUNT")] = 12,
    out: Annotated[Path, typer.Option(help="the image to write", metavar="FILE")] = Path("show.png"),
    settings: SetOption = None,
) -> None:
    """Draw labeled faces, or the crops that a network trains on.

    Examples:
        nasion show synthetic:24
        nasion show imm:data/imm --recipe danes --set augment.rotation_deg=30
    """
    from nasion import datasets, draw, images

    faces = datasets.load(data)
    if recipe is None:
        sheet = draw.faces_sheet(faces, count)
    else:
        require_training_extra()
        from nasion.train import config
        from nasion.train.data.preview import crops_sheet

        sheet, problems = crops_sheet(config.load(recipe, settings or (), [data]), faces, count)
        for problem in problems:
            REPORTER.warn(f"skipped {problem.name}: {problem.reason}")
    images.write(out, sheet)
    say(f"{min(count, len(faces))} of {len(faces)} faces → {out}")


def convert(
    source: Annotated[
        str, typer.Argument(help='the labels, "format:source"', metavar="SOURCE", autocompletion=data_formats)
    ],
    target: Annotated[
        str,
        typer.Argument(
            help='what to write, "format:file" or "format:folder"', metavar="TARGET", autocompletion=data_formats
        ),
    ],
    skeleton: Annotated[
        str | None,
        typer.Option(help="keep the points of this skeleton, which states where they are", metavar="SKELETON"),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="choose the points with a mapping instead", metavar="NAME|FILE.toml")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="refuse a target that does not store everything")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace existing files")] = False,
) -> None:
    """Write labels in another format; list what it does not store.

    Examples:
        nasion convert dlib:faces.xml coco:faces.json
        nasion convert imm:data/imm csv:nose.csv --skeleton nose-1
    """
    from nasion.datasets.convert import convert as write

    done = write(source, target, skeleton, mapping, strict, overwrite, REPORTER)
    if done.new_folder:
        notice(f"created the folder {done.new_folder}")
    if done.problems:
        count = counted(done.problems, "face")
        REPORTER.warn(f"skipped {count} that cannot be read; nasion doctor {source} lists the reasons")
    if done.lost:
        REPORTER.warn(done.lost)
    say(f"{counted(done.faces, 'face')} in {counted(done.images, 'image')} → {target}")


def heads(
    out: Annotated[Path, typer.Argument(help="target folder", metavar="OUT")],
    count: Annotated[int, typer.Option(help="number of heads", metavar="N", min=1)] = 1000,
    assets: Annotated[
        Path, typer.Option(help="the head model that nasion get ict-facekit downloads", metavar="FILE")
    ] = Path("data/ict-facekit/ict_facekit.npz"),
    seed: Annotated[int, typer.Option(help="which heads", metavar="N", min=0)] = 0,
    size: Annotated[int, typer.Option(help="height and width of the images, px", metavar="PX", min=32, max=1024)] = 256,
    skeleton: Annotated[str, typer.Option(help="the points to label", metavar="SKELETON")] = "ibug-68",
    backgrounds: Annotated[
        Path | None, typer.Option(help="a folder of photographs that show no faces", metavar="FOLDER")
    ] = None,
    transparent: Annotated[bool, typer.Option("--transparent", help="no backgrounds: PNG files with opacity")] = False,
    processes: Annotated[int, typer.Option(help="number of processes", metavar="N", min=1)] = 1,
) -> None:
    """Render heads with exact keypoints; an interrupted run is resumed.

    Examples:
        nasion heads data/heads --count 20000
        nasion heads data/heads --count 20000 --backgrounds photos --processes 8
    """
    try:
        from nasion.datasets.rendered.files import HeadJob, write_heads
    except ImportError as error:
        raise ConfigError(f"rendered heads need numba ({error}); pip install 'nasion[render]'") from None

    job = HeadJob(assets, seed, size, skeleton, backgrounds, transparent)
    target = write_heads(out, count, job, processes, REPORTER)
    say(f"{counted(count, 'head')} → {target}")
    say(f"next: nasion show coco:{target}")


def formats() -> None:
    """List the formats of labels and their options.

    Examples:
        nasion formats
    """
    from nasion import datasets

    for name in datasets.available():
        module = datasets.module(name)
        say(module.DESCRIPTION)
        for option, text in module.OPTIONS.items():
            say(f"    ?{option}=  {text}")
    say("all formats")
    for option, text in datasets.COMMON_OPTIONS.items():
        say(f"    ?{option}=  {text}")


def new_skeleton(
    file: Annotated[Path, typer.Argument(help="the file to write", metavar="FILE.toml")],
    names: Annotated[
        str | None,
        typer.Option(
            help="names of the points, in order; left and right make the flip map; default: five points",
            metavar="A,B,C",
        ),
    ] = None,
) -> None:
    """Write a skeleton file with comments, from the names of its points.

    Examples:
        nasion new skeleton mine.toml
        nasion new skeleton mine.toml --names left_eye,right_eye,nose
    """
    from nasion.datasets.new_skeleton import FIVE_POINTS, skeleton_text

    points = FIVE_POINTS if names is None else [name.strip() for name in names.split(",")]
    write_new(file, lambda: skeleton_text(file.stem, points))
    say(f"next: nasion doctor 'csv:FACES.csv?skeleton={file}'")
