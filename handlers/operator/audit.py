"""`flask --app app audit …`: who did what, where and why, and whether the chain still holds."""

from datetime import datetime

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, in_taipei, shown_moment
from handlers.operator.installation import Installation
from models.audit import MOST_LISTED, AuditEntry, list_audit, verify_audit
from models.shop import find_store

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("audit", help="Who did what.")

    @group.command("list")
    @click.option("--subject", help="Such as member:12 or purchase:7.")
    @click.option("--what", help="Such as purchase.refund; purchase. for all that is done to one.")
    @click.option("--by", "username", help="Who did it: a login's name.")
    @click.option("--store", "store_code", help="Such as TP01.")
    @click.option("--device", help="As the entries name it: '#3 收銀一號', or an address.")
    @click.option("--since", type=MOMENT, help="A day, or a day and a time, in Taipei.")
    @click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=50, show_default=True)
    def list_entries(
        subject: str | None,
        what: str | None,
        username: str | None,
        store_code: str | None,
        device: str | None,
        since: datetime | None,
        limit: int,
    ) -> None:
        """Print the newest entries that match all that is asked for, newest first.

        Sales, refunds and redemptions at the counter are in it within a few minutes.
        """
        with installation.sessions() as session:
            store = find_store(session, store_code) if store_code else None
            if store_code and store is None:
                raise click.BadParameter(f"no store has the code {store_code}")
            for entry in list_audit(
                session,
                subject=subject,
                what=what,
                staff_id=get_actor(session, username).id if username else None,
                store_id=store.id if store else None,
                device=device,
                since=in_taipei(since),
                limit=limit,
            ):
                click.echo(_entry(entry))

    @group.command("verify")
    def verify() -> None:
        """Work the chain out anew; exit 1 where it does not hold."""
        with installation.sessions() as session:
            found = verify_audit(session)
        click.echo(f"{found.entries} entries, head {found.head or 'none'}")
        if not found.is_whole:
            raise click.ClickException(
                f"broken at {found.broken_at}, {found.unsealed} entries unsealed"
            )

    return group


def _entry(entry: AuditEntry) -> str:
    who = {"staff": f"staff:{entry.staff_id}", "member": f"member:{entry.member_id}"}
    where = f"store:{entry.store_id}" if entry.store_id else "-"
    changed = f"{entry.before or ''} → {entry.after or ''}"
    return (
        f"{shown_moment(entry.at)}  {who.get(entry.actor, 'system')}  {entry.what}"
        f"  {entry.subject}  {changed}  {where}  {entry.device or '-'}  {entry.reason or ''}"
    )
