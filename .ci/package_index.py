"""Where packages come from here, and uv, fetched from there where the machine has none.

Only the standard library, and no pip: a bare Debian `python3` has neither pip nor venv.
"""

import base64
import configparser
import hashlib
import html.parser
import io
import os
import platform
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

PUBLIC_INDEX = "PyPI"
"""Where packages come from unless somebody says otherwise; it lives at its own name."""
TIMEOUT_SECONDS = 60

UV_VERSION = "0.13.9"
# What an own uv must understand: `uv venv --clear` came with 0.8.
UV_OLDEST = (0, 8)
# (system, machine) as Python's `platform` says them -> the wheel's platform tag, its SHA-256.
UV_WHEELS = {
    ("Linux", "x86_64"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",
    ),
    ("Darwin", "arm64"): (
        "macosx_11_0_arm64",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
    ("Darwin", "x86_64"): (
        "macosx_10_12_x86_64",
        "c16ed11e013557536b3e60065f1b912f6407bd6518e041b961e23ef9e6b4fbf5",
    ),
    ("Windows", "AMD64"): (
        "win_amd64",
        "6a44b2ed8111d2f60d2b92627c5dccda3f7ed7570b18ce115e569cd68c28246b",
    ),
}


class SetupError(Exception):
    """Set-up cannot go on; the text says why and what to do, in its first line."""


# --- the machine's own settings ---


def pip_settings_files() -> Iterator[Path]:
    """Yield the places of pip's settings, the strongest first."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named:
        yield Path(named)
    home = Path.home()
    yield Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield home / ".pip" / "pip.conf"
    if sys.platform == "darwin":
        yield home / "Library" / "Application Support" / "pip" / "pip.conf"
        yield Path("/Library/Application Support/pip/pip.conf")
    if os.name == "nt":
        yield Path(os.environ.get("APPDATA", str(home))) / "pip" / "pip.ini"
        yield Path(os.environ.get("PROGRAMDATA", str(home))) / "pip" / "pip.ini"
    for folder in os.environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")


def pip_setting(name: str) -> str | None:
    """Return one of pip's settings by its long name, from the environment or pip's files."""
    value = os.environ.get("PIP_" + name.upper().replace("-", "_"))
    if value:
        return value
    for path in pip_settings_files():
        settings = configparser.RawConfigParser()
        try:
            settings.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        for section in ("install", "global"):
            value = settings.get(section, name, fallback="").strip()
            if value:
                return value
    return None


def index_address() -> str:
    """Return the package index to ask: uv's setting, pip's setting, or PyPI."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        value = os.environ.get(name)
        if value:
            return value.rpartition("=")[2] if "://" not in value.partition("=")[0] else value
    return pip_setting("index-url") or f"https://{PUBLIC_INDEX.lower()}.org/simple"


def certificates() -> str | None:
    """Return the file of certificates this machine trusts, where somebody named one that exists."""
    named = (
        os.environ.get("SSL_CERT_FILE"),
        pip_setting("cert"),
        os.environ.get("REQUESTS_CA_BUNDLE"),
    )
    return next((path for path in named if path and Path(path).is_file()), None)


def index_settings() -> dict[str, str]:
    """Return the environment that makes uv use the same index and certificates.

    It reads none of pip's settings by itself.
    """
    settings = {}
    if not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & os.environ.keys():
        settings["UV_DEFAULT_INDEX"] = index_address()
    trusted = certificates()
    if trusted is not None:
        settings["SSL_CERT_FILE"] = trusted
    return settings


# --- reading the index ---


class FileLinks(html.parser.HTMLParser):
    """Collects an index page's links by their text, the file names."""

    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self._address: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember where a link goes."""
        if tag == "a":
            self._address = dict(attrs).get("href")

    def handle_data(self, data: str) -> None:
        """File the link under its text."""
        if self._address is not None and data.strip():
            self.links[data.strip()] = self._address
            self._address = None


def fetch(address: str, accept: str = "*/*") -> tuple[bytes, str]:
    """Return what is at `address` and where that was in the end; send its name and password."""
    parts = urllib.parse.urlsplit(address)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    request = urllib.request.Request(bare, headers={"Accept": accept})
    if parts.username:
        who = ":".join(
            urllib.parse.unquote(part or "") for part in (parts.username, parts.password)
        )
        request.add_unredirected_header(
            "Authorization", "Basic " + base64.b64encode(who.encode()).decode("ascii")
        )
    context = ssl.create_default_context(cafile=certificates())
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as answer:
            return answer.read(), answer.url
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise SetupError(
            f"cannot read {bare} ({reason}). Is the network up? Behind a mirror, name it in "
            "PIP_INDEX_URL, and its certificates in PIP_CERT; or install uv yourself."
        ) from error


def find_file(package: str, name: str) -> str:
    """Return the address of one file of a package, from the index's page about it."""
    page, address = fetch(f"{index_address().rstrip('/')}/{package}/", accept="text/html")
    links = FileLinks()
    links.feed(page.decode("utf-8", errors="replace"))
    if name not in links.links:
        raise SetupError(f"the package index has no {name}. Install uv yourself and try again.")
    return with_credentials(urllib.parse.urljoin(address, links.links[name]))


def with_credentials(address: str) -> str:
    """Return a file's address with the index's own name and password, on the same host only."""
    index, file = urllib.parse.urlsplit(index_address()), urllib.parse.urlsplit(address)
    if "@" in index.netloc and file.netloc == index.netloc.rpartition("@")[2]:
        return file._replace(netloc=index.netloc).geturl()
    return address


# --- uv ---


def find_uv(var: Path, say: Callable[[str], None]) -> str:
    """Return the path of a uv that works: the machine's, or one fetched into `var`."""
    own = shutil.which("uv")
    if own is not None and uv_version(own) >= UV_OLDEST:
        return own
    kept = var / f"uv-{UV_VERSION}" / ("uv.exe" if os.name == "nt" else "uv")
    if not kept.exists():
        say(f"fetching uv {UV_VERSION}, the installer …")
        fetch_uv(kept)
    return str(kept)


def uv_version(uv: str) -> tuple[int, ...]:
    """Return the version a uv says it is; (0,) where it does not work."""
    try:
        said = subprocess.run([uv, "--version"], capture_output=True, text=True, check=True).stdout
        return tuple(int(part) for part in said.split()[1].split(".")[:2])
    except (OSError, subprocess.CalledProcessError, IndexError, ValueError):
        return (0,)


def fetch_uv(target: Path) -> None:
    """Take uv's program out of its wheel for this platform; the hash must be the one above."""
    system, machine = platform.system(), platform.machine()
    if (system, machine) not in UV_WHEELS:
        raise SetupError(
            f"no uv is known for {system} on {machine}: install uv yourself, then again."
        )
    tag, digest = UV_WHEELS[system, machine]
    wheel, _ = fetch(find_file("uv", f"uv-{UV_VERSION}-py3-none-{tag}.whl"))
    if hashlib.sha256(wheel).hexdigest() != digest:
        raise SetupError(
            "the package index sent another uv than PyPI's: refused. Install uv yourself."
        )
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        program = archive.read(f"uv-{UV_VERSION}.data/scripts/{target.name}")
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f"{target.name}.{os.getpid()}")
    half.write_bytes(program)
    half.chmod(0o755)
    half.replace(target)
