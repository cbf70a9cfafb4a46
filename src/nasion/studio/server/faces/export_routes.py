"""The route that turns predictions into a file: POST /v1/export/FORM."""

from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from nasion.outputs.schema import ImageFaces
from nasion.studio.exports import export_faces
from nasion.studio.server.faces.uploads import FILE_RESPONSE
from nasion.studio.server.state import CurrentServer, ModelName

__all__ = ["router"]

MAX_IMAGES = 10_000

MEDIA_TYPES = {".json": "application/json", ".csv": "text/csv", ".pts": "text/plain", ".zip": "application/zip"}

router = APIRouter()


class PredictedImages(BaseModel):
    """Predictions as /v1/predict returns them."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    images: Annotated[list[ImageFaces], Field(min_length=1, max_length=MAX_IMAGES)]
    """The images with their faces, all predicted by one model."""


@router.post(
    "/v1/export/{form}",
    summary="Get predictions as a file: JSON, CSV, COCO, .pts, or all of them in an archive",
    response_class=Response,
    responses=FILE_RESPONSE,
)
def export(
    form: Literal["json", "csv", "coco", "pts", "zip"],
    predicted: PredictedImages,
    server: CurrentServer,
    model: ModelName = "",
) -> Response:
    """Return the file that `nasion predict` writes; several .pts files are one archive."""
    predictor = server.models.predictor(model)
    exported = export_faces(form, predicted.images, predictor.skeleton, predictor.backend.name)
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(exported.name)}"}
    media_type = MEDIA_TYPES[PurePosixPath(exported.name).suffix]
    return Response(exported.content, media_type=media_type, headers=headers)
