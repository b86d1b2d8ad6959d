"""The built files as templates name them, and how much of them a counter loads at first."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from handlers import assets
from handlers.assets import AssetsNotBuilt, asset_url
from models.staff import Staff
from tests.handlers.clerk_driver import Counter

MOST_BYTES_AT_FIRST = 150_000


@pytest.mark.parametrize(
    "name",
    [
        "clerk.js",
        "clerk.css",
        "camera.js",
        "door.js",
        "offline.js",
        "start.css",
        "sw.js",
        "zxing_reader.wasm",
    ],
)
def test_a_built_file_is_named_by_its_content(name: str) -> None:
    stem, kind = name.split(".")
    url = asset_url(name)
    assert url.startswith(f"/static/{stem}-")
    assert url.endswith(f".{kind}")
    assert (assets.STATIC_FOLDER / url.rpartition("/")[2]).is_file()


def test_an_unknown_file_says_what_to_run() -> None:
    with pytest.raises(AssetsNotBuilt, match="npm run build"):
        asset_url("nothing.js")


def test_a_missing_build_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "STATIC_FOLDER", tmp_path)
    with pytest.raises(AssetsNotBuilt, match="npm run build"):
        asset_url("clerk.js")


def built(url: str) -> Path:
    return assets.STATIC_FOLDER / url.rpartition("/")[2]


def test_the_first_load_of_the_counter_is_small(
    client: FlaskClient, make_staff: Callable[..., Staff]
) -> None:
    """X7, issue 4: at most 150 KB compressed: page, style, scripts and worker, no camera code."""
    Counter(client).log_in(make_staff())
    page = client.get("/clerk").text
    named = set(re.findall(r"(?:href|src)=\"(/static/[^\"]+)\"", page))
    assert {"clerk", "door", "offline"} <= {built(url).name.partition("-")[0] for url in named}
    assert not any("camera" in url or "zxing" in url for url in named)
    sizes = [len(gzip.compress(page.encode()))]
    sizes += [built(f"{url}.gz").stat().st_size for url in [*named, asset_url("sw.js")]]
    assert sum(sizes) <= MOST_BYTES_AT_FIRST, sizes


def test_the_worker_keeps_the_counter_at_once_and_the_camera_later() -> None:
    """X7: precached are the counter's own files; the camera's code when it was used."""
    worker = built(asset_url("sw.js")).read_text("utf-8")
    kept = re.findall(r"\"(/static/[^\"]+)\"", worker)
    names = {name: asset_url(name) in kept for name in ("clerk.js", "clerk.css", "offline.js")}
    assert all(names.values()), names
    lists = re.findall(r"\[(\"/static/[^]]+)\]", worker)
    [precached] = {each for each in lists if asset_url("clerk.css") in each}
    [later] = {each for each in lists if each != precached}
    assert asset_url("camera.js") not in precached
    assert asset_url("camera.js") in later
    assert asset_url("zxing_reader.wasm") in later
