"""Small video files made with PyAV: with and without sound, rotated, remuxed, damaged or cut off."""

import struct
from fractions import Fraction

import numpy as np
import pytest

from nasion.video.writer import ClipWriter

av = pytest.importorskip("av")

SIZE = (96, 128)
RATE = Fraction(25)
SOUND_RATE = 16_000


def square_image(k, size=SIZE):
    """A red square that moves right, on a ramp from dark at the left to bright at the right."""
    image = np.repeat(np.linspace(20, 200, size[1])[None], size[0], 0).astype(np.uint8)
    image = np.repeat(image[..., None], 3, 2)
    image[8:24, 4 * k % 90 : 4 * k % 90 + 16] = [255, 40, 40]
    return image


def difference(image, expected):
    """Mean absolute difference in gray levels; compression alone stays below 6."""
    return np.abs(image.astype(int) - expected).mean()


def times(count):
    return [k / 25 for k in range(count)]


def write(path, frame_times, size=SIZE):
    with ClipWriter(path, size, RATE) as writer:
        for k, time_s in enumerate(frame_times):
            writer.add_frame(time_s, square_image(k, size))
    return path


def copy_clip(clip, path):
    """Copy the frames and the sound of a clip to an .mp4 file; return the writer and the times of the frames."""
    written = []
    with ClipWriter(path, clip.size, clip.rate) as writer:
        for time_s, image in clip.frames(writer):
            written.append(time_s)
            writer.add_frame(time_s, image)
    return writer, written


def _mux(out, stream, frames):
    for frame in [*frames, None]:
        for packet in stream.encode(frame):
            out.mux(packet)


def _sound_frames(samples, layout="mono"):
    """Sound frames of 1024 samples, with their timestamps; `samples` has a row of interleaved channels."""
    step = 1024 * {"mono": 1, "stereo": 2}.get(layout, 1)
    for start in range(0, samples.shape[1], step):
        block = av.AudioFrame.from_ndarray(samples[:, start : start + step], format="s16", layout=layout)
        block.sample_rate, block.pts = SOUND_RATE, 1024 * start // step
        yield block


def write_with_sound(path, seconds=1.0, video=True, tracks=1, codec="aac"):
    """Write frames and a tone."""
    with av.open(str(path), "w") as out:
        sounds = [out.add_stream(codec, rate=SOUND_RATE, layout="mono") for _ in range(tracks)]
        pictures = out.add_stream("libx264", rate=25) if video else None
        if pictures is not None:
            pictures.height, pictures.width, pictures.pix_fmt = *SIZE, "yuv420p"
            images = [square_image(k) for k in range(int(25 * seconds))]
            _mux(out, pictures, [av.VideoFrame.from_ndarray(image, format="rgb24") for image in images])
        tone = (8000 * np.sin(np.arange(int(SOUND_RATE * seconds)) / 10)).astype(np.int16)
        for sound in sounds:
            _mux(out, sound, _sound_frames(tone[None]))
    return path


def write_avi(path, channels):
    """Write an .avi file, which stores the number of channels without their layout."""
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(str(path), "w") as out:
        pictures = out.add_stream("mjpeg", rate=25)
        pictures.height, pictures.width, pictures.pix_fmt = *SIZE, "yuvj420p"
        sound = out.add_stream("pcm_s16le", rate=SOUND_RATE, layout=layout)
        _mux(out, pictures, [av.VideoFrame.from_ndarray(square_image(k), format="rgb24") for k in range(25)])
        _mux(out, sound, _sound_frames(np.full((1, SOUND_RATE * channels), 1000, np.int16), layout))
    return path


def write_mp3_with_cover(path):
    with av.open(str(path), "w") as out:
        sound = out.add_stream("mp3", rate=SOUND_RATE)
        cover = out.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = *SIZE, "yuvj420p"
        cover.disposition = 1024
        for packet in cover.encode(av.VideoFrame.from_ndarray(square_image(0), format="rgb24")):
            out.mux(packet)
        block = av.AudioFrame.from_ndarray(np.zeros((1, SOUND_RATE), np.int16), format="s16", layout="mono")
        block.sample_rate, block.pts = SOUND_RATE, 0
        _mux(out, sound, [block])


def remux(path, out, container=None, delays=(0.0, 0.0), kinds=("video", "audio")):
    """Copy the packets in the order of their times to another container, delayed by seconds (video, sound)."""
    with av.open(str(path)) as source, av.open(str(out), "w", format=container) as copy:
        streams = {each: copy.add_stream_from_template(each) for each in source.streams if each.type in kinds}
        packets = [packet for packet in source.demux(*streams) if packet.dts is not None]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            delay = round(delays[packet.stream.type == "audio"] / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + delay, packet.dts + delay, streams[packet.stream]
            copy.mux(packet)
    return out


def cut_off(path, out, share):
    """Copy the first share of the bytes."""
    content = path.read_bytes()
    out.write_bytes(content[: int(len(content) * share)])
    return out


def damage(path, number):
    """Overwrite the content of a packet in place."""
    with av.open(str(path)) as source:
        places = [(packet.pos, packet.size) for packet in source.demux() if packet.size]
    content = bytearray(path.read_bytes())
    start, size = places[number]
    content[start : start + size] = b"\xff" * size
    path.write_bytes(content)


ONE = 1 << 16
PORTRAIT = (0, ONE, 0, -ONE, 0, 0)
"""The display matrix that a phone held upright stores: a quarter turn clockwise."""


def set_display_matrix(path, out, matrix=PORTRAIT):
    """Copy an .mp4 file with another display matrix."""
    content = path.read_bytes()
    place = content.index(b"tkhd") + 4 + 40  # after version and flags, times, track, duration, layer and volume
    assert struct.unpack(">9i", content[place : place + 36]) == (ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30)
    out.write_bytes(content[:place] + struct.pack(">9i", *matrix, 0, 0, 1 << 30) + content[place + 36 :])
    return out


def sound_bytes(path):
    with av.open(str(path)) as container:
        return b"".join(bytes(packet) for packet in container.demux(container.streams.audio[0]) if packet.size)


def start_times(path):
    """The times in seconds at which video and sound begin."""
    with av.open(str(path)) as container:
        streams = container.streams.video[0], container.streams.audio[0]
        return [float(each.start_time * each.time_base) for each in streams]
