#!/usr/bin/env python3
"""Set the project up: `python3 .ci/setup.py`, or `make setup`. Any number of times.

Needs Python 3.11 to 3.13 and a package index, nothing else: no pip, no venv module, no root.

1. `.venv` with the locked packages, by uv; without one, its wheel is fetched and checked.
2. `node_modules` with the locked packages, by npm; where there is none, one comes into `.venv`.
3. The pages' scripts and styles, bundled.
4. With `--with browser`: a Chromium for the browser tests.

A step whose inputs did not change is skipped; one that was cut off is done again from the start.
"""

import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(
        "setup: this is Python {}.{}; Regulars needs 3.11, 3.12 or 3.13. Install one of them and "
        "say which, for example: make PYTHON=python3.12".format(*sys.version_info[:2])
    )

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import browser
from package_index import SetupError, find_uv, index_settings

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VAR = ROOT / "var"
PROGRAMS = VENV / ("Scripts" if os.name == "nt" else "bin")
VENV_PYTHON = PROGRAMS / ("python.exe" if os.name == "nt" else "python")

RUN_PACKAGES = ROOT / "requirements.txt"
DEVELOPMENT_PACKAGES = ROOT / "requirements-dev.txt"
NODE_PACKAGES = ROOT / "requirements-node.txt"

PACKAGE_JSON = ROOT / "package.json"
PACKAGE_LOCK = ROOT / "package-lock.json"
PAGE_SOURCES = (ROOT / "handlers" / "frontend", ROOT / "bot" / "simulator" / "page")
PAGE_RESULTS = (
    ROOT / "handlers" / "static" / "manifest.json",
    ROOT / "bot" / "simulator" / "assets" / "index.html",
)

# How much of a failed command's words helps a person.
LINES_SHOWN = 12
# Raise it where a step does other work on the same inputs.
STEPS_VERSION = 1


@dataclass(frozen=True)
class Step:
    """Work that need not be repeated: the stamp holds the fingerprint of what it was made from."""

    stamp: Path
    inputs: tuple[Path, ...]
    results: tuple[Path, ...]
    circumstances: str

    def fingerprint(self) -> str:
        """Return one hash over the circumstances and all input files, folders with all below."""
        digest = hashlib.sha256(f"{STEPS_VERSION} {self.circumstances}".encode())
        for path in sorted(files_of(self.inputs)):
            digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def is_done(self) -> bool:
        """Return whether the results are there and were made from the inputs as they are."""
        return (
            all(path.exists() for path in self.results)
            and self.stamp.exists()
            and self.stamp.read_text(encoding="utf-8") == self.fingerprint()
        )

    @contextmanager
    def doing(self) -> Iterator[None]:
        """Count as not done until the block has ended well."""
        self.stamp.unlink(missing_ok=True)
        yield
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.write_text(self.fingerprint(), encoding="utf-8")


def files_of(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files that `paths` are, or hold; a missing one is an error."""
    for path in paths:
        if path.is_dir():
            yield from (below for below in path.rglob("*") if below.is_file())
        elif path.exists():
            yield path
        else:
            raise SetupError(
                f"{path.relative_to(ROOT)} is missing: this copy of the project is not whole. "
                "Get it back with git (git status shows what is gone)."
            )


def say(text: str) -> None:
    """Tell the person at the terminal what is going on."""
    print(f"setup: {text}", flush=True)


def run(
    what: str, command: list[str], *, env: Mapping[str, str], hint: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command in the project's folder; raise SetupError with what it said where it fails."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=dict(env), text=True, capture_output=True, check=False
        )
    except OSError as error:
        raise SetupError(f"{what} could not be started: {error}") from error
    if done.returncode != 0:
        said = f"{done.stdout}\n{done.stderr}".strip().splitlines()[:LINES_SHOWN]
        raise SetupError("\n  ".join([f"{what} failed. {hint}", *said]))
    return done


# --- Python ---


def base_python() -> str:
    """Return the Python outside any virtual environment: ours may be the one to be replaced."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def python_step(requirements: tuple[Path, ...]) -> Step:
    """Return the step that makes `.venv` from these requirement files."""
    return Step(
        stamp=VENV / ".setup",
        inputs=requirements,
        results=(VENV_PYTHON,),
        circumstances=f"{sys.version} {base_python()} {VENV}",
    )


def set_up_python(*, only_run: bool, with_node: bool) -> None:
    """Make `.venv` hold exactly the locked packages.

    Development's packages include those needed to run: where they are installed they stay.
    """
    node = (NODE_PACKAGES,) if with_node else ()
    complete = python_step((DEVELOPMENT_PACKAGES, *node))
    if complete.is_done():
        return
    step = python_step((RUN_PACKAGES, *node)) if only_run else complete
    if step.is_done():
        return
    began = time.monotonic()
    uv = find_uv(VAR, say)
    env = {**os.environ, **index_settings()}
    env.pop("VIRTUAL_ENV", None)
    say("installing the Python packages …")
    whole = step.stamp.exists() and VENV_PYTHON.exists() and same_python()
    with step.doing():
        if not whole:  # New, broken off in the middle, or of another Python.
            run(
                "Making .venv",
                [uv, "venv", "--quiet", "--clear", "--python", base_python(), str(VENV)],
                env=env,
            )
        run(
            "Installing the Python packages",
            # Compiled here, once: a process then starts in half the time, also where Python may
            # not write its caches.
            [
                *(uv, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes"),
                *("--python", str(VENV_PYTHON)),
                *(str(path) for path in step.inputs),
            ],
            env=env,
            hint="Is the network up? Behind a mirror, name it in PIP_INDEX_URL.",
        )
    say(f"Python packages ready ({time.monotonic() - began:.1f} s)")


def same_python() -> bool:
    """Return whether `.venv` was made by this very version of Python."""
    settings = (VENV / "pyvenv.cfg").read_text(encoding="utf-8")
    made_by = re.search(r"^version(?:_info)? *= *(\S+)", settings, re.MULTILINE)
    version = ".".join(str(part) for part in sys.version_info[:3])
    return made_by is not None and made_by[1].startswith(version)


# --- the front end ---


def system_npm() -> str | None:
    """Return npm's path where it comes with a Node that `package.json` accepts."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return None
    wanted = re.search(
        r"\d+", json.loads(PACKAGE_JSON.read_text(encoding="utf-8"))["engines"]["node"]
    )
    assert wanted is not None, "package.json names the oldest Node"
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", found.stdout)
    return npm if version is not None and int(version[1]) >= int(wanted[0]) else None


def npm_environment() -> dict[str, str]:
    """Return the environment for npm: `.venv`'s programs first, and our certificates."""
    env = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    certificates = index_settings().get("SSL_CERT_FILE")
    if certificates is not None:
        env.setdefault("NODE_EXTRA_CA_CERTS", certificates)
    return env


def set_up_front_end(npm: str) -> None:
    """Install the locked packages and bundle the pages."""
    modules = Step(
        stamp=ROOT / "node_modules" / ".setup",
        inputs=(PACKAGE_JSON, PACKAGE_LOCK),
        results=(ROOT / "node_modules",),
        circumstances=f"{sys.platform} {os.uname().machine if os.name == 'posix' else ''}",
    )
    pages = Step(
        stamp=VAR / "setup-pages",
        inputs=(PACKAGE_JSON, PACKAGE_LOCK, *PAGE_SOURCES),
        results=PAGE_RESULTS,
        circumstances="",
    )
    if not modules.is_done():
        began = time.monotonic()
        say("installing the pages' packages …")
        with modules.doing():
            run(
                "npm ci",
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
                env=npm_environment(),
                hint="Is the network up? Behind a mirror: npm config set registry ADDRESS.",
            )
        say(f"pages' packages ready ({time.monotonic() - began:.1f} s)")
    if not pages.is_done():
        with pages.doing():
            run("npm run build", [npm, "run", "--silent", "build"], env=npm_environment())
        say("pages bundled")


# --- the whole ---


def options() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="setup.py", description="Set the project up.")
    parser.add_argument(
        "--only", choices=["run"], help="install what is needed to run, not to test and develop"
    )
    parser.add_argument("--with", choices=["browser"], dest="extra", help="see to a Chromium too")
    return parser.parse_args()


def main() -> None:
    """Do what is not done yet."""
    asked = options()
    for path in (PACKAGE_JSON, PACKAGE_LOCK, RUN_PACKAGES, DEVELOPMENT_PACKAGES, NODE_PACKAGES):
        list(files_of([path]))
    VAR.mkdir(exist_ok=True)
    npm = system_npm()
    set_up_python(only_run=asked.only == "run", with_node=npm is None)
    npm = npm or str(PROGRAMS / "npm")
    set_up_front_end(npm)
    if asked.extra == "browser":
        browser.set_up(npm, npm_environment(), say)


if __name__ == "__main__":
    try:
        main()
    except SetupError as error:
        sys.exit(f"setup: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
