"""Names in files and tables, which are written without the slow import of `schema`."""

__all__ = ["ELLIPSE_FIELDS", "MEASUREMENTS", "SCHEMA_VERSION"]

SCHEMA_VERSION = 1
"""Version of the files' form; it increases when a field changes its name or meaning."""

ELLIPSE_FIELDS = ("semi_major_px", "semi_minor_px", "angle_deg")
"""Names of the two half axes and the angle of ellipses: the fields of `schema.Ellipses`."""

MEASUREMENTS = (
    "yaw",
    "pitch",
    "roll",
    "head_x",
    "head_y",
    "head_scale",
    "left_eye_opening",
    "left_eye_opening_gap",
    "left_eye_opening_width",
    "left_eye_open",
    "right_eye_opening",
    "right_eye_opening_gap",
    "right_eye_opening_width",
    "right_eye_open",
    "mouth_opening",
    "mouth_opening_gap",
    "mouth_opening_width",
    "mouth_open",
    "asymmetry",
)
"""Names of the measurements, in the order of tables: the fields of `schema.Measurements`."""
