"""The tab "Video": a clip is tracked, watched, cancelled and downloaded."""

import csv
import sys
from fractions import Fraction

import pytest
from skimage import data

from browsing import (
    DESKTOP,
    PHONE,
    assert_nothing_overflows,
    download,
    make,
    opened,
    screenshot,
    serving,
    wait_for_status,
)
from nasion.geometry import Affine
from nasion.images import warp
from nasion.studio import ServerSettings, build
from nasion.video import ClipWriter, open_clip

pytest.importorskip("av")

pytestmark = pytest.mark.slow
COUNT = 8


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Return a clip of the astronaut, who moves right by 1 px per frame."""
    path = tmp_path_factory.mktemp("clips") / "flight.mp4"
    with ClipWriter(path, (512, 512), Fraction(25)) as writer:
        for k in range(COUNT):
            writer.add_frame(k / 25, warp(data.astronaut(), Affine.translation(k, 0), (512, 512)))
    return path


@pytest.fixture
def app():
    return build(make=make)


@pytest.fixture
def video_page(browser, app):
    with serving(app) as address, opened(browser, address) as page:
        page.locator("#tab-video").click()
        yield page


def jobs(app):
    return app.app.state.server.clips._jobs


def test_clip_is_tracked_played_and_downloaded(video_page, app, clip, tmp_path):
    assert "200 MB and 2 min" in video_page.locator("#video-limits").inner_text()
    video_page.locator("#video-file").set_input_files(str(clip))
    video_page.locator("#video-bar").wait_for()
    video_page.locator("#video-done").wait_for(timeout=120_000)
    assert f"Face 0: visible in {COUNT} of {COUNT} frames" in video_page.locator("#video-faces").inner_text()
    wait_for_status(video_page, f"flight.mp4: tracked {COUNT} frames")
    seek = "() => Object.assign(document.getElementById('video-result'), {currentTime: 0.2}).duration"
    video_page.wait_for_function("() => document.getElementById('video-result').readyState > 1")
    assert video_page.evaluate(seek) == pytest.approx(COUNT / 25, abs=0.05)
    video_page.wait_for_function("() => !document.getElementById('video-result').seeking")
    for size in (DESKTOP, PHONE):
        video_page.set_viewport_size(size)
        assert_nothing_overflows(video_page)
        screenshot(video_page, f"video-{size['width']}")
    assert open_clip(download(video_page, "video-mp4", tmp_path)).count == COUNT
    table = download(video_page, "video-csv", tmp_path)
    assert table.name == "flight-keypoints.csv"
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == COUNT
    assert float(rows[-1]["nose_bridge_0_x"]) - float(rows[0]["nose_bridge_0_x"]) == pytest.approx(COUNT - 1, abs=2)
    assert len(jobs(app)) == 1
    video_page.locator("#video-again").click()
    assert video_page.locator("#video-start").is_visible()
    wait_until_removed(video_page, app)


def wait_until_removed(page, app):
    for _ in range(200):
        if not jobs(app):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the clip was not removed")


def test_tracking_is_cancelled(browser, clip):
    def slow(name):
        predictor = make(name)
        detector = predictor._detector
        predictor._detector = lambda image: __import__("time").sleep(0.5) or detector(image)[:0]
        return predictor

    app = build(make=slow)
    with serving(app) as address, opened(browser, address) as page:
        page.locator("#tab-video").click()
        page.locator("#video-file").set_input_files(str(clip))
        page.locator("#video-frame").wait_for()
        screenshot(page, "video-tracking")
        page.locator("#video-cancel").click()
        wait_for_status(page, "flight.mp4: cancelled; its files are removed")
        assert page.locator("#video-start").is_visible()
        wait_until_removed(page, app)


def test_clip_is_removed_when_the_page_is_closed(browser, app, clip):
    with serving(app) as address:
        page = browser.new_page()
        page.goto(f"{address}#video")
        page.locator("#video-limits", has_text="MB").wait_for()
        page.locator("#video-file").set_input_files(str(clip))
        page.locator("#video-done").wait_for(timeout=120_000)
        page.goto("about:blank")
        wait_until_removed(page, app)
        page.close()


def test_dropped_file_that_is_not_a_video_is_reported(video_page, app):
    files = video_page.evaluate_handle(
        "() => { const files = new DataTransfer(); files.items.add(new File(['a diary'], 'diary.mp4')); return files; }"
    )
    video_page.locator("#video-area").dispatch_event("drop", {"dataTransfer": files})
    video_page.locator("#status.error", has_text="diary.mp4: the clip: not a video").wait_for()
    assert video_page.locator("#video-start").is_visible()
    assert jobs(app) == {}


def test_limits_are_stated(browser, clip):
    settings = ServerSettings(largest_clip=clip.stat().st_size, longest_clip_s=0.1)
    with serving(build(settings, make=make)) as address, opened(browser, address) as page:
        page.locator("#tab-video").click()
        page.locator("#video-file").set_input_files(str(clip))
        page.locator("#status.error", has_text="lasts 0 s; send one of at most 0 s").wait_for()
        large = {"name": "large.mp4", "mimeType": "video/mp4", "buffer": bytes(clip.stat().st_size + 1)}
        page.locator("#video-file").set_input_files(large)
        page.locator("#status.error", has_text="large.mp4 has 0 MB; the limit is 0 MB").wait_for()


def test_without_pyav_the_page_says_what_to_install(browser, app, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with serving(app) as address, opened(browser, address) as page:
        page.locator("#tab-video").click()
        assert "pip install 'nasion[video]'" in page.locator("#video-missing").inner_text()
        assert not page.locator("#video-choose").is_visible()
        screenshot(page, "video-missing")
