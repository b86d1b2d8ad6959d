"""`flask --app app channel …`: how a member is reached, what they choose, what was clicked."""

from email import message_from_bytes, policy
from pathlib import Path

import click
from flask.cli import AppGroup

from handlers.operator.acting import shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.channel import (
    CHANNELS,
    CONFIRMED,
    STOPPED,
    UNCONFIRMED,
    UNUSABLE,
    MemberChannel,
    channels_of,
    choose_channel,
    find_channel,
    masked_email,
)
from models.link import clicks_of
from models.member import get_member_by_typed

DEMO_MAILS = Path(__file__).parents[2] / "var" / "demo-mails"
"""Where the demo puts what it mails: a page and a raw text each."""
MOST_MAILS = 20
AUTOMATIC = "auto"
NAMES = {"line": "LINE", "email": "電子郵件"}
STATES = {
    UNCONFIRMED: "待確認",
    CONFIRMED: "已確認",
    STOPPED: "已取消訂閱",
    UNUSABLE: "無法寄達",
}
NONE_YET = "–"


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about channels and links."""
    group = AppGroup("channel", help="LINE or e-mail: what a member prefers, and who clicked.")

    @group.command("show")
    @click.argument("member")
    def show(member: str) -> None:
        """Print how a MEMBER is reached, what was learned of them, and what they chose."""
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id
            reached = channels_of(session, [member_id]).get(member_id)
            known = find_channel(session, member_id) or _nothing_known(member_id)
            for label, value in _lines(known, reached):
                click.echo(f"{label}：{value}")

    @group.command("set")
    @click.argument("member")
    @click.argument("channel", type=click.Choice([AUTOMATIC, *CHANNELS]))
    @click.option("--by", required=True, help="Who decides for the member.")
    def set_channel(member: str, channel: str, by: str) -> None:
        """Have a MEMBER told by this CHANNEL, whatever was learned; `auto` learns again."""
        chosen = None if channel == AUTOMATIC else channel
        with working(installation) as session:
            member_id = get_member_by_typed(session, member).id
            choose_channel(session, member_id, chosen, by=by, now=installation.clock())
        click.echo(f"通知方式：{NAMES.get(channel, '自動')}")

    @group.command("clicks")
    @click.argument("source")
    def clicks(source: str) -> None:
        """Print the clicks and taps on what was sent as SOURCE, such as `campaign:12`."""
        with working(installation) as session:
            rows = [
                (
                    told.source,
                    "聊天室按鈕" if told.is_tap else "連結",
                    told.label or told.url,
                    told.clicks,
                    told.members,
                    shown_moment(told.last_at) if told.last_at else NONE_YET,
                )
                for told in clicks_of(session, source)
            ]
        print_table(("來源", "種類", "內容", "點擊", "會員", "最近一次"), rows, "lllrrl")

    @group.command("mails")
    def mails() -> None:
        """Print the last mails of the demo, with the page that shows each."""
        files = sorted(DEMO_MAILS.glob("*.eml"), key=lambda path: path.stat().st_mtime)
        if not files:
            click.echo(NONE_YET)
        for path in files[-MOST_MAILS:]:
            told = message_from_bytes(path.read_bytes(), policy=policy.default)
            page = path.with_suffix(".html")
            click.echo(f"{masked_email(told['To'])}  {told['Subject']}  {page}")

    return group


def _nothing_known(member_id: int) -> MemberChannel:
    return MemberChannel(member_id=member_id, line_recent="", email_recent="")


def _lines(known: MemberChannel, reached: str | None) -> list[tuple[str, str]]:
    """Return what there is to tell, the address masked."""
    email = NONE_YET
    if known.email is not None and known.email_state is not None:
        email = f"{masked_email(known.email)}（{STATES[known.email_state]}）"
    chosen = NAMES.get(known.chosen or "", "自動")
    by = f"（{known.chosen_by}，{shown_moment(known.chosen_at)}）" if known.chosen_at else ""
    return [
        ("目前管道", NAMES.get(reached or "", "無法聯絡（行銷）")),
        ("信箱", email),
        ("自選", chosen + by),
        ("學到", NAMES.get(known.learned or "", NONE_YET)),
        ("最近 LINE 訊息", _recent(known.line_recent)),
        ("最近電子郵件", _recent(known.email_recent)),
    ]


def _recent(signs: str) -> str:
    """Tell of the last messages how many were clicked, the newest at the end."""
    if not signs:
        return NONE_YET
    marks = signs.replace("1", "●").replace("0", "○")
    return f"{marks}（{len(signs)} 則中點了 {signs.count('1')} 則）"
