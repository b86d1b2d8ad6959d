"""`flask --app app device …`: the counter's phones and tablets, and when they lock."""

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import saying_no
from handlers.operator.installation import Installation
from models.device import list_devices, make_enrolment_code, revoke_device
from models.local_day import TAIPEI
from models.shift import end_shifts_on
from models.shop import LOCK_MINUTES, Store, find_store, get_shop


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("device", help="Phones and tablets that may be counters.")

    @group.command("code")
    @click.option("--store", "store_code", prompt="Store code", help="Such as TP01.")
    def code(store_code: str) -> None:
        """Make a code that enrols one device, once, within 15 minutes, and print it."""
        with installation.sessions.begin() as session:
            store = get_store(session, store_code)
            made, typed = make_enrolment_code(session, store, by=None, now=installation.clock())
            until = made.expires_at.astimezone(TAIPEI)
        click.echo(f"{typed}  good until {until:%H:%M}, for {store.code}")

    @group.command("list")
    def list_all() -> None:
        """Print the devices, those in use first."""
        with installation.sessions() as session:
            for device, by in list_devices(session):
                seen = device.last_seen_at.astimezone(TAIPEI)
                state = "revoked" if device.revoked_at else f"seen {seen:%Y-%m-%d %H:%M}"
                who = f", let in by {by}" if by else ""
                click.echo(f"{device.id} {device.name}: {device.store.code}, {state}{who}")

    @group.command("revoke")
    @click.argument("device_id", type=int)
    def revoke(device_id: int) -> None:
        """Let a device do nothing any more; what goes on there ends at once."""
        now = installation.clock()
        with saying_no(), installation.sessions.begin() as session:
            device = revoke_device(session, device_id, by=None, now=now)
            end_shifts_on(session, device.id, now)
            click.echo(f"{device.name} is revoked.")

    @group.command("lock-after")
    @click.argument("minutes", type=click.IntRange(*LOCK_MINUTES))
    def lock_after(minutes: int) -> None:
        """Lock a counter that nobody touched for so many minutes."""
        with installation.sessions.begin() as session:
            get_shop(session).lock_minutes = minutes
        click.echo(f"Counters lock after {minutes} minute(s).")

    return group


def get_store(session: Session, code: str) -> Store:
    """Return the store with this code, or end the command."""
    store = find_store(session, code)
    if store is None:
        raise click.BadParameter(f"no store has the code {code}")
    return store
