"""Faces as a table of pandas."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasion.errors import ConfigError
from nasion.outputs.columns import BOX, FACE, IMAGE, SCORE, wide_columns, wide_rows
from nasion.outputs.records import PREDICTED, Content, ImageRecord, LabelSet, faces_by_image, predicted_faces
from nasion.sample import DataSet, Prediction

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["to_pandas"]

UNSIZED = 0, 0
"""(height, width) where a table does not need them, px."""

LABELED = PREDICTED | {Content.SUBJECTS, Content.SPLITS}


def to_pandas(faces: Sequence[Prediction] | DataSet, measure: bool = False) -> "DataFrame":
    """Return a pandas table with one row per face: face, score, box_x0, …, NAME_x, NAME_y, …, NAME_spread, …, image px.

    The columns are those of `nasion predict --format parquet`; for a data set, also image, subject and split.

    Args:
        faces: the faces of an image, as a `Predictor` returns them, or a data set.
        measure: whether predicted faces have columns with their measurements; see docs/how-to/measure.md.

    Raises:
        ConfigError: pandas is not installed, or measurements of a data set are requested.

    >>> import nasion
    >>> table = nasion.to_pandas(nasion.load("synthetic:2"))               # doctest: +SKIP
    >>> table[["image", "nose_5_x", "nose_5_y"]]                           # doctest: +SKIP
    """
    try:
        import pandas
    except ImportError as error:
        raise ConfigError(f"to_pandas needs pandas ({error}); pip install pandas") from None
    if measure and isinstance(faces, DataSet):
        raise ConfigError("measure=True applies to predicted faces, not to a data set; predict its images first")
    if not len(faces):
        return pandas.DataFrame(columns=pandas.Index([FACE, SCORE, *BOX]))  # the keypoints are unknown
    labels = _labels(faces, measure)
    columns = wide_columns(labels, with_spread=True)
    frame = pandas.DataFrame(wide_rows(labels, with_spread=True), columns=pandas.Index(columns))
    numbers = columns[columns.index(BOX[0]) :]
    frame = frame.astype(dict.fromkeys([SCORE, *numbers], "float64"))
    return frame if isinstance(faces, DataSet) else frame.drop(columns=IMAGE)


def _labels(faces: Sequence[Prediction] | DataSet, measure: bool) -> LabelSet:
    if isinstance(faces, DataSet):
        grouped = faces_by_image(faces.annotations)
        records = [ImageRecord(str(image), UNSIZED, inside) for image, inside in grouped.items()]
        return LabelSet(faces.skeleton, records, LABELED)
    record = ImageRecord("", UNSIZED, predicted_faces("", faces, measure))
    return LabelSet(faces[0].skeleton, [record], measured=measure)
