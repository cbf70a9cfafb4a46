"""Images survive their encoding."""

import base64
import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from nasion.studio.server.encoding import data_uri, encode_jpeg


def decoded(content):
    return PillowImage.open(io.BytesIO(content))


def test_an_image_is_encoded_as_jpeg_with_its_size_and_colors():
    image = np.zeros((24, 40, 3), np.uint8)
    image[..., 0] = 200
    image[..., 2] = 30
    found = decoded(encode_jpeg(image, 92))
    assert (found.format, found.size) == ("JPEG", (40, 24))
    assert np.asarray(found).astype(int) == pytest.approx(image, abs=4)


def test_higher_quality_takes_more_bytes_and_loses_less():
    image = data.astronaut()[:160, :200]
    sizes, losses = [], []
    for quality in (50, 85, 92):
        content = encode_jpeg(image, quality)
        sizes.append(len(content))
        losses.append(np.abs(np.asarray(decoded(content), float) - image).mean())
    assert sizes == sorted(sizes)
    assert losses == sorted(losses, reverse=True)


def test_a_data_uri_holds_the_jpeg_file():
    image = data.astronaut()[:24, :40]
    kind, _, content = data_uri(image, 85).partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(content, validate=True) == encode_jpeg(image, 85)
