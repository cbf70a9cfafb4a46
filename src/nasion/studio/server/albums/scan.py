"""The scan in the background: how uncertain is each image, and how many faces does it show?"""

import asyncio
from collections.abc import Sequence

from nasion.errors import NasionError
from nasion.predict.predictor import Predictor
from nasion.studio.albums.album import Scan
from nasion.studio.server.albums.open_albums import OpenAlbum
from nasion.studio.server.albums.suggestions import uncertainty
from nasion.studio.server.job_queue import JobTimeoutError, QueueFullError
from nasion.studio.server.state import Server

__all__ = ["scan_albums", "scan_image"]

IDLE_CHECK_S = 0.05
"""How often the scan checks whether the queue is idle."""

NOTHING_TO_DO_S = 0.5
"""How often the scan looks for new images and models when all images have been scanned."""


async def scan_albums(server: Server) -> None:
    """Scan the images of all open albums whenever the queue is idle, those of the album opened last first."""
    while True:
        found = _next_image(server)
        if found is None:
            await asyncio.sleep(NOTHING_TO_DO_S)
            continue
        while server.queue.unfinished:
            await asyncio.sleep(IDLE_CHECK_S)
        each, number, model = found
        try:
            scan = await server.queue.run(
                lambda each=each, number=number, model=model: _scan(server, each, number, model)
            )
        except (QueueFullError, JobTimeoutError):
            continue
        except NasionError as error:
            scan = Scan(error=str(error), model=model)
        except Exception:  # one image, whatever its error, must not end the scan of the others
            scan = Scan(error="cannot be processed", model=model)
        each.album.set_scan(number, scan)


def _next_image(server: Server) -> tuple[OpenAlbum, int, str] | None:
    """Return the next image that the album's model has not seen, and that model's name."""
    for each in reversed(server.albums.all):
        model = each.model if each.model in server.models.names else server.models.names[0]
        scans = each.album.scans
        numbers = range(len(each.album.entries))
        number = next((k for k in numbers if k not in scans or scans[k].model != model), None)
        if number is not None:
            return each, number, model
    return None


def _scan(server: Server, each: OpenAlbum, number: int, model: str) -> Scan:
    return scan_image(each, number, server.models.predictor(model), server.models.predictor(), model)


def scan_image(each: OpenAlbum, number: int, predictor: Predictor, reference: Predictor, model: str) -> Scan:
    """Return what can be found out about an image.

    Args:
        each: the open album.
        number: the image.
        predictor: the model.
        reference: the model that finds faces if `predictor` has other points than the album.
        model: the name of `predictor`.

    Raises:
        NasionError: the image or its labels cannot be read.
    """
    suggestions, labels = each.suggestions, each.album.faces(number)
    image = each.album.read_image(number)
    if not suggestions.fits(predictor):
        return Scan(faces=len(suggestions.detected(number, reference, image)), model=model)
    if not labels:
        found = suggestions.detected(number, predictor, image)
        return Scan(_largest([uncertainty(face, None) for face in found]), len(found), model=model)
    predicted = suggestions.predictions(number, labels, predictor, image)
    values = [uncertainty(face, label) for face, label in zip(predicted, labels, strict=True) if face is not None]
    return Scan(_largest(values), len(labels), model=model)


def _largest(values: Sequence[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)
