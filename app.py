"""The front door: settings, database, clock and LINE client; every process starts here.

`create_app` is what the web server serves; the commands (`flask --app app …`) start the worker,
the clock, and what an operator asks for. Nobody imports this module.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import click
import procrastinate
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask, Response
from flask_openapi.openapi import OpenAPI
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import InternalServerError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.test import Client
from whitenoise import WhiteNoise

ROOT = Path(__file__).parent
DEMO_ENV = ROOT / "var" / "demo.env"
METRICS_FOLDER = ROOT / "var" / "metrics"
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(METRICS_FOLDER))
Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)

gc.disable()  # What is imported stays: looking for garbage in it is a third of a start.
from bot.client import ChannelToken, LineClient  # noqa: E402 - the metrics' folder comes first
from bot.mail import (  # noqa: E402
    Channel,
    FileMailer,
    MailNotSafe,
    MailServer,
    SmtpMailer,
    check_sender,
    read_smtp_url,
)
from bot.text_sender import DemoSender, Gateway, HttpSender, OtpSender  # noqa: E402
from handlers import (  # noqa: E402
    HandlerSettings,
    api,
    clerk,
    console,
    in_transaction,
    init_handlers,
    site,
)
from handlers.address import IdConverter  # noqa: E402
from handlers.api import docs, document  # noqa: E402
from handlers.assets import STATIC_FOLDER, STATIC_URL  # noqa: E402
from handlers.line import (  # noqa: E402
    Room,
    apologise,
    wants_profile,
    webhook,
    work_event,
)
from handlers.line.keeper import EventKeeper  # noqa: E402
from handlers.login import init_logins  # noqa: E402
from handlers.operator import commands, demo_week  # noqa: E402
from handlers.operator.channels import DEMO_MAILS  # noqa: E402
from handlers.operator.members import DEMO_TEXTS  # noqa: E402
from handlers.sandbox import Sandbox, make_sandbox  # noqa: E402
from jobs.clock import run_clock  # noqa: E402
from jobs.context import JobContext  # noqa: E402
from jobs.queue import Bell, make_queue, make_sync_queue  # noqa: E402
from jobs.timetable import ROUNDS, TIMETABLE, Entry, Round  # noqa: E402
from jobs.worker import run_worker  # noqa: E402
from models.base import Sessions  # noqa: E402
from models.database import embedded_url, libpq_conninfo, make_engine, make_sessions  # noqa: E402
from models.link import LinkMaker, derive_link_key  # noqa: E402
from models.local_day import TAIPEI  # noqa: E402
from models.member_code import derive_signing_key  # noqa: E402
from models.outbox import release_by_hand  # noqa: E402

gc.freeze()  # Nor is it looked through later.
gc.enable()

SESSION_HOURS = 12
STATEMENT_TIMEOUT_SECONDS = 30
LARGEST_FORM_BYTES = 1_100_000
DEMO_SENDER = "茶日子 Tea Days <hello@tea-days.example>"

log = structlog.get_logger()


class Settings(BaseSettings):
    """The environment, read once; `.env.example` lists every name. Missing means no start."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    secret_key: str
    line_channel_secret: str
    line_channel_access_token: str | None = None
    line_channel_id: str | None = None
    line_api_base: str = "https://api.line.me"
    line_data_api_base: str = "https://api-data.line.me"
    public_base_url: str
    database_url: str | None = None
    code_signing_key: str | None = None
    chat_url: str | None = None
    demo: bool = False
    sms_url: str | None = None
    sms_method: Literal["GET", "POST"] = "POST"
    sms_header: str = ""
    sms_body: str = ""
    sms_content_type: str = "application/x-www-form-urlencoded"
    smtp_url: str | None = None
    mail_from: str | None = None
    trusted_proxies: int = 0
    log_level: str = "INFO"

    @property
    def channel_secrets(self) -> list[str]:
        """The secrets in force; several while one is being exchanged."""
        return [part.strip() for part in self.line_channel_secret.split(",") if part.strip()]

    @property
    def mail_server(self) -> MailServer | None:
        """Where mails are handed over; None where the shop sends none. Raises MailNotSafe."""
        if self.smtp_url is None:
            return None
        check_sender(self.mail_from or "")
        return read_smtp_url(self.smtp_url)

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The key of the member codes."""
        return derive_signing_key(self.code_signing_key or self.secret_key)


def read_settings() -> Settings:
    """Read the environment, `.env`, or what `make run` wrote; stop if one is missing.

    The demo's file counts only where nothing of a real shop is to be seen: neither DATABASE_URL nor
    `.env`. Else its logins and its simulator could slip into a shop that once tried `make run`.
    """
    own = ROOT / ".env"
    is_real = "DATABASE_URL" in os.environ or own.exists()
    try:
        settings = Settings(_env_file=own if is_real else DEMO_ENV)  # type: ignore[call-arg]  # Fields come from the environment.
    except ValidationError as error:
        names = ", ".join(str(problem["loc"][0]).upper() for problem in error.errors())
        sys.exit(f"Missing or wrong settings: {names}. See .env.example, or try `make run`.")
    if not (settings.line_channel_access_token or settings.line_channel_id):
        sys.exit("Set LINE_CHANNEL_ACCESS_TOKEN, or LINE_CHANNEL_ID for stateless tokens.")
    try:
        _ = settings.mail_server  # Read now, so that a shop learns of it at the start.
    except MailNotSafe as error:
        sys.exit(f"{error}. See .env.example.")
    return settings


def utc_now() -> datetime:
    """Return the time; everybody else is told it."""
    return datetime.now(UTC)


@dataclass
class Installation:
    """One process's parts, made when first needed, so after a server has forked."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now

    @cached_property
    def database_url(self) -> str:
        """The named database, or the embedded one, started here where it does not run."""
        if self.settings.database_url:
            return self.settings.database_url
        return str(embedded_url(ROOT / "var" / "postgres"))

    @cached_property
    def engine(self) -> Engine:
        """The database's pool of connections."""
        return make_engine(self.database_url, statement_timeout_seconds=STATEMENT_TIMEOUT_SECONDS)

    @cached_property
    def sessions(self) -> Sessions:
        """The maker of sessions."""
        return make_sessions(self.engine)

    @cached_property
    def sandbox(self) -> Sandbox:
        """The world of the sandbox keys; nothing is connected before one of them is used."""
        return make_sandbox(
            self.database_url,
            self.sessions,
            self.clock,
            statement_timeout_seconds=STATEMENT_TIMEOUT_SECONDS,
        )

    @cached_property
    def room(self) -> Room:
        """What the LINE handlers may know."""
        settings = self.settings
        otp: Literal["none", "text", "demo"] = "text" if settings.sms_url else "none"
        return Room(
            settings.signing_key,
            settings.public_base_url.rstrip("/"),
            otp="demo" if settings.demo else otp,
            link_key=derive_link_key(settings.secret_key),
            has_mail=settings.demo or settings.mail_server is not None,
        )

    @cached_property
    def bell(self) -> Bell:
        """What wakes the workers."""
        return Bell(self.make_sync_queue)

    @cached_property
    def keeper(self) -> EventKeeper:
        """What keeps webhook events; should two first requests make two, both do their work."""
        return EventKeeper(self.engine, partial(self.bell.ring, "work_inbox"))

    def make_queue(self) -> procrastinate.App:
        """Make a worker's queue."""
        return make_queue(libpq_conninfo(self.database_url))

    def make_sync_queue(self) -> procrastinate.App:
        """Make the queue of a process that only leaves work."""
        return make_sync_queue(libpq_conninfo(self.database_url))

    def handler_settings(self) -> HandlerSettings:
        """Return what the pages may know."""
        settings = self.settings
        return HandlerSettings(
            signing_key=settings.signing_key,
            public_key=settings.signing_key.public_key(),
            public_base_url=settings.public_base_url.rstrip("/"),
            chat_url=settings.chat_url.rstrip("/") if settings.chat_url else None,
            demo=settings.demo,
            secret_key=settings.secret_key,
        )

    def make_text_sender(self) -> OtpSender | None:
        """Make what brings codes to phones, where the shop, or the demo, has one."""
        settings = self.settings
        if settings.demo:
            return DemoSender(DEMO_TEXTS)
        if not settings.sms_url:
            return None
        return HttpSender(
            Gateway(
                settings.sms_url,
                settings.sms_method,
                settings.sms_header,
                settings.sms_body,
                settings.sms_content_type,
            )
        )

    def make_mailer(self) -> Channel | None:
        """Make what brings mails to mailboxes, where the shop, or the demo, has one.

        Called inside the worker's event loop.
        """
        settings = self.settings
        if settings.demo:
            return FileMailer(DEMO_MAILS, settings.mail_from or DEMO_SENDER)
        if settings.mail_server is None or settings.mail_from is None:
            return None
        return SmtpMailer(settings.mail_server, settings.mail_from)

    async def make_job_context(self) -> JobContext:
        """Make what jobs are handed; called inside the worker's event loop."""
        settings = self.settings
        token = ChannelToken(
            settings.line_channel_access_token,
            settings.line_channel_id,
            settings.channel_secrets[0],
        )
        return JobContext(
            sessions=self.sessions,
            line=LineClient(settings.line_api_base, token),
            clock=self.clock,
            ring=self.bell.ring,
            wants_profile=wants_profile,
            work_event=partial(work_event, room=self.room),
            apologise=apologise,
            text_sender=self.make_text_sender(),
            webhook_secret=settings.secret_key,
            allow_private_webhooks=settings.demo,
            mailer=self.make_mailer(),
            links=LinkMaker(
                derive_link_key(settings.secret_key), settings.public_base_url.rstrip("/")
            ),
        )


def create_app(installation: Installation | None = None) -> Flask:
    """Make the web application; without an installation, that of the environment."""
    installation = installation or Installation(read_settings())
    set_up_logging(installation.settings.log_level)
    app = document.make_openapi(__name__)
    app.url_map.converters["int"] = IdConverter
    app.config.update(
        SECRET_KEY=installation.settings.secret_key,
        MAX_CONTENT_LENGTH=LARGEST_FORM_BYTES,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
        SESSION_REFRESH_EACH_REQUEST=False,  # The door renews it; a late ping may not undo a login.
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=installation.settings.public_base_url.startswith("https://"),
    )
    init_handlers(app, installation.handler_settings())
    _add_error_answers(app)
    _add_pages(app, installation)
    receive = _add_webhook(app, installation)
    _add_commands(app, installation)
    proxies = installation.settings.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # Flask's documented way.
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    static = WhiteNoise(app.wsgi_app, max_age=60, immutable_file_test=_is_hashed)
    static.add_files(str(STATIC_FOLDER), prefix=STATIC_URL)
    app.wsgi_app = webhook.WebhookDoor(static, receive)  # type: ignore[method-assign]  # As above.
    return app


def _is_hashed(_path: str, url: str) -> bool:
    """Files of the build carry their content's hash, so a browser may keep them for ever."""
    return url.startswith(STATIC_URL) and not url.endswith("manifest.json")


def _add_pages(app: OpenAPI, installation: Installation) -> None:
    init_logins(app)
    api.init_api(app, enter_sandbox=lambda key: installation.sandbox.enter(key))
    tills = api.make_blueprint()
    pages = (
        clerk.make_blueprint(),
        console.make_blueprint(),
        site.make_blueprint(demo=installation.settings.demo),
    )
    for blueprint in (*pages, tills):
        in_transaction(
            blueprint,
            lambda: installation.sessions(),
            clock=installation.clock,
            ring=lambda task: installation.bell.ring(task),
        )
    for blueprint in (*pages, docs.make_blueprint()):
        app.register_blueprint(blueprint)
    app.register_api(tills)


def _add_webhook(app: Flask, installation: Installation) -> webhook.Receive:
    """Add the webhook, and return what its door in front of the pages calls."""
    receive = webhook.make_receiver(
        installation.settings.channel_secrets, lambda events: installation.keeper.keep(events)
    )
    app.register_blueprint(webhook.make_blueprint(receive))
    return receive


def _add_error_answers(app: Flask) -> None:
    """Say in plain words what a person may do where we failed; nothing they sent was kept."""

    @app.errorhandler(OperationalError)
    @app.errorhandler(PoolTimeoutError)
    def database_is_away(error: Exception) -> Response:
        log.error("database_away", error=type(error).__name__)
        words = "系統暫時忙碌，請稍後再試一次。\nBusy for a moment: please try again.\n"
        return Response(words, 503, {"Retry-After": "2"}, mimetype="text/plain")

    @app.errorhandler(InternalServerError)
    def we_failed(_error: InternalServerError) -> Response:
        words = "系統發生錯誤，請再試一次。\nSomething failed: please try again.\n"
        return Response(words, 500, mimetype="text/plain")


def set_up_logging(level: str) -> None:
    """Log one line per thing done, `key=value`, to standard output."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(
                key_order=["timestamp", "level", "event"], bool_as_flag=False
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        cache_logger_on_first_use=True,
    )


def _add_commands(app: Flask, installation: Installation) -> None:
    """Add what an operator may ask for; the processes start here because here all rooms meet."""
    commands.add_commands(app, installation)
    demo = app.cli.commands["demo"]
    assert isinstance(demo, click.Group)
    demo_week.add_week(demo, partial(_open_week, installation.settings))

    @app.cli.command("worker")
    def worker() -> None:
        """Work the queue: events, deliveries, the timetable's jobs."""
        import uvloop  # Here alone: no other process needs it, and Windows has none.

        uvloop.run(run_worker(installation.make_queue, installation.make_job_context))

    @app.cli.command("clock")
    def clock() -> None:
        """Put the timetable's jobs into the queue; a second clock waits as a spare."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        run_clock(
            installation.engine,
            installation.sessions,
            installation.make_sync_queue,
            clock=installation.clock,
            stop=stop,
        )

    runnable: list[Entry | Round] = [*TIMETABLE, *ROUNDS]
    by_name = {each.name: each for each in runnable}

    @app.cli.group("job")
    def job() -> None:
        """The timetable's jobs."""

    @job.command("list")
    def list_jobs() -> None:
        """Show the timetable."""
        for entry in TIMETABLE:
            click.echo(f"{entry.at:%H:%M}  {entry.name}")

    @job.command("run")
    @click.argument("name", type=click.Choice(list(by_name)))
    @click.option(
        "--at", "at", default=None, help="The moment to play, such as 2026-12-01T10:00+08:00."
    )
    def run_job(name: str, at: str | None) -> None:
        """Run one job by hand, now or as if at another moment; deliver what it owes."""
        now = _moment(at) if at else installation.clock()
        done = by_name[name].job(installation.sessions, now=now)
        with installation.sessions.begin() as session:
            release_by_hand(session, now, installation.clock())
        installation.bell.ring_now("deliver_outbox")
        click.echo(f"{name} at {now.astimezone(TAIPEI):%Y-%m-%d %H:%M}: {done}")


def _open_week(
    settings: Settings, first: date, days: int, seed: int, keep: bool
) -> AbstractContextManager[demo_week.PlayedWeek]:
    """Set up a demo shop to be played, on the embedded server, whatever database we work with."""
    from jobs.demo_week.staging import set_stage  # The simulator: only this command pays for it.

    def build(
        told: dict[str, Any], clock: Callable[[], datetime], bell: Bell
    ) -> tuple[Installation, Client]:
        played = Installation(settings.model_copy(update=told), clock=clock)
        played.bell = bell
        return played, create_app(played).test_client()

    server = embedded_url(ROOT / "var" / "postgres")
    return set_stage(server, build, first, days=days, seed=seed, keep=keep)


def _moment(text: str) -> datetime:
    """Read a moment with its offset; without one, Taipei's is meant."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is no moment such as 2026-12-01T10:00+08:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=TAIPEI)
