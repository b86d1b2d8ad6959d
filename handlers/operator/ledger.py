"""`flask --app app ledger …`: prove the points ledger, see what is owed, and correct by hand."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import click
from flask.cli import AppGroup
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, saying_no, shown_moment, working
from handlers.operator.installation import Installation
from models.audit import note
from models.local_day import local_day
from models.member import get_member, get_member_by_typed
from models.points import (
    NEGATIVE_POINTS,
    Forecast,
    LedgerMonth,
    LedgerSeal,
    PointsAdjustment,
    PointsEntry,
    activate_early,
    approve_adjustment,
    ask_adjustment,
    find_last_seal,
    forecast,
    ledger_by_month,
    list_asked,
    list_lines,
    make_bonus_codes,
    refuse_adjustment,
    reverse_entry,
    seal_entries,
    settled_entry_id,
    verify_ledger,
)
from models.shop import Shop, get_shop

MOST_FAULTS_SHOWN = 100
PROGRESS_MEMBERS = 20_000
BONUS_DAYS = 90


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("ledger", help="The points ledger.")
    _add_proofs(group, installation)
    _add_figures(group, installation)
    _add_adjustments(group, installation)
    _add_entries(group, installation)
    _add_corrections(group, installation)
    return group


def _add_proofs(group: AppGroup, installation: Installation) -> None:
    @group.command("verify")
    @click.option("--root", help="A root kept elsewhere: it must be among the seals (hex).")
    def verify(root: str | None) -> None:
        """Work out every chain, figure, lot and seal again; exit 1 where one does not fit."""
        shown = 0
        with installation.sessions() as session:
            for fault in verify_ledger(session, _tell_progress):
                shown += 1
                if shown <= MOST_FAULTS_SHOWN:
                    click.echo(str(fault))
            last = find_last_seal(session)
            missing = root is not None and not _has_root(session, root)
        if missing:
            click.echo("ledger: seal: the root you keep is not among the seals")
        if shown or missing:
            raise click.ClickException(f"The ledger does not hold: {shown} fault(s).")
        sealed = f"sealed until {last.sealed_on.isoformat()}" if last else "not sealed yet"
        click.echo(f"The ledger holds, {sealed}.")

    @group.command("seal")
    def seal() -> None:
        """Seal all entries so far, once a day, and print the root to keep elsewhere."""
        now = installation.clock()
        with installation.sessions.begin() as session:
            last_id = settled_entry_id(session)
        with installation.sessions.begin() as session:
            fresh = seal_entries(session, local_day(now), last_id, now)
            made = fresh or find_last_seal(session)
            assert made is not None, "one was made, or was there"
            what = f"{made.entries} entries" if fresh else "sealed before"
            click.echo(f"{made.sealed_on.isoformat()} {what} {made.root.hex()}")


def _tell_progress(seen: int, total: int) -> None:
    if seen % PROGRESS_MEMBERS == 0:
        click.echo(f"{seen} of {total} members", err=True)


def _has_root(session: Session, root: str) -> bool:
    try:
        kept = bytes.fromhex(root)
    except ValueError as error:
        raise click.BadParameter("a root is written in hex") from error
    found = select(LedgerSeal.sealed_on).where(LedgerSeal.root == kept)
    return session.scalar(found) is not None


def _add_figures(group: AppGroup, installation: Installation) -> None:
    months = click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True)

    @group.command("forecast")
    @months
    def show_forecast(months: int) -> None:
        """Print what is owed in points and NT$, and in which month it lapses."""
        with installation.sessions() as session:
            for line in _forecast_lines(forecast(session, local_day(installation.clock()), months)):
                click.echo(line)

    @group.command("report")
    @months
    def report(months: int) -> None:
        """Print month by month what was issued, used, expired and reversed, and what is owed."""
        with installation.sessions() as session:
            lines = ledger_by_month(session, local_day(installation.clock()), months)
        for line in _report_lines(lines):
            click.echo(line)

    @group.command("rules")
    @click.option("--return-days", type=click.IntRange(0, 365), help="0: spendable at once.")
    @click.option("--negative", type=click.Choice(NEGATIVE_POINTS), help="Forgive, or let owe.")
    @click.option("--adjust-limit", type=click.IntRange(0), help="Alone, in a day, in points.")
    @click.option("--point-value", type=click.IntRange(1), help="NT$ one point is worth.")
    def rules(
        return_days: int | None,
        negative: str | None,
        adjust_limit: int | None,
        point_value: int | None,
    ) -> None:
        """Change the ledger's rules, and print them; they hold from the next purchase on."""
        told = {
            "return_days": return_days,
            "negative_points": negative,
            "adjust_limit_points": adjust_limit,
            "point_value_twd": point_value,
        }
        with working(installation) as session:
            shop = get_shop(session)
            for name, value in told.items():
                if value is not None:
                    setattr(shop, name, value)
            if any(value is not None for value in told.values()):
                shop.programme_version += 1
            click.echo(_rules_line(shop))


def _forecast_lines(seen: Forecast) -> Iterator[str]:
    yield (
        f"owed {seen.outstanding} points (NT${seen.outstanding_twd}), {seen.pending} of them"
        f" pending; members owe {seen.debt}"
    )
    yield f"{'month':<8} {'lapsing':>12} {'owed after':>12} {'NT$':>12}"
    for month in seen.months:
        yield (
            f"{month.first_day:%Y-%m}  {month.expiring:>12} {month.outstanding:>12}"
            f" {month.outstanding_twd:>12}"
        )
    yield f"{'later':<8} {seen.later:>12}"


def _report_lines(months: list[LedgerMonth]) -> Iterator[str]:
    names = ("month", "issued", "used", "expired", "reversed", "owed")
    yield f"{names[0]:<8}" + "".join(f" {name:>12}" for name in names[1:])
    for month in months:
        figures = (month.issued, month.used, month.expired, month.reversed, month.outstanding)
        yield f"{month.first_day:%Y-%m} " + "".join(f" {figure:>12}" for figure in figures)


def _rules_line(shop: Shop) -> str:
    return (
        f"return window {shop.return_days} days; points to take back that are spent:"
        f" {shop.negative_points}; adjusted alone up to {shop.adjust_limit_points} a day;"
        f" a point is worth NT${shop.point_value_twd}"
    )


def _add_adjustments(group: AppGroup, installation: Installation) -> None:
    by = click.option("--by", "username", required=True, help="Who does this, by their login.")

    @group.command("adjust")
    @click.argument("member_number")
    @click.argument("points", type=int)
    @click.option("--reason", required=True, help="The member reads it.")
    @by
    @click.option("--key", help="A second call with the same key moves nothing.")
    def adjust(
        member_number: str, points: int, reason: str, username: str, key: str | None
    ) -> None:
        """Move a member's points by hand (take: -- NUMBER -50), or ask a second person to."""
        with working(installation) as session:
            wish = ask_adjustment(
                session,
                get_member_by_typed(session, member_number),
                points,
                reason=reason,
                asked_by=get_actor(session, username),
                idempotency_key=f"ledger:{key or uuid4()}",
                now=installation.clock(),
            )
            click.echo(_adjustment_line(wish))

    @group.command("approve")
    @click.argument("adjustment_id", type=int)
    @by
    def approve(adjustment_id: int, username: str) -> None:
        """Post what somebody else asked for."""
        with working(installation) as session:
            wish = approve_adjustment(
                session,
                adjustment_id,
                decided_by=get_actor(session, username),
                now=installation.clock(),
            )
            click.echo(_adjustment_line(wish))

    @group.command("refuse")
    @click.argument("adjustment_id", type=int)
    @by
    def refuse(adjustment_id: int, username: str) -> None:
        """End somebody's wish without moving anything."""
        with working(installation) as session:
            wish = refuse_adjustment(
                session,
                adjustment_id,
                decided_by=get_actor(session, username),
                now=installation.clock(),
            )
            click.echo(_adjustment_line(wish))

    @group.command("adjustments")
    def adjustments() -> None:
        """Print the adjustments that wait for a second person."""
        with installation.sessions() as session:
            waiting = list_asked(session)
            for wish in waiting:
                click.echo(_adjustment_line(wish))
        if not waiting:
            click.echo("Nothing waits.")


def _adjustment_line(wish: PointsAdjustment) -> str:
    words = {
        "asked": "waits for a manager or the owner",
        "posted": f"posted as entry {wish.entry_id}",
        "refused": "refused",
    }
    return (
        f"adjustment {wish.id}: member {wish.member_id} {wish.points:+} points:"
        f" {words[wish.state]} ({wish.reason})"
    )


def _add_entries(group: AppGroup, installation: Installation) -> None:
    @group.command("entries")
    @click.argument("member")
    @click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
    def entries(member: str, limit: int) -> None:
        """Print a MEMBER's newest entries, newest first, with the numbers other commands take."""
        with saying_no(), installation.sessions() as session:
            found = get_member_by_typed(session, member)
            for line in list_lines(session, found.id, limit=limit):
                click.echo(_entry_line(line.entry))

    @group.command("activate")
    @click.argument("entry_id", type=int)
    @click.option("--reason", required=True, help="Why they need not wait; it stays in the audit.")
    @click.option("--by", "username", required=True, help="Who does this, by their login.")
    def activate(entry_id: int, reason: str, username: str) -> None:
        """Make the points of one earning spendable before their day, such as on delivery."""
        with working(installation) as session:
            entry, now = _entry(session, entry_id), installation.clock()
            if entry.moved <= 0:
                raise click.BadParameter(f"entry {entry_id} earned nothing")
            staff = get_actor(session, username)
            points = activate_early(session, get_member(session, entry.member_id), entry_id, now)
            note(
                session,
                "points.activate",
                f"member:{entry.member_id}",
                now=now,
                staff_id=staff.id,
                after={"entry_id": entry_id, "points": points},
                reason=reason,
            )
        click.echo(f"{points} points can be spent now.")


def _entry(session: Session, entry_id: int) -> PointsEntry:
    entry = session.get(PointsEntry, entry_id)
    if entry is None:
        raise click.BadParameter(f"there is no entry {entry_id}")
    return entry


def _entry_line(entry: PointsEntry) -> str:
    at = shown_moment(entry.posted_at)
    waiting = f" pending {entry.pending:+}" if entry.pending else ""
    told = f"  {entry.note}" if entry.note else ""
    return f"{entry.id}  {at}  {entry.points:+}{waiting}  {entry.reason}{told}"


def _add_corrections(group: AppGroup, installation: Installation) -> None:
    @group.command("reverse")
    @click.argument("entry_id", type=int)
    @click.option("--reason", required=True, help="The member reads it.")
    @click.option("--by", "username", required=True, help="Who does this, by their login.")
    def reverse(entry_id: int, reason: str, username: str) -> None:
        """Undo one entry, and tell its member what was undone and why."""
        with working(installation) as session:
            entry = _entry(session, entry_id)
            done = reverse_entry(
                session,
                get_member(session, entry.member_id),
                entry,
                note=reason,
                idempotency_key=f"reverse:{entry_id}",
                now=installation.clock(),
                staff_id=get_actor(session, username).id,
            )
            click.echo(f"entry {entry_id}: taken {done.taken}, forgiven {done.forgiven}.")

    @group.command("bonus-code")
    @click.argument("count", type=int)
    @click.option("--points", type=int, required=True, help="What each code gives.")
    @click.option("--member", "member_number", help="Only this member may use them.")
    @click.option("--days", type=click.IntRange(1, 3650), default=BONUS_DAYS, show_default=True)
    @click.option("--note", help="What they are for; members read it.")
    def bonus_code(
        count: int, points: int, member_number: str | None, days: int, note: str | None
    ) -> None:
        """Make codes that members type in the chat; each is good once."""
        now = installation.clock()
        with working(installation) as session:
            member = get_member_by_typed(session, member_number) if member_number else None
            for code in make_bonus_codes(
                session,
                count,
                points,
                expires_at=now + timedelta(days=days),
                now=now,
                member_id=member.id if member else None,
                note=note,
            ):
                click.echo(code.shown)
