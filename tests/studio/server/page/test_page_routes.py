"""The files of the page are served, and no others."""

from importlib import resources
from pathlib import Path

import pytest

FOLDER = Path(str(resources.files("nasion") / "studio" / "pages"))
FILES = sorted(file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file())


@pytest.mark.parametrize("name", FILES)
def test_each_file_of_the_page_is_served_and_refers_to_no_other_site(client, name):
    response = client.get(f"/pages/{name}")
    assert response.status_code == 200
    assert response.content == (FOLDER / name).read_bytes()
    if name.endswith(".jpg"):
        return
    text = response.text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    assert "innerHTML" not in text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("main.js", "text/javascript"),
        ("styles/base.css", "text/css"),
        ("index.html", "text/html"),
        ("icon.svg", "image/svg+xml"),
        ("examples/drawn.jpg", "image/jpeg"),
    ],
)
def test_files_have_the_media_type_of_their_suffix(client, name, kind):
    assert client.get(f"/pages/{name}").headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    "path",
    [
        *("/pages/../app.py", "/pages/..%2fapp.py", "/pages/%2e%2e/app.py", "/pages//etc/passwd"),
        *("/pages/none.js", "/pages/", "/pages/shared", "/pages/shared/..%2fmain.js", "/index.html"),
    ],
)
def test_nothing_but_the_page_is_served(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert list(response.json()) == ["error"]


def test_the_studio_is_the_root_page(client):
    response = client.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    for name in ("index.html", "try/page.html", "train/page.html"):
        assert {line for line in client.get(f"/pages/{name}").text.splitlines() if "<!--" not in line} <= set(
            response.text.splitlines()
        )
    assert "<!--" not in response.text
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_the_documentation_is_a_page_of_its_own(client):
    assert client.get("/docs").text == client.get("/pages/docs/docs.html").text
    assert client.get("/docs").text != client.get("/").text


def test_pages_are_not_part_of_the_http_interface(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert not [path for path in paths if path == "/" or path.startswith(("/docs", "/pages"))]
