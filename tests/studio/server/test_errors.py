"""Each known error becomes one line of JSON with the right status."""

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from nasion import errors as nasion_errors
from nasion.studio.albums.album import ConflictError
from nasion.studio.server.access import RejectedError
from nasion.studio.server.errors import RETRY_S, to_status
from nasion.studio.server.job_queue import JobTimeoutError, QueueFullError

INVALID = RequestValidationError([{"loc": ("query", "minutes"), "msg": "too small", "type": "x"}, {"loc": ("b",)}])

CASES = [
    (nasion_errors.ImageError("a.png: cut off"), 422, "a.png: cut off"),
    (nasion_errors.ConfigError("no model"), 422, "no model"),
    (RejectedError(413, "too large"), 413, "too large"),
    (QueueFullError(), 429, f"try again in {RETRY_S} s"),
    (JobTimeoutError(), 504, "took too long"),
    (ConflictError(), 409, "changed since you opened them"),
    (INVALID, 422, "query.minutes: too small"),
    (HTTPException(404, "there is no such page"), 404, "there is no such page"),
    (HTTPException(405), 405, "Method Not Allowed"),
]


@pytest.mark.parametrize(("error", "status", "text"), CASES)
def test_each_error_has_its_status_and_message(error, status, text):
    assert to_status(error)[0] == status
    assert text in to_status(error)[1]


@pytest.fixture
def failing(serve):
    """Return a function that gives the response of a server whose prediction raises an error."""

    def response_to(error):
        def raises(name):
            raise error

        with serve(make=raises) as client:
            return client.get("/healthz") if error is None else client.post("/v1/predict", content=b"image")

    return response_to


@pytest.mark.parametrize(("error", "status", "text"), CASES)
def test_the_server_answers_each_error_with_one_line(failing, error, status, text):
    response = failing(error)
    assert response.status_code == status
    assert list(response.json()) == ["error"]
    assert text in response.json()["error"]
    assert response.headers.get("retry-after") == ("2" if status == 429 else None)


def test_a_message_of_several_lines_is_joined(failing):
    assert failing(nasion_errors.ModelError("cut\n  off")).json() == {"error": "cut off"}


def test_unknown_errors_are_not_hidden(failing):
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError("a bug"))
