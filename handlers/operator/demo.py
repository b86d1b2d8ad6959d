"""`make run`: the whole product on one machine, with the LINE simulator and the demo shop.

`python -m handlers.operator.demo` starts the embedded database and the simulator, loads what is
missing, then runs web, worker and clock until Ctrl-C, which stops all of them and the database.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from honcho.manager import Manager
from sqlalchemy import Engine

import migrations
from bot.rich_menu import MENU_NAMES, menu_version
from handlers.sandbox import make_sandbox
from models.base import Sessions
from models.database import embedded_url, make_engine, make_sessions, stop_embedded
from models.demo import DEMO_STAFF, demo_people, load_demo
from models.rich_menu import find_rich_menu

ROOT = Path(__file__).resolve().parent.parent.parent
VAR = ROOT / "var"
ENV_FILE = VAR / "demo.env"
POSTGRES = VAR / "postgres"
METRICS = VAR / "metrics"
BIN = Path(sys.executable).parent
FIRST_PORT = 8000
PORTS_TRIED = 50
STOPPED = (-2, -15)
"""How honcho reports processes ended by Ctrl-C and SIGTERM: as they should be."""
READY_WITHIN_SECONDS = 120
CALL_SECONDS = 5
SIMULATOR_QUOTA = 6_000


def main() -> int:
    """Run the demo until it is stopped; return an exit status."""
    started = time.monotonic()
    VAR.mkdir(exist_ok=True)
    shutil.rmtree(METRICS, ignore_errors=True)  # Counters of processes long gone.
    say("Starting the database …")
    url = embedded_url(POSTGRES)
    environment = {**os.environ, **write_environment(), "DATABASE_URL": str(url)}
    environment["PYTHONUNBUFFERED"] = "1"
    engine = make_engine(url)
    try:
        prepare_shop(engine)
        return _run_processes(environment, make_sessions(engine), started)
    except KeyboardInterrupt:
        return 0
    finally:
        engine.dispose()
        stop_embedded(POSTGRES)


def prepare_shop(engine: Engine) -> None:
    """Migrate and load the demo shop, where that was not done before."""
    with engine.connect() as connection:
        is_current = migrations.is_current(connection)
    if not is_current:
        say("Preparing the demo shop: tables, 300 members, two years of purchases …")
        migrations.upgrade(engine)
        sandbox = make_sandbox(engine.url, make_sessions(engine), lambda: datetime.now(UTC))
        sandbox.upgrade()
        sandbox.engine.dispose()
    load_demo(make_sessions(engine), datetime.now(UTC))


def write_environment() -> dict[str, str]:
    """Return the demo's settings, drawing its secrets once; commands by hand read the same file."""
    kept = _read_environment()
    port = _free_port(FIRST_PORT)
    simulator_port = _free_port(port + 1)
    base, chat = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{simulator_port}"
    settings = {
        "SECRET_KEY": kept.get("SECRET_KEY") or secrets.token_hex(32),
        "LINE_CHANNEL_SECRET": kept.get("LINE_CHANNEL_SECRET") or secrets.token_hex(16),
        "LINE_CHANNEL_ACCESS_TOKEN": kept.get("LINE_CHANNEL_ACCESS_TOKEN")
        or secrets.token_urlsafe(64),
        "LINE_API_BASE": chat,
        "LINE_DATA_API_BASE": chat,
        "PUBLIC_BASE_URL": base,
        "CHAT_URL": chat,
        "DEMO": "1",
        "PORT": str(port),
    }
    ENV_FILE.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    ENV_FILE.chmod(0o600)
    return settings


def _read_environment() -> dict[str, str]:
    if not ENV_FILE.exists():
        return {}
    lines = (line.partition("=") for line in ENV_FILE.read_text().splitlines())
    return {name: value for name, _, value in lines}


def _free_port(first: int) -> int:
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    sys.exit(f"No free port from {first} to {first + PORTS_TRIED}.")


def fill_simulator(sessions: Sessions, environment: dict[str, str]) -> None:
    """Bring the demo's people and the rich menus to the simulator, where they are missing."""
    chat_url = environment["CHAT_URL"]
    _wait_for(chat_url)
    _seed(sessions, chat_url)
    if not _has_menus(sessions, chat_url, environment["LINE_CHANNEL_ACCESS_TOKEN"]):
        flask = str(BIN / "flask")
        subprocess.run(
            [flask, "--app", "app", "rich-menu", "sync"],
            env=environment,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def _has_menus(sessions: Sessions, chat_url: str, token: str) -> bool:
    """Tell whether the simulator has our menus as they are today: most starts need no upload."""
    with sessions() as session:
        known = [find_rich_menu(session, name) for name in MENU_NAMES]
    return all(
        menu is not None
        and menu.version == menu_version(menu.name)
        and _exists(f"{chat_url}/v2/bot/richmenu/{menu.line_rich_menu_id}", token)
        for menu in known
    )


def _exists(url: str, token: str) -> bool:
    request = urllib.request.Request(  # noqa: S310 - our own simulator, on this machine
        url, headers={"Authorization": f"Bearer {token}"}
    )
    try:
        urllib.request.urlopen(request, timeout=CALL_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return False
    return True


def _seed(sessions: Sessions, chat_url: str) -> None:
    """Make the demo's members people in the simulator; those already there stay as they are."""
    with sessions() as session:
        people = demo_people(session)
    account = {"name": "茶日子 Tea Days", "basicId": "@teadays"}
    quota = {"type": "limited", "value": SIMULATOR_QUOTA}
    _call(f"{chat_url}/_sim/seed", {"account": account, "people": people, "quota": quota})


def _call(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 - our own simulator, on this machine
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=CALL_SECONDS).close()  # noqa: S310


def _wait_for(url: str) -> bool:
    """Wait until something answers there; tell whether it did in time."""
    until = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=CALL_SECONDS).close()  # noqa: S310
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return True
    return False


def _run_processes(environment: dict[str, str], sessions: Sessions, started: float) -> int:
    flask = f"{BIN / 'flask'} --app app"
    chat_port = environment["CHAT_URL"].rpartition(":")[2]
    commands = {
        "simulator": f"{sys.executable} -m bot.simulator --port {chat_port}"
        f" --webhook-url {environment['PUBLIC_BASE_URL']}/callback"
        f" --state {VAR / 'simulator.sqlite3'}",
        "web": f"{BIN / 'granian'} --interface wsgi --factory --workers 1 --blocking-threads 8"
        f" --respawn-failed-workers --no-ws --host 127.0.0.1 --port {environment['PORT']}"
        " --log-level error app:create_app",
        "worker": f"{flask} worker",
        "clock": f"{flask} clock",
    }
    manager = Manager()
    for name, command in commands.items():
        manager.add_process(name, command, env=environment, cwd=str(ROOT))
    threading.Thread(target=_announce, args=(environment, sessions, started), daemon=True).start()
    manager.loop()
    return 0 if manager.returncode in (None, *STOPPED) else int(manager.returncode)


def _announce(environment: dict[str, str], sessions: Sessions, started: float) -> None:
    base, chat = environment["PUBLIC_BASE_URL"], environment["CHAT_URL"]
    fill_simulator(sessions, environment)
    if not _wait_for(f"{base}/readyz"):
        say("The web server is not ready; see the lines above.")
        return
    clerk = next(entry for entry in DEMO_STAFF if entry[2] == "clerk")
    say(
        f"""
  Regulars 常客 is running (after {time.monotonic() - started:.0f} s).

    開始 Start here    {base}/
    顧客 Shopper       {chat}/?new=1
    店員 Clerk         {base}/   → 打開櫃台 (PIN {clerk[5]})

  All logins: .venv/bin/flask --app app demo logins

  Ctrl-C stops everything and keeps the data.
"""
    )


def say(words: str) -> None:
    """Print a line for the person at the terminal."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
