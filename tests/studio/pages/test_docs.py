"""The documentation of the HTTP interface."""

import json

import pytest

from browsing import PHONE, opened

pytestmark = pytest.mark.slow


def test_api_documentation_fits_a_phone(browser, address):
    with opened(browser, address, "docs", "POST /v1/predict") as page:
        page.set_viewport_size(PHONE)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_api_documentation_shows_the_fields_of_every_answer(browser, address):
    with opened(browser, address, "docs", "POST /v1/predict") as page:
        openapi = json.loads(page.request.get(f"{address}openapi.json").text())
        text = page.locator("#operations").inner_text()
        count = sum(len(methods) for methods in openapi["paths"].values())
        assert text.count("Answer: ") == count
        page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        text = page.locator("#operations").inner_text()
        for name in ("Faces", "Face", "Ellipses", "MatchResult", "ModelInfo", "Health"):
            for field, about in openapi["components"]["schemas"][name]["properties"].items():
                assert field in text, (name, field)
                assert about.get("description", "") in text, (name, field)
        assert "error: string" in text
