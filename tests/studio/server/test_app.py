"""What the server answers, to whom, and what it refuses: every door tried with what is broken, huge or hostile."""

import asyncio
import io
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data

from nasion import images
from nasion.detect.yunet import Detection
from nasion.errors import ConfigError, ImageError
from nasion.predict.model_zoo import resolve
from nasion.predict.onnx_backend import OnnxBackend
from nasion.predict.predictor import Predictor
from nasion.skeleton import load_skeleton
from nasion.studio import ServerSettings, build, open_album
from nasion.studio.server.job_queue import JobQueue, JobTimeoutError, QueueFullError
from nasion.studio.server.loaded_models import LoadedModels

testing = pytest.importorskip("starlette.testclient")

HOME = "http://127.0.0.1:8008"
FACE = Detection(np.array([176.0, 95, 275, 180]), 0.9)


def jpeg(image):
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "JPEG")
    return buffer.getvalue()


PAGES = sorted(page.name for page in (resources.files("nasion") / "studio" / "pages").iterdir())

IBUG = load_skeleton("ibug-68")
ASTRONAUT = jpeg(data.astronaut())


def detector(image):
    """Sees the astronaut, and nobody in a picture of one color."""
    return [FACE] if image.std() > 5 else []


def make(name):
    return Predictor(OnnxBackend(resolve(name), threads=1), detector)


@pytest.fixture(scope="module")
def client():
    with testing.TestClient(build(make=make), base_url=HOME) as client:
        yield client


def test_it_says_that_it_works(client):
    assert client.get("/healthz").json()["ok"] is True
    models = client.get("/v1/models").json()
    assert "default" in [each["name"] for each in models]
    assert models[0]["skeleton"]["count"] == 68
    assert models[0]["card"]["terms"]


@pytest.mark.parametrize(
    "request_of",
    [
        {"content": ASTRONAUT, "headers": {"content-type": "image/jpeg"}},
        {"content": ASTRONAUT},
        {"files": {"image": ("me.jpg", ASTRONAUT, "image/jpeg")}},
    ],
)
def test_a_picture_gives_its_faces(client, request_of):
    answer = client.post("/v1/predict", **request_of)
    assert answer.status_code == 200
    found = answer.json()
    assert (found["width"], found["height"]) == (512, 512)
    (face,) = found["faces"]
    expected = make("default")(data.astronaut())[0]
    assert face["score"] == 0.9
    assert np.array(face["keypoints"]) == pytest.approx(expected.keypoints, abs=1.5)  # JPEG
    assert len(face["spread_px"]) == 68


def test_boxes_can_be_given(client):
    answer = client.post("/v1/predict?box=176,95,275,180&box=170,90,280,190", content=ASTRONAUT)
    assert len(answer.json()["faces"]) == 2
    assert client.post("/v1/predict?box=here", content=ASTRONAUT).status_code == 422
    assert client.post("/v1/predict?box=5,5,5,5", content=ASTRONAUT).status_code == 422


def test_a_picture_without_a_face_is_an_empty_list(client):
    answer = client.post("/v1/predict", content=jpeg(np.full((60, 80, 3), 90, np.uint8)))
    assert answer.json() == {"width": 80, "height": 60, "faces": []}


def test_two_pictures_are_matched(client):
    files = {"a": ("a.jpg", ASTRONAUT), "b": ("b.jpg", ASTRONAUT)}
    found = client.post("/v1/match?frames=3", files=files).json()
    assert found["residual"] == pytest.approx(0, abs=1e-6)
    assert len(found["frames"]) == 3
    assert found["frames"][1].startswith("data:image/jpeg;base64,")
    nobody = jpeg(np.full((60, 80, 3), 90, np.uint8))
    answer = client.post("/v1/match", files={"a": ("a.jpg", ASTRONAUT), "b": ("b.jpg", nobody)})
    assert answer.status_code == 422
    assert answer.json()["error"] == "no face was found in picture B"
    assert client.post("/v1/match", files={"a": ("a.jpg", ASTRONAUT)}).status_code == 422


BOMB = PillowImage.new("1", (30_000, 30_000))


def bomb():
    buffer = io.BytesIO()
    BOMB.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"", {}, 422),
        (b"a diary", {}, 422),
        (ASTRONAUT[:900], {}, 422),
        (bomb(), {}, 422),
        (b"--x\r\n", {"content-type": "multipart/form-data; boundary=x"}, 422),
        (b"--x", {"content-type": "multipart/form-data"}, 400),
    ],
)
def test_what_is_no_picture_is_one_line(client, content, headers, status):
    answer = client.post("/v1/predict", content=content, headers=headers)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("name", ["../default", "/etc/passwd", "runs/me", "x" * 5000, "<script>"])
def test_a_model_is_a_name_and_never_a_file(client, name):
    answer = client.post("/v1/predict", params={"model": name}, content=ASTRONAUT)
    assert answer.status_code == 422
    assert len(answer.json()["error"]) < 300


@pytest.mark.parametrize(
    "path",
    ["/pages/../app.py", "/pages/..%2fapp.py", "/pages/%2e%2e/app.py", "/pages//etc/passwd", "/pages/none.js", "/x"],
)
def test_nothing_but_the_pages_is_served(client, path):
    assert client.get(path).status_code == 404


def test_the_page_asks_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert {"index.html", "style.css", "correct.js", "train.js"} <= set(PAGES)
    for name in PAGES:
        text = client.get(f"/pages/{name}").text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert "innerHTML" not in text
    assert client.get("/docs").status_code == 200
    assert "/v1/predict" in client.get("/openapi.json").json()["paths"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8008"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": HOME, "sec-fetch-site": "same-origin"}, 200),
        ({"host": "localhost:8008"}, 200),
        ({"host": "[::1]:8008"}, 200),
    ],
)
def test_other_sites_are_not_answered(client, headers, status):
    assert client.get("/healthz", headers=headers).status_code == status


def test_beyond_this_machine_a_token_is_needed():
    app = build(ServerSettings(token="sesame"), make=make)
    with testing.TestClient(app, base_url="http://studio.example") as client:
        assert client.get("/healthz").status_code == 401
        assert client.get("/healthz?token=simsim").status_code == 401
        assert client.get("/healthz", headers={"authorization": "Bearer sesame"}).status_code == 200
        assert client.get("/", headers={"authorization": "Bearer séşame".encode()}).status_code == 401
        opened = client.get("/?token=sesame&a=1", follow_redirects=False)
        assert (opened.status_code, opened.headers["location"]) == (303, "/?a=1")  # no token in the history
        assert "HttpOnly" in opened.headers["set-cookie"]
        assert client.get("/").status_code == 200  # by its cookie
        name, _, value = opened.headers["set-cookie"].partition(";")[0].partition("=")
        client.cookies.clear()
        for others in ("a/b=1; ", 'j={"a":1}; ', "flag; ", "x[y]=1; ", f"{name}-other=sesame; "):
            assert client.get("/healthz", headers={"cookie": f"{others}{name}={value}"}).status_code == 200, others
        assert client.get("/healthz", headers={"cookie": f"{name}=simsim"}).status_code == 401


@pytest.mark.parametrize("token", ["", "my token", "a;b", "séşame"])
def test_a_token_that_nobody_could_show_is_refused(token):
    with pytest.raises(ConfigError, match="a token is letters"):
        build(ServerSettings(token=token), make=make)


@pytest.mark.parametrize("has_length", [True, False])
def test_a_body_that_is_too_large_is_not_read(has_length):
    def stream():
        for _ in range(50):
            yield b"x" * 100_000

    with testing.TestClient(build(ServerSettings(largest_body=500_000), make=make), base_url=HOME) as client:
        answer = client.post("/v1/predict", content=b"x" * 5_000_000 if has_length else stream())
    assert answer.status_code == 413
    assert "more than 0 MB" in answer.json()["error"]


def test_a_large_picture_is_refused_before_it_is_decoded():
    with testing.TestClient(build(ServerSettings(largest_pixels=1000), make=make), base_url=HOME) as client:
        answer = client.post("/v1/predict", content=ASTRONAUT)
    assert answer.status_code == 422
    assert "pixels" in answer.json()["error"]


def test_twenty_at_once_are_all_answered(client):
    def ask(_number):
        return client.post("/v1/predict", content=ASTRONAUT).status_code

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(20))) == [200] * 20


def test_who_comes_when_the_queue_is_full_is_told_so():
    gate = threading.Event()

    class Slow(Predictor):
        def __call__(self, image, boxes=None):
            gate.wait(20)
            return []

    def slow(name):
        return Slow(OnnxBackend(resolve(name), threads=1), detector)

    with (
        testing.TestClient(build(ServerSettings(queue=2), make=slow), base_url=HOME) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        waiting = [pool.submit(client.post, "/v1/predict", content=ASTRONAUT) for _ in range(6)]
        while sum(each.done() for each in waiting) < 3:
            time.sleep(0.01)
        gate.set()
        answers = [each.result() for each in waiting]
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200, 200, 200, 429, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "2"


async def never_comes(desk):
    async with desk.place(), desk.place():
        with pytest.raises(QueueFullError):
            await desk.place().__aenter__()
        await asyncio.sleep(30)


def test_a_picture_that_does_not_come_holds_its_place_for_a_while_only():
    async def story():
        desk = JobQueue(queue=1, timeout_s=0.2)
        begun = time.monotonic()
        with pytest.raises(JobTimeoutError):
            await never_comes(desk)
        assert time.monotonic() - begun < 10
        async with desk.place():
            assert await desk.do(lambda: 4) == 4
        assert (desk.open, desk.coming) == (0, 0)
        desk.close()

    asyncio.run(story())


@pytest.mark.parametrize("box", ["1,2,3", "a,b,c,d", "-1e300,0,9,9", "nan,0,9,9", "9,9,1,1"])
def test_boxes_that_are_none(client, box):
    answer = client.post("/v1/predict", params={"box": box}, content=ASTRONAUT)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
DDS = b"DDS " + (124).to_bytes(4, "little") + bytes(120)


HEIC_BY_NAME = b"%!PSftypheic\n" + EPS


@pytest.mark.parametrize("content", [EPS, DDS])
def test_kinds_of_pictures_that_are_programs_or_rare_are_not_opened(client, content):
    answer = client.post("/v1/predict", content=content)
    assert answer.status_code == 422
    assert "none of the known formats" in answer.json()["error"]


def test_a_program_that_begins_like_a_heic_picture_is_not_opened(client):
    pytest.importorskip("pillow_heif")
    answer = client.post("/v1/predict", content=HEIC_BY_NAME)
    assert answer.status_code == 422
    assert "none of the known formats" in answer.json()["error"]


@pytest.fixture
def folder(tmp_path):
    for name in ("a.png", "inside/a.png"):
        images.write(tmp_path / "faces" / name, data.astronaut())
    return tmp_path / "faces"


@pytest.fixture
def album(folder):
    with testing.TestClient(build(make=make, album=open_album(str(folder), IBUG)), base_url=HOME) as client:
        yield client


def test_a_folder_is_corrected(album, folder):
    names = [entry["name"] for entry in album.get("/v1/album").json()["entries"]]
    assert names == ["a.png", "inside/a.png"]
    face = album.get("/v1/album/0").json()
    assert (face["version"], face["labeled"]) == ("new", False)
    assert face["keypoints"] == face["model"]
    saved = {"keypoints": face["keypoints"], "seen": "new", "done": True}
    assert album.put("/v1/album/0", json=saved).status_code == 200
    assert [entry["done"] for entry in album.get("/v1/album").json()["entries"]] == [True, False]
    second = album.put("/v1/album/0", json=saved)
    assert second.status_code == 409
    assert "have been changed" in second.json()["error"]
    assert album.get("/v1/album/0/picture").headers["content-type"] == "image/jpeg"
    assert album.get("/v1/album/7").status_code == 422
    assert album.get("/v1/album/..%2f..%2fetc").status_code in (404, 422)


@pytest.mark.parametrize("place", ['["x", 1]', "[1]", "[Infinity, 1]", "[NaN, 1]", "7"])
def test_points_that_are_none_are_not_saved(album, folder, place):
    body = f'{{"seen": "new", "keypoints": [{", ".join([place] * 68)}]}}'
    answer = album.put("/v1/album/0", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert not (folder / "a.pts").exists()


def test_nothing_is_saved_where_the_folder_was(album, folder):
    face = album.get("/v1/album/0").json()
    shutil.rmtree(folder)
    answer = album.put("/v1/album/0", json={"keypoints": face["keypoints"], "seen": "new"})
    assert answer.status_code == 422
    assert "its picture is gone" in answer.json()["error"]
    assert not folder.exists()
    assert album.get("/v1/album/0").status_code == 422
    assert album.get("/v1/album/0/picture").status_code == 422


def test_a_training_needs_labels(album):
    assert album.get("/v1/train").json()["state"] == "none"
    answer = album.post("/v1/train?minutes=1")
    assert answer.status_code == 422
    assert "no picture of this folder has labels yet" in answer.json()["error"]
    assert album.get("/v1/train/report").status_code == 404


def test_pictures_that_break_are_said_and_the_others_looked_at(tmp_path):
    images.write(tmp_path / "z.png", data.astronaut())
    (tmp_path / "a.png").write_bytes(DDS)
    with testing.TestClient(build(make=make, album=open_album(str(tmp_path), IBUG)), base_url=HOME) as client:
        end = time.monotonic() + 30
        while (entries := client.get("/v1/album").json()["entries"])[1]["doubt"] is None and time.monotonic() < end:
            time.sleep(0.05)
    assert (entries[0]["broken"], entries[0]["doubt"]) == (True, None)
    assert entries[1]["doubt"] > 0


def test_the_model_looks_at_the_face_that_is_labeled(tmp_path):
    """Of two faces in a picture, each is compared with itself."""
    images.write(tmp_path / "two.png", np.concatenate([data.astronaut()] * 2, axis=1))
    found = make("default")(data.astronaut())[0].keypoints
    rows = [",".join(["two.png", *(f"{v:.3f}" for v in (found + [shift, 0]).ravel())]) for shift in (0, 512)]
    header = "image," + ",".join(f"x{k},y{k}" for k in range(68))
    (tmp_path / "faces.csv").write_text("\n".join([header, *rows]) + "\n")
    album = open_album(f"csv:{tmp_path}/faces.csv", IBUG)
    with testing.TestClient(build(make=make, album=album), base_url=HOME) as client:
        for k in range(2):
            face = client.get(f"/v1/album/{k}").json()
            assert np.array(face["model"]) == pytest.approx(np.array(face["keypoints"]), abs=3)


def test_a_trained_model_does_not_take_the_first_ones_place(album, folder, tmp_path):
    shelf = LoadedModels(make, {})
    shelf.add("mine", str(tmp_path))
    shelf.add("default", "elsewhere")
    assert shelf.names[0] == "default"
    assert shelf.names[-1] == "mine"
    assert shelf.places["default"] == "default"
    assert LoadedModels(make, {"b": "b.onnx", "a": "a.onnx"}).names[:3] == ["b", "a", "default"]


def test_a_model_that_breaks_keeps_no_other_from_use(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"cut off")
    extra = {"mine": str(tmp_path / "mine.onnx")}
    with testing.TestClient(build(make=make, extra=extra), base_url=HOME) as client:
        first, *others = client.get("/v1/models").json()
        assert (first["name"], "skeleton" in first) == ("mine", False)
        assert "damaged" in first["error"]
        assert all("skeleton" in each for each in others)
        assert client.post("/v1/predict?model=default", content=ASTRONAUT).status_code == 200


def test_other_machines_need_a_token(monkeypatch, capsys):
    """`nasion serve --host 0.0.0.0` makes one; without it, nobody is answered, whatever host he claims."""
    import uvicorn

    from nasion.cli.studio import serve

    seen = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda server, sockets: seen.append((server.config.app, sockets[0])))
    for host in ("127.0.0.1", "0.0.0.0"):
        serve(folder=None, model=None, host=host, port=0, token=None)
    (local, _), (shared, listener) = seen
    [each.close() for _, each in seen]
    address = capsys.readouterr().out.replace("\n", "").split("token=")
    token = address[1].split(" ")[0]
    assert len(address) == 2
    assert len(token) > 20
    assert testing.TestClient(local, base_url=HOME).get("/v1/studio").status_code == 200
    others = testing.TestClient(shared, base_url=HOME)
    assert others.get("/v1/studio").status_code in (401, 403)
    assert others.get("/v1/studio", headers={"authorization": f"Bearer {token}"}).status_code == 200
    listener.close()


def test_a_desk_does_one_thing_after_the_other_and_gives_up_in_time():
    async def story():
        desk, gate = JobQueue(queue=1, timeout_s=0.2), threading.Event()
        first = asyncio.ensure_future(desk.do(lambda: gate.wait(5)))
        await asyncio.sleep(0.05)
        second = asyncio.ensure_future(desk.do(lambda: 2))
        await asyncio.sleep(0.05)
        with pytest.raises(QueueFullError):
            await desk.do(lambda: 3)
        for each in (first, second):
            with pytest.raises(JobTimeoutError):
                await each
        gate.set()
        await asyncio.sleep(0.05)
        assert desk.open == 0
        assert await desk.do(lambda: 4) == 4
        with pytest.raises(ImageError, match="no picture"):
            await desk.do(broken)
        assert desk.open == 0
        desk.close()

    def broken():
        raise ImageError("no picture")

    asyncio.run(story())
