"""Small images for lists and grids, kept in memory."""

from collections import OrderedDict
from pathlib import Path
from threading import BoundedSemaphore, Lock

from nasion.images import read_small
from nasion.studio.server.encoding import encode_jpeg

__all__ = ["Thumbnails"]

SIDE = 256
"""Longest side of a thumbnail, px: twice that of the page, for fine screens."""

QUALITY = 80
"""JPEG quality of thumbnails."""

MAX_KEPT = 6000
"""Number of thumbnails in memory; each takes about 10 kB."""

AT_ONCE = 2
"""Number of images that are decoded at the same time; a large photo takes 100 MB for this."""


class Thumbnails:
    """Makes thumbnails and keeps them until their images change."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()
        self._lock, self._decoding = Lock(), BoundedSemaphore(AT_ONCE)

    def get(self, path: Path) -> bytes:
        """Return the thumbnail of an image as a JPEG file.

        Raises:
            ImageError: the image is missing or cannot be read.
        """
        try:
            status = path.stat()
            key = path, status.st_mtime_ns, status.st_size
        except (OSError, ValueError):  # missing, or its name has a zero; reading it gives the message
            key = path, 0, 0
        content = self._kept.get(key)
        if content is None:
            with self._decoding:
                content = encode_jpeg(read_small(path, SIDE), QUALITY)
            with self._lock:
                self._kept[key] = content
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
        return content
