"""Measurements of faces, each with a standard error: pose, eyes, mouth, aligned crops, distances.

>>> face, = nasion.Predictor()("me.jpg")                            # doctest: +SKIP
>>> face.pose.yaw, face.eyes.left.ratio, face.mouth.is_open         # doctest: +SKIP
(12.3 ± 1.1 °, 0.31 ± 0.04, False)

propagation.py   standard errors from the points' ellipses    templates.py     where points belong in a crop
camera.py        axes, angles, projections                    crops.py         aligned crops
heads.py         3-D points and their variation               definitions.py   what to measure
pose.py          yaw, pitch, roll, place and scale            distances.py     distances, angles, ratios, symmetry
openings.py      eyes and mouth                               table.py         all measurements by name
                                                              events.py        blinks and yawns in a clip
"""

from nasion.measure.crops import BORDERS, Crop, align, crop
from nasion.measure.definitions import Definitions, build_definitions, default_definitions, read_definitions
from nasion.measure.distances import asymmetry, check_known, measure_definitions
from nasion.measure.events import Event, EventDetector
from nasion.measure.openings import Eyes, Opening, eyes, mouth
from nasion.measure.pose import Pose, pose
from nasion.measure.table import measurement_rows, measurements
from nasion.measure.templates import Template, load_template
from nasion.uncertainty import Measured

__all__ = [
    "BORDERS",
    "Crop",
    "Definitions",
    "Event",
    "EventDetector",
    "Eyes",
    "Measured",
    "Opening",
    "Pose",
    "Template",
    "align",
    "asymmetry",
    "build_definitions",
    "check_known",
    "crop",
    "default_definitions",
    "eyes",
    "load_template",
    "measure_definitions",
    "measurement_rows",
    "measurements",
    "mouth",
    "pose",
    "read_definitions",
]
