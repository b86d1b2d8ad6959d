"""The built style sheets and scripts: from a template's name to the hashed file."""

import json
from functools import lru_cache
from pathlib import Path

STATIC_FOLDER = Path(__file__).parent / "static"
STATIC_URL = "/static"
MANIFEST = "manifest.json"


class AssetsNotBuilt(Exception):
    """The front end was not built, or not since this asset was added."""


def asset_url(name: str) -> str:
    """Return where the browser finds the built file `name` (`clerk.js`, `zxing_reader.wasm`).

    Raises AssetsNotBuilt where the last `npm run build` did not make it.
    """
    manifest = STATIC_FOLDER / MANIFEST
    try:
        return f"{STATIC_URL}/{_read_manifest(manifest, manifest.stat().st_mtime_ns)[name]}"
    except (OSError, KeyError) as error:
        raise AssetsNotBuilt(f"{name}: run `npm ci --ignore-scripts && npm run build`") from error


@lru_cache(maxsize=2)
def _read_manifest(manifest: Path, _changed_at: int) -> dict[str, str]:
    """Read the manifest, again only after a build has changed it."""
    names: dict[str, str] = json.loads(manifest.read_text(encoding="utf-8"))
    return names
