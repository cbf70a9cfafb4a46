"""A clip is sent, tracked, fetched and removed."""

import time
from fractions import Fraction

import numpy as np
import pytest
from skimage import data

from nasion.geometry import Affine
from nasion.images import warp
from nasion.studio import ServerSettings
from nasion.studio.server.job_queue import JobQueue

pytest.importorskip("av")

from nasion.video import ClipWriter


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a clip of 5 frames of the astronaut, who moves right by 1 px per frame."""
    path = tmp_path_factory.mktemp("clips") / "a.mp4"
    with ClipWriter(path, (512, 512), Fraction(25)) as writer:
        for k in range(5):
            writer.add_frame(k / 25, warp(data.astronaut(), Affine.translation(k, 0), (512, 512)))
    return path.read_bytes()


def finished(client, name):
    end = time.monotonic() + 60
    while (status := client.get(f"/v1/video/{name}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < end
        time.sleep(0.02)
    return status


def test_a_clip_is_tracked_fetched_and_removed(client, clip):
    sent = client.post("/v1/video", content=clip, headers={"content-type": "video/mp4"})
    assert sent.status_code == 200
    name = sent.json()["name"]
    status = finished(client, name)
    assert (status["state"], status["error"], status["frames"], status["total"]) == ("done", "", 5, 5)
    assert status["faces"] == [{"face": 0, "frames": 5}]
    assert client.get(f"/v1/video/{name}/keypoints.mp4").headers["content-type"] == "video/mp4"
    table = client.get(f"/v1/video/{name}/keypoints.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("frame,time_s,face,score,")
    assert len(table.text.splitlines()) == 6
    assert client.get(f"/v1/video/{name}/frame").headers["content-type"] == "image/jpeg"
    assert client.delete(f"/v1/video/{name}").json() == {"removed": True}
    for path in ("", "/keypoints.mp4", "/frame"):
        response = client.get(f"/v1/video/{name}{path}")
        assert response.status_code == 422
        assert response.json()["error"] == "there is no such clip any more; send it again"
    assert client.delete(f"/v1/video/{name}").json() == {"removed": False}


@pytest.mark.parametrize("path", ["keypoints.mp4", "keypoints.csv", "frame"])
def test_a_clip_that_is_not_finished_has_no_files(client, path):
    jobs = client.app.app.state.server.clips
    job = jobs.add()
    response = client.get(f"/v1/video/{job.name}/{path}")
    assert response.status_code == 404
    assert list(response.json()) == ["error"]
    jobs.remove(job.name)


@pytest.mark.parametrize("content", [b"", b"a diary", np.random.default_rng(0).bytes(5000)])
def test_what_is_not_a_video_is_one_line_and_leaves_nothing(client, content):
    response = client.post("/v1/video", content=content)
    assert response.status_code == 422
    assert response.json()["error"].startswith("the clip: ")
    assert client.app.app.state.server.clips._jobs == {}


@pytest.mark.parametrize("query", ["model=none", "model=../x", "smooth=hard"])
def test_wrong_options_are_rejected_before_the_clip_is_read(client, clip, query):
    assert client.post(f"/v1/video?{query}", content=clip).status_code == 422


def test_clips_have_limits_of_their_own(serve, clip, gray):
    with serve(settings=ServerSettings(largest_body=1000, largest_clip=len(clip), longest_clip_s=0.1)) as client:
        assert client.post("/v1/predict", content=gray + bytes(1000)).status_code == 413
        assert "lasts" in client.post("/v1/video", content=clip).json()["error"]
        response = client.post("/v1/video", content=clip + b"1")
        assert response.status_code == 413
        assert response.json()["error"].endswith("send a smaller file")
        limits = client.get("/v1/studio").json()["clips"]
        assert limits == {"missing": "", "largest_bytes": len(clip), "longest_s": 0.1}


def test_too_many_clips_are_asked_to_wait(client, clip):
    jobs = client.app.app.state.server.clips
    waiting = [jobs.add() for _ in range(4)]
    response = client.post("/v1/video", content=clip)
    assert response.status_code == 429
    assert "4 clips are waiting" in response.json()["error"]
    for job in waiting:
        jobs.remove(job.name)


def test_the_queue_of_images_is_free_while_a_clip_is_tracked(client, clip, astronaut):
    name = client.post("/v1/video", content=clip).json()["name"]
    assert isinstance(client.app.app.state.server.queue, JobQueue)
    assert client.post("/v1/predict", content=astronaut).status_code == 200
    finished(client, name)
    client.delete(f"/v1/video/{name}")


def test_without_pyav_the_answer_says_what_to_install(client, clip, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    response = client.post("/v1/video", content=clip)
    assert response.status_code == 422
    assert response.json()["error"].endswith("pip install 'nasion[video]'")
    assert client.get("/v1/studio").json()["clips"]["missing"] == response.json()["error"]
