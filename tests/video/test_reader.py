"""Video files: times, sizes, rotation and sound go through; what is broken is one line, and nothing is half-written."""

import os
import struct
from fractions import Fraction

import numpy as np
import pytest

from nasion.errors import ConfigError, ImageError, OutputError
from nasion.video.reader import Writer, open_clip

av = pytest.importorskip("av")

SIZE = (96, 128)
RATE = Fraction(25)


def picture(k, size=SIZE):
    """A bright square that moves right, on a ramp from dark at the left to bright at the right."""
    image = np.repeat(np.linspace(20, 200, size[1])[None], size[0], 0).astype(np.uint8)
    image = np.repeat(image[..., None], 3, 2)
    image[8:24, 4 * k % 90 : 4 * k % 90 + 16] = [255, 40, 40]
    return image


def write(path, times, size=SIZE):
    with Writer(path, size, RATE) as writer:
        for k, time_s in enumerate(times):
            writer.add(time_s, picture(k, size))
    return path


def with_sound(path, seconds=1.0, video=True):
    """Write a clip with a tone, and pictures or none."""
    with av.open(str(path), "w", format="mp4") as out:
        sound = out.add_stream("aac", rate=16000)
        pictures = out.add_stream("libx264", rate=25) if video else None
        if pictures is not None:
            pictures.height, pictures.width, pictures.pix_fmt = *SIZE, "yuv420p"
            for k in range(int(25 * seconds)):
                frame = av.VideoFrame.from_ndarray(picture(k), format="rgb24")
                for packet in pictures.encode(frame):
                    out.mux(packet)
            for packet in pictures.encode(None):
                out.mux(packet)
        tone = (8000 * np.sin(np.arange(int(16000 * seconds)) / 10)).astype(np.int16)
        for start in range(0, len(tone), 1024):
            block = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
            block.sample_rate, block.pts = 16000, start
            for packet in sound.encode(block):
                out.mux(packet)
        for packet in sound.encode(None):
            out.mux(packet)
    return path


def sound_bytes(path):
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return b"".join(bytes(packet) for packet in container.demux(stream) if packet.size)


@pytest.mark.parametrize("times", [[k / 25 for k in range(20)], [0, 0.04, 0.2, 0.21, 0.5, 1.25]])
def test_every_frame_keeps_its_time(tmp_path, times):
    clip = open_clip(write(tmp_path / "a.mp4", times))
    read = list(clip.frames())
    assert [time_s for time_s, _ in read] == pytest.approx(times, abs=1e-3)
    assert clip.size == SIZE
    assert clip.ended_early == ""
    for k, (_, image) in enumerate(read):
        assert np.abs(image.astype(int) - picture(k)).mean() < 6


def test_odd_sides_are_padded(tmp_path):
    clip = open_clip(write(tmp_path / "a.mp4", [0, 0.04], (95, 127)))
    assert clip.size == SIZE
    _, image = next(clip.frames())
    assert np.abs(image[:95, :127].astype(int) - picture(0, (95, 127))).mean() < 6


def test_the_sound_is_the_same(tmp_path):
    clip = open_clip(with_sound(tmp_path / "a.mp4"))
    with Writer(tmp_path / "b.mp4", clip.size, clip.rate) as writer:
        for time_s, image in clip.frames(writer):
            writer.add(time_s, image)
    assert sound_bytes(tmp_path / "b.mp4") == sound_bytes(tmp_path / "a.mp4")
    assert len(list(open_clip(tmp_path / "b.mp4").frames())) == 25


def shifted(path, out, pictures_s, sound_s):
    """Copy a clip with its pictures and its sound begun later."""
    with av.open(str(path)) as source, av.open(str(out), "w") as copy:
        streams = {each: copy.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                delay = pictures_s if packet.stream.type == "video" else sound_s
                packet.pts += round(delay / packet.time_base)
                packet.dts += round(delay / packet.time_base)
                packet.stream = streams[packet.stream]
                copy.mux(packet)
    return out


def starts(path):
    with av.open(str(path)) as container:
        return [
            float(each.start_time * each.time_base) for each in (container.streams.video[0], container.streams.audio[0])
        ]


@pytest.mark.parametrize(("pictures_s", "sound_s"), [(1.2, 0.0), (0.0, 0.7), (10.0, 9.5)])
def test_pictures_and_sound_stay_together(tmp_path, pictures_s, sound_s):
    path = shifted(with_sound(tmp_path / "a.mp4"), tmp_path / "b.mkv", pictures_s, sound_s)
    before = starts(path)
    clip = open_clip(path)
    with Writer(tmp_path / "c.mp4", clip.size, clip.rate) as writer:
        for time_s, image in clip.frames(writer):
            writer.add(time_s, image)
    after = starts(tmp_path / "c.mp4")
    assert after[0] - after[1] == pytest.approx(before[0] - before[1], abs=0.03)
    assert clip.ended_early == ""


def test_a_damaged_part_is_left_out_and_counted(tmp_path):
    path = write(tmp_path / "a.mp4", [k / 25 for k in range(60)])
    with av.open(str(path)) as source:
        packets = [(packet.pos, packet.size) for packet in source.demux() if packet.size]
    content = bytearray(path.read_bytes())
    start, size = packets[20]
    content[start : start + size] = b"\xff" * size
    path.write_bytes(content)
    clip = open_clip(path)
    assert len(list(clip.frames())) >= 50
    assert clip.ended_early == ""
    assert clip.damaged >= 1


def test_a_damaged_beginning_is_left_out_too(tmp_path):
    path = write(tmp_path / "a.mp4", [k / 25 for k in range(300)])
    with av.open(str(path)) as source:
        start, size = next((packet.pos, packet.size) for packet in source.demux() if packet.size)
    content = bytearray(path.read_bytes())
    content[start : start + size] = b"\xff" * size
    path.write_bytes(content)
    clip = open_clip(path)
    assert clip.size == SIZE
    assert len(list(clip.frames())) >= 40
    assert clip.damaged >= 1


def joined(path, parts, name="mpegts"):
    """Write recordings one after the other, as cameras do that begin their clock anew."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def in_stream(path, out):
    with av.open(str(path)) as source, av.open(str(out), "w", format="mpegts") as copy:
        streams = {each: copy.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                copy.mux(packet)
    return out


def test_a_clock_that_begins_anew_goes_on(tmp_path):
    part = in_stream(with_sound(tmp_path / "a.mp4", 3.0), tmp_path / "a.ts")
    path = joined(tmp_path / "b.ts", [part, part])
    clip = open_clip(path)
    with Writer(tmp_path / "c.mp4", clip.size, clip.rate) as writer:
        times = []
        for time_s, image in clip.frames(writer):
            times.append(time_s)
            writer.add(time_s, image)
    assert len(times) >= 145
    assert np.diff(times).min() > 0.02
    assert times[-1] == pytest.approx(6.0, abs=0.3)
    with av.open(str(tmp_path / "c.mp4")) as done:
        sound = done.streams.audio[0]
        assert float(sound.duration * sound.time_base) == pytest.approx(6.0, abs=0.4)


def test_frames_without_times_begin_at_nought(tmp_path):
    with av.open(str(write(tmp_path / "a.mp4", [k / 25 for k in range(10)]))) as source:
        copy = av.open(str(tmp_path / "a.h264"), "w", format="h264")
        stream = copy.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                copy.mux(packet)
        copy.close()
    times = [time_s for time_s, _ in open_clip(tmp_path / "a.h264").frames()]
    assert times[0] == 0
    assert np.diff(times) == pytest.approx(0.04, abs=0.021)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_sound_of_old_cameras_is_kept(tmp_path, channels):
    """An .avi says how many channels it has, and not which."""
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(str(tmp_path / "a.avi"), "w") as out:
        pictures = out.add_stream("mjpeg", rate=25)
        pictures.height, pictures.width, pictures.pix_fmt = *SIZE, "yuvj420p"
        sound = out.add_stream("pcm_s16le", rate=16000, layout=layout)
        for k in range(25):
            for packet in pictures.encode(av.VideoFrame.from_ndarray(picture(k), format="rgb24")):
                out.mux(packet)
            tone = np.zeros((1, 640 * channels), np.int16) + 1000
            block = av.AudioFrame.from_ndarray(tone, format="s16", layout=layout)
            block.sample_rate, block.pts = 16000, 640 * k
            for packet in sound.encode(block):
                out.mux(packet)
    clip = open_clip(tmp_path / "a.avi")
    with Writer(tmp_path / "b.mp4", clip.size, clip.rate) as writer:
        for time_s, image in clip.frames(writer):
            writer.add(time_s, image)
    assert writer.lost_sound == "" or "cannot hold it" in writer.lost_sound
    with av.open(str(tmp_path / "b.mp4")) as done:
        assert done.streams.video[0].frames == 25
        if not writer.lost_sound:
            assert done.streams.audio[0].codec_context.channels == channels


def test_colors_and_pixels_that_are_not_square_are_told(tmp_path):
    with Writer(tmp_path / "a.mp4", SIZE, RATE, Fraction(16, 11)) as writer:
        for k in range(5):
            writer.add(k / 25, picture(k))
    clip = open_clip(tmp_path / "a.mp4")
    assert clip.pixel == Fraction(16, 11)
    with av.open(str(tmp_path / "a.mp4")) as done:
        assert int(done.streams.video[0].codec_context.colorspace) == 1  # BT.709, as players take HD to be
    _, image = next(clip.frames())
    assert np.abs(image.astype(int) - picture(0)).mean() < 6
    assert open_clip(turned(tmp_path / "a.mp4", tmp_path / "b.mp4")).pixel == Fraction(11, 16)


def test_a_cover_is_no_video_and_text_neither(tmp_path):
    (tmp_path / "notes.txt").write_text("a diary\n" * 300)
    with pytest.raises(ImageError, match="it is text"):
        open_clip(tmp_path / "notes.txt")
    with av.open(str(tmp_path / "a.mp3"), "w") as out:
        sound = out.add_stream("mp3", rate=16000)
        cover = out.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = *SIZE, "yuvj420p"
        cover.disposition = 1024
        for packet in cover.encode(av.VideoFrame.from_ndarray(picture(0), format="rgb24")):
            out.mux(packet)
        block = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), format="s16", layout="mono")
        block.sample_rate, block.pts = 16000, 0
        for packet in [*sound.encode(block), *sound.encode(None)]:
            out.mux(packet)
    with pytest.raises(ImageError, match="no video stream"):
        open_clip(tmp_path / "a.mp3")


def test_who_may_read_it_is_as_the_user_has_set_it(tmp_path):
    before = os.umask(0o077)
    try:
        write(tmp_path / "a.mp4", [0, 0.04])
    finally:
        os.umask(before)
    assert (tmp_path / "a.mp4").stat().st_mode & 0o777 == 0o600


def test_a_name_with_a_colon(tmp_path):
    path = write(tmp_path / "12:30:05.mp4", [0, 0.04])
    assert len(list(open_clip(path).frames())) == 2


ONE = 1 << 16
QUARTER = (0, ONE, 0, -ONE, 0, 0)
"""What a telephone held upright writes: x and y of the screen by those of the picture."""


def turned(path, out, matrix=QUARTER):
    """Write pictures that are to be shown in another way than they are kept, and a matrix that says so."""
    content = path.read_bytes()
    place = content.index(b"tkhd") + 4 + 40  # version and flags, times, track, duration, layer, volume: then the matrix
    matrix = struct.pack(">9i", *matrix, 0, 0, 1 << 30)
    assert struct.unpack(">9i", content[place : place + 36]) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    out.write_bytes(content[:place] + matrix + content[place + 36 :])
    return out


def test_a_clip_turned_by_its_metadata_is_upright(tmp_path):
    clip = open_clip(turned(write(tmp_path / "a.mp4", [0, 0.04]), tmp_path / "b.mp4"))
    assert clip.size == SIZE[::-1]
    _, image = next(clip.frames())
    assert image.shape == (*SIZE[::-1], 3)
    assert np.abs(image.astype(int) - np.rot90(picture(0), -1)).mean() < 6  # a quarter turn clockwise


@pytest.mark.parametrize(
    ("matrix", "seen"),
    [
        ((-ONE, 0, 0, 0, ONE, 0), lambda image: image[:, ::-1]),
        ((ONE, 0, 0, 0, -ONE, 0), lambda image: image[::-1]),
        ((-ONE, 0, 0, 0, -ONE, 0), lambda image: image[::-1, ::-1]),
        ((0, -ONE, 0, ONE, 0, 0), lambda image: np.rot90(image)),
    ],
)
def test_a_clip_mirrored_or_turned_otherwise_too(tmp_path, matrix, seen):
    clip = open_clip(turned(write(tmp_path / "a.mp4", [0, 0.04]), tmp_path / "b.mp4", matrix))
    _, image = next(clip.frames())
    assert image.shape[:2] == clip.size
    assert np.abs(image.astype(int) - seen(picture(0))).mean() < 6


def test_a_clip_with_sound_that_breaks_off_says_so(tmp_path):
    with av.open(str(with_sound(tmp_path / "a.mp4", 8.0))) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:
        streams = {each: out.add_stream_from_template(each) for each in source.streams}
        for packet in sorted(source.demux(), key=lambda p: -1 if p.dts is None else float(p.dts * p.time_base)):
            if packet.dts is not None:
                packet.stream = streams[packet.stream]
                out.mux(packet)
    whole = open_clip(tmp_path / "b.mkv")
    assert len(list(whole.frames())) == 200
    assert whole.ended_early == ""
    content = (tmp_path / "b.mkv").read_bytes()
    (tmp_path / "c.mkv").write_bytes(content[: len(content) // 2])
    clip = open_clip(tmp_path / "c.mkv")
    assert 10 < len(list(clip.frames())) < 190
    assert clip.ended_early


def test_a_clip_that_breaks_off_gives_what_came_before(tmp_path):
    path = write(tmp_path / "a.mp4", [k / 25 for k in range(250)])
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as out:  # its index comes as it goes
        stream = source.streams.video[0]
        copy = out.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                out.mux(packet)
    content = (tmp_path / "b.mkv").read_bytes()
    (tmp_path / "c.mkv").write_bytes(content[: len(content) // 3])
    clip = open_clip(tmp_path / "c.mkv")
    read = list(clip.frames())
    assert 10 < len(read) < 240
    assert clip.ended_early


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b""), "not a video"),
        (lambda path: path.write_bytes(b"a diary" * 300), "not a video"),
        (lambda path: with_sound(path, video=False), "no video stream"),
        (lambda _path: None, "no such file"),
    ],
)
def test_what_is_no_video_is_one_line(tmp_path, make, words):
    path = tmp_path / "a.mp4"
    make(path)
    with pytest.raises(ImageError, match=words) as error:
        open_clip(path)
    assert "\n" not in str(error.value)
    assert "a.mp4" in str(error.value)


def test_a_truncated_mp4_is_one_line(tmp_path):
    content = write(tmp_path / "a.mp4", [k / 25 for k in range(50)]).read_bytes()
    (tmp_path / "b.mp4").write_bytes(content[: len(content) // 2])  # its index was at the end
    with pytest.raises(ImageError, match="not a video that can be read"):
        open_clip(tmp_path / "b.mp4")


def test_nothing_half_written_is_left(tmp_path):
    (tmp_path / "a.mp4").write_text("an older one")
    with pytest.raises(ValueError, match="ndim"), Writer(tmp_path / "a.mp4", SIZE, RATE) as writer:
        writer.add(0.0, np.zeros(5, np.uint8))
    assert (tmp_path / "a.mp4").read_text() == "an older one"
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_ctrl_c_keeps_what_was_there_until_there_is_something_new(tmp_path):
    (tmp_path / "a.mp4").write_text("an older one")
    with pytest.raises(KeyboardInterrupt), Writer(tmp_path / "a.mp4", SIZE, RATE):
        raise KeyboardInterrupt
    assert (tmp_path / "a.mp4").read_text() == "an older one"

    def interrupted():
        with Writer(tmp_path / "a.mp4", SIZE, RATE) as writer:
            for k in range(10):
                writer.add(k / 25, picture(k))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(list(open_clip(tmp_path / "a.mp4").frames())) == 10
    assert [each.name for each in tmp_path.iterdir()] == ["a.mp4"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        Writer(tmp_path / "taken" / "a.mp4", SIZE, RATE)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OutputError, match="cannot write"), Writer(tmp_path / "folder.mp4", SIZE, RATE) as writer:
        writer.add(0.0, picture(0))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder.mp4", "taken"]


def test_without_pyav(monkeypatch, tmp_path):
    import builtins

    real = builtins.__import__

    def missing(name, *rest, **more):
        if name == "av":
            raise ImportError("No module named 'av'")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ConfigError, match=r"pip install 'nasion\[video\]'"):
        open_clip(tmp_path / "a.mp4")
