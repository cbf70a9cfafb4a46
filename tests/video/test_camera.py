"""A camera's frames are mirrored RGB; the window shows them with keypoints until the user closes it."""

import sys
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest

from nasion import images
from nasion.errors import ConfigError, ImageError
from nasion.video import camera
from nasion.video.camera import camera_images, show_camera

BGR = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


class Camera:
    """A camera that delivers a number of frames."""

    def __init__(self, count=3, is_open=True):
        self.left, self.is_open, self.settings, self.is_released = count, is_open, {}, False

    def isOpened(self):
        return self.is_open

    def set(self, key, value):
        self.settings[key] = value

    def read(self):
        self.left -= 1
        return (True, BGR) if self.left >= 0 else (False, None)

    def release(self):
        self.is_released = True


@pytest.fixture
def connect(monkeypatch):
    """Return a function that connects a camera as number 2."""

    def connect(device):
        def open_device(number):
            assert (number, images.OPENCV_LOG.getLogLevel()) == (2, 0)
            return device

        monkeypatch.setattr(cv2, "VideoCapture", open_device)
        return device

    return connect


def test_images_are_mirrored_rgb_with_increasing_times(connect):
    connect(Camera())
    frames = camera_images(2)
    (first_s, image), (second_s, _) = next(frames), next(frames)
    assert image.tolist() == [[BGR[y, 2 - x, ::-1].tolist() for x in range(3)] for y in range(2)]
    assert image.flags.c_contiguous
    assert 0 <= first_s <= second_s


def test_frames_are_not_buffered_and_the_log_level_is_restored(connect):
    device, level = connect(Camera()), images.OPENCV_LOG.getLogLevel()
    images.OPENCV_LOG.setLogLevel(3)
    try:
        next(camera_images(2))
        assert images.OPENCV_LOG.getLogLevel() == 3
    finally:
        images.OPENCV_LOG.setLogLevel(level)
    assert device.settings == {cv2.CAP_PROP_BUFFERSIZE: 1}


def test_iteration_ends_when_no_more_frames_are_wanted(connect):
    device = connect(Camera(count=9))
    answers = iter([True, True, False])
    assert len(list(camera_images(2, lambda: next(answers)))) == 2
    assert device.is_released


def test_missing_camera_is_one_line(connect):
    device = connect(Camera(is_open=False))
    with pytest.raises(ImageError, match="camera 2 cannot be opened"):
        next(camera_images(2))
    assert device.is_released


def test_camera_that_stops_is_one_line(connect):
    device = connect(Camera(count=2))
    with pytest.raises(ImageError, match="camera 2 delivers no more frames"):
        list(camera_images(2))
    assert device.is_released


class Root:
    """The parts of tkinter's window that are used; the user presses q during the third update."""

    def __init__(self):
        self.handlers, self.updates, self.is_destroyed = {}, 0, False

    def title(self, text):
        self.text = text

    def protocol(self, name, handler):
        self.handlers[name] = handler

    def bind(self, key, handler):
        self.handlers[key] = handler

    def update(self):
        self.updates += 1
        if self.updates == 3:
            self.handlers["q"](object())

    def destroy(self):
        self.is_destroyed = True
        raise TclError("application has been destroyed")


class TclError(Exception):
    pass


@pytest.fixture
def screen(monkeypatch):
    """A fake tkinter and PIL.ImageTk; collects the images that are shown."""
    screen = SimpleNamespace(root=Root(), shown=[])
    label = SimpleNamespace(pack=lambda: None, configure=lambda image: screen.shown.append(image))
    tkinter, image_tk = ModuleType("tkinter"), ModuleType("PIL.ImageTk")
    tkinter.TclError, tkinter.Tk, tkinter.Label = TclError, lambda: screen.root, lambda _root: label
    image_tk.PhotoImage = np.asarray
    monkeypatch.setitem(sys.modules, "tkinter", tkinter)
    monkeypatch.setitem(sys.modules, "PIL.ImageTk", image_tk)
    monkeypatch.setattr("PIL.ImageTk", image_tk, raising=False)
    screen.tkinter = tkinter
    return screen


class Tracker:
    """A tracker that finds no face."""

    detector_runs = 1

    def __init__(self, predictor, smooth):
        assert (predictor, smooth) == ("predictor", "strong")

    def __call__(self, _image, _time_s):
        return ()


def test_frames_are_shown_until_q_is_pressed(connect, screen, monkeypatch):
    device = connect(Camera(count=9))
    monkeypatch.setattr(camera, "FaceTracker", Tracker)
    summary = show_camera(2, "predictor", "strong")
    assert (summary.frames, summary.frames_by_face, len(screen.shown)) == (3, {}, 3)
    assert screen.shown[0].tolist() == BGR[:, ::-1, ::-1].tolist()
    assert summary.seconds > 0
    assert "camera 2" in screen.root.text
    assert device.is_released
    assert screen.root.is_destroyed


def test_closing_the_window_ends_too(connect, screen, monkeypatch):
    connect(Camera(count=9))
    monkeypatch.setattr(camera, "FaceTracker", Tracker)
    screen.root.update = lambda: screen.root.handlers["WM_DELETE_WINDOW"]()
    assert show_camera(2, "predictor", "strong").frames == 1


def test_faces_are_drawn(connect, screen, monkeypatch):
    connect(Camera())
    monkeypatch.setattr(camera, "FaceTracker", Tracker)
    monkeypatch.setattr(camera, "draw_faces", lambda frame: frame.image + np.uint8(100))
    show_camera(2, "predictor", "strong")
    assert screen.shown[0].tolist() == (BGR[:, ::-1, ::-1] + 100).tolist()


def test_window_is_closed_after_an_error(connect, screen, monkeypatch):
    connect(Camera(count=1))
    monkeypatch.setattr(camera, "FaceTracker", Tracker)
    with pytest.raises(ImageError, match="no more frames"):
        show_camera(2, "predictor", "strong")
    assert screen.root.is_destroyed


def test_missing_screen_is_one_line(screen, monkeypatch):
    def no_screen():
        raise TclError("no display name")

    monkeypatch.setattr(camera, "FaceTracker", Tracker)
    screen.tkinter.Tk = no_screen
    with pytest.raises(ConfigError, match=r"needs a screen \(no display name\)"):
        show_camera(2, "predictor", "strong")


def test_missing_tkinter_is_one_line(monkeypatch):
    monkeypatch.setattr(camera, "FaceTracker", Tracker)
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(ConfigError, match="python3-tk"):
        show_camera(2, "predictor", "strong")
