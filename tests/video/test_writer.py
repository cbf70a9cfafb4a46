"""An .mp4 file appears completely or not at all; its frames, colors and sound are those that were written."""

import os
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from nasion.errors import OutputError
from nasion.video.reader import open_clip
from nasion.video.writer import ClipWriter
from video.video_files import (
    RATE,
    SIZE,
    av,
    copy_clip,
    difference,
    remux,
    sound_bytes,
    square_image,
    start_times,
    times,
    write,
    write_avi,
    write_with_sound,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_odd_sides_are_padded_by_repeating_the_last_row_and_column(tmp_path):
    clip = open_clip(write(tmp_path / "a.mp4", [0, 0.04], (95, 127)))
    assert clip.size == SIZE
    _, image = next(clip.frames())
    assert difference(image[:95, :127], square_image(0, (95, 127))) < 6
    assert difference(image[:, 127], image[:, 126]) < 6
    assert difference(image[95], image[94]) < 6


@pytest.mark.parametrize("size", [(95, 128), (96, 127)])
def test_only_the_odd_side_is_padded(tmp_path, size):
    assert open_clip(write(tmp_path / "a.mp4", [0, 0.04], size)).size == SIZE


def test_frames_are_marked_as_bt709(tmp_path):
    write(tmp_path / "a.mp4", times(5))
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert int(container.streams.video[0].codec_context.colorspace) == 1
    _, image = next(open_clip(tmp_path / "a.mp4").frames())
    assert difference(image[10:22, 4:12], [255, 40, 40]) < 12  # another matrix would shift red by more


def test_number_of_frames_is_counted(tmp_path):
    with ClipWriter(tmp_path / "a.mp4", SIZE, RATE) as writer:
        assert writer.count == 0
        for k in range(3):
            writer.add_frame(k / 25, square_image(k))
    assert writer.count == open_clip(tmp_path / "a.mp4").count == 3


def test_file_appears_at_the_end_only(tmp_path):
    with ClipWriter(tmp_path / "new" / "a.mp4", SIZE, RATE) as writer:
        writer.add_frame(0.0, square_image(0))
        assert not (tmp_path / "new" / "a.mp4").exists()
    assert names(tmp_path / "new") == ["a.mp4"]


def test_error_keeps_the_older_file(tmp_path):
    (tmp_path / "a.mp4").write_text("an older file")

    def fail():
        with ClipWriter(tmp_path / "a.mp4", SIZE, RATE) as writer:
            writer.add_frame(0.0, square_image(0))
            writer.add_frame(0.04, np.zeros(5, np.uint8))

    with pytest.raises(ValueError, match="ndim"):
        fail()
    assert (tmp_path / "a.mp4").read_text() == "an older file"
    assert names(tmp_path) == ["a.mp4"]


def test_ctrl_c_before_the_first_frame_keeps_the_older_file(tmp_path):
    (tmp_path / "a.mp4").write_text("an older file")
    with pytest.raises(KeyboardInterrupt), ClipWriter(tmp_path / "a.mp4", SIZE, RATE):
        raise KeyboardInterrupt
    assert (tmp_path / "a.mp4").read_text() == "an older file"
    assert names(tmp_path) == ["a.mp4"]


def test_ctrl_c_keeps_the_frames_so_far(tmp_path):
    def interrupted():
        with ClipWriter(tmp_path / "a.mp4", SIZE, RATE) as writer:
            for k in range(10):
                writer.add_frame(k / 25, square_image(k))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(list(open_clip(tmp_path / "a.mp4").frames())) == 10
    assert names(tmp_path) == ["a.mp4"]


def test_location_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"), ClipWriter(tmp_path / "taken" / "a.mp4", SIZE, RATE):
        pass
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match=r"cannot write .*folder\.mp4"):
        write(tmp_path / "folder.mp4", [0.0, 0.04])
    assert names(tmp_path) == ["folder.mp4", "taken"]


def test_size_that_the_encoder_rejects_is_one_line(tmp_path):
    with pytest.raises(OutputError, match="cannot write") as error:
        write(tmp_path / "a.mp4", [0.0], (2, 70_000))
    assert "\n" not in str(error.value)
    assert names(tmp_path) == []


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        write(tmp_path / "a.mp4", [0, 0.04])
    finally:
        os.umask(before)
    assert (tmp_path / "a.mp4").stat().st_mode & 0o777 == 0o600


def test_sound_is_copied_unchanged(tmp_path):
    clip = open_clip(write_with_sound(tmp_path / "a.mp4"))
    writer, _ = copy_clip(clip, tmp_path / "b.mp4")
    assert writer.lost_sound == ""
    assert sound_bytes(tmp_path / "b.mp4") == sound_bytes(tmp_path / "a.mp4")
    assert len(list(open_clip(tmp_path / "b.mp4").frames())) == 25


@pytest.mark.parametrize("delays", [(1.2, 0.0), (0.0, 0.7), (10.0, 9.5)])
def test_video_and_sound_stay_synchronous(tmp_path, delays):
    path = remux(write_with_sound(tmp_path / "a.mp4"), tmp_path / "b.mkv", delays=delays)
    clip = open_clip(path)
    copy_clip(clip, tmp_path / "c.mp4")
    before, after = start_times(path), start_times(tmp_path / "c.mp4")
    assert after[0] - after[1] == pytest.approx(before[0] - before[1], abs=0.03)
    assert clip.ended_early == ""


def test_sound_continues_where_a_joined_recording_restarts_its_clock(tmp_path):
    part = remux(write_with_sound(tmp_path / "a.mp4", 3.0), tmp_path / "a.ts", "mpegts")
    (tmp_path / "b.ts").write_bytes(2 * part.read_bytes())
    copy_clip(open_clip(tmp_path / "b.ts"), tmp_path / "c.mp4")
    with av.open(str(tmp_path / "c.mp4")) as container:
        sound = container.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(6.0, abs=0.4)


@pytest.mark.parametrize("channels", [1, 2])
def test_sound_without_a_channel_layout_is_kept(tmp_path, channels):
    clip = open_clip(write_avi(tmp_path / "a.avi", channels))
    writer, _ = copy_clip(clip, tmp_path / "b.mp4")
    assert writer.lost_sound == "" or "cannot hold it" in writer.lost_sound  # older FFmpeg has no PCM in .mp4
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].frames == 25
        if not writer.lost_sound:
            assert container.streams.audio[0].codec_context.channels == channels


def test_second_sound_track_is_left_out_and_reported(tmp_path):
    clip = open_clip(write_with_sound(tmp_path / "a.mkv", tracks=3))
    writer, _ = copy_clip(clip, tmp_path / "b.mp4")
    assert writer.lost_sound == "only the first of 3 sound tracks was kept"
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert len(container.streams.audio) == 1


def fake_container(layout, channels):
    context = SimpleNamespace(layout=SimpleNamespace(name=layout), channels=channels, name="pcm")
    return SimpleNamespace(streams=SimpleNamespace(audio=[SimpleNamespace(codec_context=context)]))


def test_sound_that_mp4_cannot_hold_is_left_out_and_reported(tmp_path):
    with ClipWriter(tmp_path / "a.mp4", SIZE, Fraction(25)) as writer:
        writer.add_frame(0.0, square_image(0))
        assert writer.add_sound_stream(fake_container("5 channels", 5)) is None
        assert "layout of its 5 channels" in writer.lost_sound
        writer._out = SimpleNamespace(add_stream_from_template=reject, mux=writer._out.mux, close=writer._out.close)
        assert writer.add_sound_stream(fake_container("stereo", 2)) is None
        assert writer.lost_sound == "the sound was left out: an .mp4 cannot hold it (pcm)"


def reject(_stream):
    raise ValueError("codec not supported")


def test_clip_without_sound_loses_none(tmp_path):
    writer, written = copy_clip(open_clip(write(tmp_path / "a.mp4", times(4))), tmp_path / "b.mp4")
    assert writer.lost_sound == ""
    assert written == pytest.approx(times(4), abs=1e-3)


class Packet(SimpleNamespace):
    """A sound packet with ticks of 1/100 s."""

    def __init__(self, pts, dts):
        super().__init__(pts=pts, dts=dts, duration=2, time_base=Fraction(1, 100), stream=None)


@pytest.fixture
def muxed(tmp_path):
    """A writer whose packets are collected."""
    packets = []
    with ClipWriter(tmp_path / "a.mp4", SIZE, Fraction(25)) as writer:
        out = writer._out
        writer._out = SimpleNamespace(mux=packets.append)
        yield writer, packets
        writer._out = out


def test_sound_packets_are_shifted_to_the_start_and_late_ones_dropped(muxed):
    writer, packets = muxed
    for packet in (Packet(503, 500), Packet(None, 502), Packet(490, 490), Packet(7, None), Packet(505, 504)):
        writer.add_sound_packet(packet, Fraction(3))
    assert [(packet.pts, packet.dts) for packet in packets] == [(203, 200), (202, 202), (205, 204)]


def test_damaged_sound_packet_is_left_out_and_reported(muxed):
    writer, _ = muxed

    def mux(_packet):
        raise av.error.InvalidDataError(1, "Invalid data found")

    writer._out.mux = mux
    writer.add_sound_packet(Packet(1, 1), Fraction(0))
    assert writer.lost_sound == "damaged parts of its sound were left out"


def test_full_disk_is_one_line(muxed):
    writer, _ = muxed

    def mux(_packet):
        raise av.error.OSError(28, "No space left on device")

    writer._out.mux = mux
    with pytest.raises(OutputError, match="No space left on device"):
        writer.add_sound_packet(Packet(1, 1), Fraction(0))
