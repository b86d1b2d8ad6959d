"""Set-up: nothing is done twice, nothing half-done counts, and what is fetched is checked."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import browser
import package_index
import pytest
import setup
from package_index import SetupError

PATIENCE_SECONDS = 120
FOREGROUND = Path(setup.__file__).with_name("foreground.py")
WHEEL = "uv-{version}-py3-none-{tag}.whl".format(
    version=package_index.UV_VERSION, tag=package_index.UV_WHEELS["Linux", "x86_64"][0]
)


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Forget every setting of the machine the tests run on."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(package_index, "pip_settings_files", lambda: iter([tmp_path / "pip.conf"]))


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a project of one file, its only input."""
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    (tmp_path / "lock").write_text("tea==1", encoding="utf-8")
    return tmp_path


def make_step(project: Path) -> setup.Step:
    """Return a step that makes `made` out of `lock`."""
    return setup.Step(
        stamp=project / "stamp",
        inputs=(project / "lock",),
        results=(project / "made",),
        circumstances="here",
    )


def do(step: setup.Step) -> None:
    """Do the step well."""
    with step.doing():
        step.results[0].touch()


def test_a_step_done_stays_done_while_nothing_changes(project: Path) -> None:
    do(make_step(project))

    assert make_step(project).is_done()


def test_a_changed_input_undoes_a_step(project: Path) -> None:
    do(make_step(project))
    (project / "lock").write_text("tea==2", encoding="utf-8")

    assert not make_step(project).is_done()


def test_a_result_taken_away_undoes_a_step(project: Path) -> None:
    do(make_step(project))
    (project / "made").unlink()

    assert not make_step(project).is_done()


def test_a_step_that_fails_the_second_time_is_not_done(project: Path) -> None:
    step = make_step(project)
    do(step)

    with pytest.raises(SetupError), step.doing():
        raise SetupError("the network went away")
    assert not step.is_done()


def test_a_missing_input_is_named(project: Path) -> None:
    (project / "lock").unlink()

    with pytest.raises(SetupError, match="lock is missing"):
        make_step(project).fingerprint()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UV_DEFAULT_INDEX", "https://mirror.example/simple"),
        ("UV_DEFAULT_INDEX", "office=https://mirror.example/simple"),
        ("UV_INDEX_URL", "https://mirror.example/simple"),
        ("PIP_INDEX_URL", "https://mirror.example/simple"),
    ],
)
def test_the_environment_names_the_index(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    assert package_index.index_address() == "https://mirror.example/simple"


@pytest.mark.parametrize("section", ["global", "install"])
def test_pips_settings_name_the_index_and_uv_is_told(tmp_path: Path, section: str) -> None:
    (tmp_path / "pip.conf").write_text(
        f"[{section}]\nindex-url = https://mirror.example/simple\n", encoding="utf-8"
    )

    assert package_index.index_settings() == {"UV_DEFAULT_INDEX": "https://mirror.example/simple"}


def test_a_setting_of_uv_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "https://mirror.example/simple")

    assert "UV_DEFAULT_INDEX" not in package_index.index_settings()


def test_pips_certificates_are_uvs_certificates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundle = tmp_path / "office.pem"
    bundle.touch()
    monkeypatch.setenv("PIP_CERT", str(bundle))

    assert package_index.index_settings()["SSL_CERT_FILE"] == str(bundle)


class Mirror(BaseHTTPRequestHandler):
    """An index behind a password, with one file that is not what it says."""

    def do_GET(self) -> None:
        """Answer the page about uv and the file it links to."""
        if self.headers["Authorization"] != "Basic dGVhOnAlc3M=":
            self.send_error(401)
            return
        page = f'<a href="../../files/{WHEEL}#sha256=abc">{WHEEL}</a>'
        answers = {"/simple/uv/": page.encode(), f"/files/{WHEEL}": b"something else"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answers[self.path])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror() -> Iterator[str]:
    """Yield the address of an index, its name and password (tea, p%ss) included."""
    server = HTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://tea:p%25ss@127.0.0.1:{server.server_port}/simple"
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_uv_than_the_one_we_know_is_refused(
    monkeypatch: pytest.MonkeyPatch, mirror: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", mirror)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    with pytest.raises(SetupError, match="another uv"):
        package_index.fetch_uv(tmp_path / "uv")
    assert not (tmp_path / "uv").exists()


def test_an_index_out_of_reach_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://tea:secret@127.0.0.1:9/simple")

    with pytest.raises(SetupError, match="PIP_INDEX_URL") as told:
        package_index.find_file("uv", WHEEL)
    assert "secret" not in str(told.value)


def test_a_platform_without_a_wheel_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "sparc")

    with pytest.raises(SetupError, match="install uv yourself"):
        package_index.fetch_uv(tmp_path / "uv")


@pytest.mark.parametrize(
    ("said", "version"), [("uv 0.13.9 (abc)", (0, 13)), ("uv 0.4.1", (0, 4)), ("what?", (0,))]
)
def test_the_version_of_the_machines_own_uv_is_read(
    tmp_path: Path, said: str, version: tuple[int, ...]
) -> None:
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\necho '{said}'\n", encoding="utf-8")
    uv.chmod(0o755)

    assert package_index.uv_version(str(uv)) == version


def test_a_signpost_to_a_browser_is_no_browser(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, status in (("signpost", 1), ("chromium", 0)):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setattr(browser, "FOUND", tmp_path / "chromium-path")
    monkeypatch.setenv("REGULARS_CHROMIUM", str(tmp_path / "signpost"))
    monkeypatch.setenv("PATH", str(tmp_path))

    assert browser.find_chromium() == str(tmp_path / "chromium")


def test_no_browser_is_told_loudly_and_stops_only_a_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    browser.give_up(told.append)
    assert any("NO CHROMIUM" in line for line in told)

    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit, match="CI is set"):
        browser.give_up(told.append)


def start_in_foreground(code: str) -> subprocess.Popen[str]:
    """Start `foreground.py` with a Python program that says when it is ready."""
    started = subprocess.Popen(
        [sys.executable, str(FOREGROUND), sys.executable, "-uc", code],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def test_ctrl_c_ends_a_command_in_peace() -> None:
    code = "import time\ntry: print('ready'); time.sleep(600)\nfinally: print('bye')"
    with start_in_foreground(code) as started:
        subprocess.run(["kill", "-INT", "--", f"-{started.pid}"], check=True)
        said, _ = started.communicate(timeout=PATIENCE_SECONDS)

    assert said == "bye\n"
    assert started.returncode == 0


def test_sigterm_is_passed_on() -> None:
    with start_in_foreground("import time; print('ready'); time.sleep(600)") as started:
        started.send_signal(signal.SIGTERM)

        assert started.wait(timeout=PATIENCE_SECONDS) == 0


def test_a_sigterm_while_the_command_is_being_started_is_passed_on() -> None:
    code = """if True:
        import foreground, signal, subprocess
        start = subprocess.Popen
        def interrupted(command):
            child = start(command)
            signal.raise_signal(signal.SIGTERM)
            return child
        subprocess.Popen = interrupted
        raise SystemExit(foreground.main(["sleep", "600"]))
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=FOREGROUND.parent, timeout=PATIENCE_SECONDS, check=False
    )

    assert done.returncode == 0


@pytest.mark.parametrize(
    ("command", "status"), [(["true"], 0), (["sh", "-c", "exit 3"], 3), (["no-such-program"], 127)]
)
def test_a_commands_own_end_is_told(command: list[str], status: int) -> None:
    done = subprocess.run(
        [sys.executable, str(FOREGROUND), *command], stderr=subprocess.DEVNULL, check=False
    )

    assert done.returncode == status
