"""`flask --app app engagement …`: who answers, and whom marketing leaves in peace (B-07)."""

import click
from flask.cli import AppGroup

from handlers.operator.acting import shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.engagement import find_engagement
from models.member import get_member_by_typed, masked_name, shown_number
from models.outreach import MARKETING, reasons_not_to_write
from models.suppression import (
    count_suppressed,
    get_threshold,
    list_suppressed,
    set_threshold,
)

MOST_LISTED = 100
OFF = "off"
MOMENTS = (
    ("tapped_at", "最近在 LINE 互動"),
    ("clicked_at", "最近瀏覽網店"),
    ("bought_at", "最近購買"),
    ("sent_at", "最近收到行銷訊息"),
)


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about engagement and suppression."""
    group = AppGroup("engagement", help="Who answers, and who is left in peace.")

    @group.command("show")
    @click.argument("member")
    def show(member: str) -> None:
        """Print when a MEMBER last tapped, clicked, bought, and why they are not written to."""
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id
            found = find_engagement(session, member_id)
            for name, label in MOMENTS:
                moment = getattr(found, name) if found is not None else None
                click.echo(f"{label}：{shown_moment(moment) if moment else '–'}")
            click.echo(f"連續未回應：{found.unanswered if found is not None else 0} 則")
            reason = reasons_not_to_write(
                session,
                [member_id],
                kind=MARKETING,
                source=None,
                priority=None,
                now=installation.clock(),
                is_last_word=False,
            ).get(member_id)
            click.echo(f"付費推播：{'可發送' if reason is None else f'暫停（{reason}）'}")

    @group.command("suppressed")
    @click.option("--after", "after_id", type=int, default=0, help="Go on after this id.")
    def suppressed(after_id: int) -> None:
        """Print the sleeping members who never answered, and so are left in peace."""
        with working(installation) as session:
            threshold = get_threshold(session)
            if threshold is None:
                click.echo("目前不暫停任何人的付費推播。")
                return
            click.echo(
                f"沉睡會員（rfm:sleeping）連續 {threshold} 則未回應即暫停付費推播："
                f"{count_suppressed(session):,} 人"
            )
            rows = [
                (
                    str(person.id),
                    shown_number(person.number),
                    masked_name(person.name),
                    kept.unanswered,
                    shown_moment(kept.sent_at) if kept.sent_at else None,
                )
                for person, kept in list_suppressed(session, after_id=after_id, limit=MOST_LISTED)
            ]
        print_table(("序號", "卡號", "姓名", "未回應", "最近一則"), rows, "rllr")

    @group.command("stop-after")
    @click.argument("messages")
    @click.option("--note", required=True, help="Why; it is kept.")
    @click.option("--by", default="operator", help="Who decides.")
    def stop_after(messages: str, note: str, by: str) -> None:
        """Leave sleeping members in peace after so many unanswered MESSAGES, or `off`."""
        if messages != OFF and not messages.isdecimal():
            raise click.BadParameter("a whole number, or off")
        unanswered = None if messages == OFF else int(messages)
        with working(installation) as session:
            set_threshold(session, unanswered, note=note, by=by, now=installation.clock())
        click.echo("Nobody is left in peace." if unanswered is None else f"After {unanswered}.")

    return group
