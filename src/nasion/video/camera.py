"""A camera shown live in a window, with the keypoints of the faces."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from PIL import Image as PillowImage

from nasion import images
from nasion.errors import ConfigError, ImageError
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.video.process import ClipSummary, draw_faces, track_frames
from nasion.video.track import FaceTracker

__all__ = ["camera_images", "show_camera"]


def camera_images(number: int, is_wanted: Callable[[], bool] = lambda: True) -> Iterator[tuple[float, Image]]:
    """Yield the time in seconds and the image (H, W, 3) uint8 RGB of each camera frame, mirrored like a selfie view.

    Args:
        number: the camera's number, from 0.
        is_wanted: called before each frame; False ends the iteration.

    Raises:
        ImageError: the camera cannot be opened or stops delivering frames.
    """
    camera = _open_camera(number)
    try:
        if not camera.isOpened():
            raise ImageError(f"camera {number} cannot be opened; is it connected, and not used by another program?")
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # so that frames are current, not from a queue
        start = time.monotonic()
        while is_wanted():
            is_read, image = camera.read()
            if not is_read:
                raise ImageError(f"camera {number} delivers no more frames; reconnect it")
            yield time.monotonic() - start, np.ascontiguousarray(image[:, ::-1, ::-1], np.uint8)
    finally:
        camera.release()


def _open_camera(number: int) -> cv2.VideoCapture:
    """Return a camera; OpenCV's messages about a missing one are suppressed."""
    with images.quiet_opencv():
        return cv2.VideoCapture(number)


def show_camera(number: int, predictor: Predictor, smooth: str, draw_regions: bool = False) -> ClipSummary:
    """Show a camera with the keypoints of the faces until the user closes the window or presses q.

    Args:
        number: the camera's number, from 0.
        predictor: predicts the keypoints.
        smooth: strength of the smoothing, "none", "light" or "strong".
        draw_regions: whether to draw each region in its own color.

    Raises:
        ConfigError: there is no screen, tkinter is not installed, or the smoothing is unknown.
        ImageError: the camera cannot be opened or stops delivering frames.
    """
    tracker, summary = FaceTracker(predictor, smooth), ClipSummary()
    with _Window(f"nasion: camera {number}; press q to quit") as window:
        start = time.perf_counter()
        for frame in track_frames(camera_images(number, lambda: window.is_open), tracker, summary):
            window.show(draw_faces(frame, draw_regions))
            summary.seconds = time.perf_counter() - start
    return summary


class _Window:
    """A window that shows one image at a time, until the user closes it or presses q.

    Raises:
        ConfigError: there is no screen, or tkinter is not installed.
    """

    def __init__(self, title: str) -> None:
        try:
            import tkinter

            from PIL import ImageTk
        except ImportError as error:
            raise ConfigError(f"a window needs tkinter ({error}); install it, such as python3-tk") from None
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise ConfigError(f"the camera window needs a screen ({error}); run this on a desktop") from None
        self.is_open = True
        self._closed_error, self._photo = tkinter.TclError, ImageTk.PhotoImage
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", self._close)
        self._root.bind("q", self._close)
        self._label = tkinter.Label(self._root)
        self._label.pack()

    def _close(self, _event: object = None) -> None:
        self.is_open = False

    def show(self, image: Image) -> None:
        """Show an image (H, W, 3) uint8 RGB and handle the user's input."""
        self._shown = self._photo(PillowImage.fromarray(image))  # tkinter shows an image only while it is referenced
        self._label.configure(image=self._shown)
        self._root.update()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        with suppress(self._closed_error):  # the window may be gone already
            self._root.destroy()
