"""The built files as templates name them."""

from pathlib import Path

import pytest

from handlers import assets
from handlers.assets import AssetsNotBuilt, asset_url


@pytest.mark.parametrize(
    "name", ["clerk.js", "clerk.css", "camera.js", "start.css", "zxing_reader.wasm"]
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
