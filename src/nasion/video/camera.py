"""A camera in a window: its pictures as they come, with the faces' points."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import cv2
import numpy as np
from PIL import Image as PillowImage

from nasion.errors import ConfigError, ImageError
from nasion.predict.predictor import Predictor
from nasion.sample import Image
from nasion.video.process import ClipSummary, drawn, followed
from nasion.video.track import FaceTracker

__all__ = ["camera_pictures", "show_camera"]

SILENT = 0


def camera_pictures(number: int, goes_on: Callable[[], bool] = lambda: True) -> Iterator[tuple[float, Image]]:
    """Yield a camera's pictures (H, W, 3) uint8 RGB with their times in seconds, mirrored as people know themselves.

    Raises:
        ImageError: there is no such camera.
    """
    level = cv2.getLogLevel()
    cv2.setLogLevel(SILENT)  # what is wrong is said in one line
    try:
        camera = cv2.VideoCapture(number)
    finally:
        cv2.setLogLevel(level)
    try:
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what is shown is now, and not what has waited
        if not camera.isOpened():
            raise ImageError(f"camera {number} cannot be opened; is it there, and no other program using it?")
        began = time.monotonic()
        while goes_on():
            there, picture = camera.read()
            if not there:
                raise ImageError(f"camera {number} gives no more pictures")
            yield time.monotonic() - began, np.ascontiguousarray(picture[:, ::-1, ::-1], np.uint8)
    finally:
        camera.release()


def show_camera(number: int, predictor: Predictor, smooth: str) -> ClipSummary:
    """Show a camera with the faces' points until the window is closed or q is pressed.

    Raises:
        ConfigError: there is no screen to show it on.
        ImageError: there is no such camera.
    """
    try:
        import tkinter

        from PIL import ImageTk
    except ImportError as error:
        raise ConfigError(f"a window needs tkinter ({error}); install it, such as python3-tk") from None
    try:
        window = tkinter.Tk()
    except tkinter.TclError as error:
        raise ConfigError(f"a camera is shown in a window, and there is no screen ({error})") from None
    open_still = True

    def close(_event: object = None) -> None:
        nonlocal open_still
        open_still = False

    window.title(f"nasion: camera {number}; q ends")
    window.protocol("WM_DELETE_WINDOW", close)
    window.bind("q", close)
    label = tkinter.Label(window)
    label.pack()
    story, began = ClipSummary(), time.perf_counter()
    try:
        for frame in followed(camera_pictures(number, lambda: open_still), FaceTracker(predictor, smooth), story):
            shown = ImageTk.PhotoImage(PillowImage.fromarray(drawn(frame)))
            label.configure(image=shown)
            window.update()
            story.seconds = time.perf_counter() - began
    finally:
        with suppress(tkinter.TclError):  # it may be gone already
            window.destroy()
    return story
