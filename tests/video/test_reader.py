"""Clips are read upright, with their own times, and as far as they are intact; other files are rejected in one line."""

import builtins
from fractions import Fraction

import numpy as np
import pytest

from nasion.errors import ConfigError, ImageError
from nasion.video import reader
from nasion.video.reader import Clip, open_clip
from nasion.video.writer import ClipWriter
from video.video_files import (
    ONE,
    RATE,
    SIZE,
    av,
    cut_off,
    damage,
    difference,
    remux,
    set_display_matrix,
    square_image,
    times,
    write,
    write_mp3_with_cover,
    write_with_sound,
)


@pytest.mark.parametrize("frame_times", [times(20), [0, 0.04, 0.2, 0.21, 0.5, 1.25]])
def test_every_frame_keeps_its_time(tmp_path, frame_times):
    clip = open_clip(write(tmp_path / "a.mp4", frame_times))
    read = list(clip.frames())
    assert [time_s for time_s, _ in read] == pytest.approx(frame_times, abs=1e-3)
    for k, (_, image) in enumerate(read):
        assert difference(image, square_image(k)) < 6
    assert (clip.ended_early, clip.damaged) == ("", 0)


def test_properties_come_from_the_header(tmp_path):
    clip = open_clip(write(tmp_path / "a.mp4", times(50)))
    assert clip == Clip(tmp_path / "a.mp4", SIZE, RATE, Fraction(1), 50, clip.seconds, clip.total_seconds)
    assert clip.seconds == pytest.approx(2.0, abs=0.05)
    assert clip.total_seconds == pytest.approx(2.0, abs=0.05)


def test_container_without_a_video_length_has_the_length_of_all_streams(tmp_path):
    write_with_sound(tmp_path / "a.mp4", 3.0)
    clip = open_clip(remux(tmp_path / "a.mp4", tmp_path / "b.mkv"))
    assert (clip.seconds, clip.count) == (0.0, 0)
    assert clip.total_seconds == pytest.approx(3.0, abs=0.1)


def test_damaged_packet_is_skipped_and_counted(tmp_path):
    path = write(tmp_path / "a.mp4", times(60))
    damage(path, 20)
    clip = open_clip(path)
    assert 50 <= len(list(clip.frames())) < 60
    assert clip.ended_early == ""
    assert clip.damaged >= 1


def test_damaged_first_packet_is_skipped_too(tmp_path):
    path = write(tmp_path / "a.mp4", times(300))
    damage(path, 0)
    clip = open_clip(path)
    assert clip.size == SIZE
    assert len(list(clip.frames())) >= 40
    assert clip.damaged >= 1


def test_damage_is_counted_anew_in_each_reading(tmp_path):
    path = write(tmp_path / "a.mp4", times(60))
    damage(path, 20)
    clip = open_clip(path)
    list(clip.frames())
    first = clip.damaged
    list(clip.frames())
    assert clip.damaged == first


def test_frames_larger_than_announced_are_skipped_and_counted(tmp_path, monkeypatch):
    clip = open_clip(write(tmp_path / "a.mp4", times(7)))
    monkeypatch.setattr(reader, "LARGEST_PX", SIZE[0] * SIZE[1])
    assert len(list(clip.frames())) == 7
    assert clip.damaged == 0
    monkeypatch.setattr(reader, "LARGEST_PX", SIZE[0] * SIZE[1] - 1)
    assert list(clip.frames()) == []
    assert clip.damaged == 7


def test_times_continue_where_a_joined_recording_restarts_its_clock(tmp_path):
    part = remux(write_with_sound(tmp_path / "a.mp4", 3.0), tmp_path / "a.ts", "mpegts")
    (tmp_path / "b.ts").write_bytes(2 * part.read_bytes())
    read = [time_s for time_s, _ in open_clip(tmp_path / "b.ts").frames()]
    assert len(read) >= 145
    assert np.diff(read).min() > 0.02
    assert read[-1] == pytest.approx(6.0, abs=0.3)


def test_frames_without_timestamps_start_at_zero(tmp_path):
    write(tmp_path / "a.mp4", times(10))
    read = [time_s for time_s, _ in open_clip(remux(tmp_path / "a.mp4", tmp_path / "a.h264")).frames()]
    assert read[0] == 0
    assert np.diff(read) == pytest.approx(0.04, abs=0.021)


def test_clip_with_sound_that_is_cut_off_reports_it(tmp_path):
    path = remux(write_with_sound(tmp_path / "a.mp4", 8.0), tmp_path / "b.mkv")
    whole = open_clip(path)
    assert len(list(whole.frames())) == 200
    assert whole.ended_early == ""
    clip = open_clip(cut_off(path, tmp_path / "c.mkv", 0.5))
    assert 10 < len(list(clip.frames())) < 190
    assert clip.ended_early


def test_clip_that_is_cut_off_yields_the_frames_before_the_cut(tmp_path):
    path = remux(write(tmp_path / "a.mp4", times(250)), tmp_path / "b.mkv")  # .mkv has its index in front of the data
    clip = open_clip(cut_off(path, tmp_path / "c.mkv", 0.33))
    read = list(clip.frames())
    assert 10 < len(read) < 240
    assert difference(read[9][1], square_image(9)) < 6
    assert clip.ended_early


def test_error_of_the_demuxer_is_the_reason_for_an_early_end(tmp_path):
    clip = open_clip(write(tmp_path / "a.mp4", times(5)))

    def packets():
        yield "packet"
        raise av.error.InvalidDataError(1, "Invalid data found")

    assert list(clip._packets(packets())) == ["packet"]
    assert clip.ended_early == "Invalid data found"


def test_non_square_pixels_are_reported_and_swap_when_rotated(tmp_path):
    with ClipWriter(tmp_path / "a.mp4", SIZE, RATE, Fraction(16, 11)) as writer:
        for k in range(5):
            writer.add_frame(k / 25, square_image(k))
    assert open_clip(tmp_path / "a.mp4").pixel == Fraction(16, 11)
    assert open_clip(set_display_matrix(tmp_path / "a.mp4", tmp_path / "b.mp4")).pixel == Fraction(11, 16)


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((0, ONE, 0, -ONE, 0, 0), lambda image: np.rot90(image, -1)),
        ((0, -ONE, 0, ONE, 0, 0), np.rot90),
        ((-ONE, 0, 0, 0, ONE, 0), lambda image: image[:, ::-1]),
        ((ONE, 0, 0, 0, -ONE, 0), lambda image: image[::-1]),
        ((-ONE, 0, 0, 0, -ONE, 0), lambda image: image[::-1, ::-1]),
    ],
)
def test_clip_with_a_display_matrix_is_upright(tmp_path, matrix, expected):
    clip = open_clip(set_display_matrix(write(tmp_path / "a.mp4", [0, 0.04]), tmp_path / "b.mp4", matrix))
    _, image = next(clip.frames())
    assert image.shape == (*clip.size, 3)
    assert difference(image, expected(square_image(0))) < 6


def test_name_with_a_colon_is_not_a_protocol(tmp_path):
    path = write(tmp_path / "12:30:05.mp4", [0, 0.04])
    assert len(list(open_clip(path).frames())) == 2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _path: None, "no such file"),
        (lambda path: path.mkdir(), "no such file"),
        (lambda path: path.write_bytes(b""), "not a video"),
        (lambda path: path.write_bytes(b"a diary" * 300), "not a video"),
        (lambda path: write_with_sound(path, video=False), "no video stream"),
    ],
)
def test_file_that_is_not_a_video_is_rejected_in_one_line(tmp_path, make, words):
    make(tmp_path / "a.mp4")
    with pytest.raises(ImageError, match=words) as error:
        open_clip(tmp_path / "a.mp4")
    assert "\n" not in str(error.value)
    assert "a.mp4" in str(error.value)


def test_text_is_rejected_although_ffmpeg_can_render_it(tmp_path):
    (tmp_path / "notes.txt").write_text("a diary\n" * 300)
    with pytest.raises(ImageError, match="it is text"):
        open_clip(tmp_path / "notes.txt")


def test_cover_image_is_not_a_video(tmp_path):
    write_mp3_with_cover(tmp_path / "a.mp3")
    with pytest.raises(ImageError, match="no video stream"):
        open_clip(tmp_path / "a.mp3")


def test_truncated_mp4_is_rejected_in_one_line(tmp_path):
    write(tmp_path / "a.mp4", times(50))
    with pytest.raises(ImageError, match="not a video that can be read"):  # its index was at the end
        open_clip(cut_off(tmp_path / "a.mp4", tmp_path / "b.mp4", 0.5))


def test_video_without_any_readable_frame_is_rejected(tmp_path):
    path = write(tmp_path / "a.mp4", [0, 0.04])
    damage(path, 0)
    damage(path, 1)
    with pytest.raises(ImageError, match="none of its frames"):
        open_clip(path)


@pytest.mark.parametrize(("name", "limit"), [("LARGEST_PX", SIZE[0] * SIZE[1]), ("LARGEST_SIDE", max(SIZE))])
def test_frames_up_to_the_limit_are_accepted_and_larger_ones_rejected(tmp_path, monkeypatch, name, limit):
    path = write(tmp_path / "a.mp4", [0, 0.04])
    monkeypatch.setattr(reader, name, limit)
    assert open_clip(path).size == SIZE
    monkeypatch.setattr(reader, name, limit - 1)
    with pytest.raises(ImageError, match="frames of 128 x 96 px are too large"):
        open_clip(path)


def test_missing_pyav_names_the_extra(monkeypatch, tmp_path):
    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "av":
            raise ImportError("No module named 'av'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"pip install 'nasion\[video\]'"):
        open_clip(tmp_path / "a.mp4")
