"""Image files in requests; the numbers of files are tested with the routes."""

import logging


def test_what_is_wrong_with_a_form_is_answered_and_not_printed(client):
    """Without a handler, Python prints what a library logs as a warning."""
    body = b'--x\r\nContent-Disposition: form-data; name="a"\rB\r\n\r\n1\r\n--x--\r\n'
    response = client.post("/v1/predict", content=body, headers={"content-type": "multipart/form-data; boundary=x"})
    assert response.status_code == 400
    assert "\n" not in response.json()["error"]
    assert any(isinstance(each, logging.NullHandler) for each in logging.getLogger("python_multipart").handlers)
