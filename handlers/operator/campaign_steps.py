"""`flask --app app campaign preview|test|submit|approve|pause|…`: the way from draft to sending."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import get_actor, shown_moment, working
from handlers.operator.installation import Installation
from handlers.operator.segment_rules import BY
from handlers.operator.table import print_table
from models.base import in_language
from models.campaign import (
    HeldBack,
    Preview,
    foresee_held_back,
    get_campaign,
    preview_campaign,
    send_test,
    set_approve_above,
)
from models.campaign.steering import (
    approve_campaign,
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    send_back,
    submit_campaign,
)
from models.insight.reason import reason_name
from models.member import get_member_by_typed

CHINESE = "zh-TW"
STATES: Mapping[str, str] = {
    "draft": "草稿",
    "waiting_approval": "待核准",
    "scheduled": "已排程",
    "running": "發送中",
    "paused": "已暫停",
    "finished": "已結束",
    "cancelled": "已取消",
}
LATER = "*"

Step = Callable[..., Any]


def add_steps(group: AppGroup, installation: Installation) -> None:
    """Add the steps of a campaign's life."""
    _add_before(group, installation)
    _add_confirming(group, installation)
    for name, step, done, help_ in (
        ("pause", pause_campaign, "已暫停，尚未發出的都停住", "Begin nothing more until resumed."),
        ("resume", resume_campaign, "繼續發送", "Go on with a paused campaign."),
        ("cancel", cancel_campaign, "已取消，不再發送", "End it: nothing more is sent."),
        ("send-back", send_back, "已退回草稿", "Make it a draft again, before it is sent."),
    ):
        _add_step(group, installation, name, step, done, help_)


def _add_before(group: AppGroup, installation: Installation) -> None:
    @group.command("preview")
    @click.argument("code")
    def preview(code: str) -> None:
        """Print who would get it now, who is held out, what it costs, what quota is left."""
        with working(installation) as session:
            now = installation.clock()
            shown = preview_campaign(session, code, now)
            show_preview(shown, foresee_held_back(session, code, shown, now))

    @group.command("test")
    @click.argument("code")
    @click.argument("members", nargs=-1, required=True)
    @BY
    def test(code: str, members: tuple[str, ...], username: str) -> None:
        """Send it to MEMBERS (numbers or phones) alone, marked as a test; no coupon is given."""
        with working(installation) as session:
            staff, now = get_actor(session, username), installation.clock()
            ids = [get_member_by_typed(session, typed).id for typed in members]
            owed = send_test(session, code, ids, by=staff.username, now=now)
            click.echo(f"{code}：測試訊息已排入發送，{len(ids)} 人，共 {len(owed)} 則")


def _add_confirming(group: AppGroup, installation: Installation) -> None:
    @group.command("submit")
    @click.argument("code")
    @BY
    def submit(code: str, username: str) -> None:
        """Confirm a draft as its preview shows it; above so many people a second one approves."""
        with working(installation) as session:
            staff = get_actor(session, username)
            shown = submit_campaign(session, code, by=staff.username, now=installation.clock())
            show_preview(shown)
            click.echo(_standing(session, code))

    @group.command("approve")
    @click.argument("code")
    @BY
    def approve(code: str, username: str) -> None:
        """Let what another person submitted be sent."""
        with working(installation) as session:
            staff = get_actor(session, username)
            approve_campaign(session, code, by=staff.username, now=installation.clock())
            click.echo(_standing(session, code))

    @group.command("limit")
    @click.argument("messages", type=click.IntRange(min=0))
    @BY
    def limit(messages: int, username: str) -> None:
        """Let one person send to so many MESSAGES' receivers alone; above, a second approves."""
        with working(installation) as session:
            staff = get_actor(session, username)
            set_approve_above(session, messages, by=staff.username, now=installation.clock())
            click.echo(f"超過 {messages:,} 人的活動需要第二人核准")


def _add_step(
    group: AppGroup, installation: Installation, name: str, step: Step, done: str, help_: str
) -> None:
    @group.command(name, help=help_)
    @click.argument("code")
    @BY
    def take(code: str, username: str) -> None:
        with working(installation) as session:
            staff = get_actor(session, username)
            step(session, code, by=staff.username, now=installation.clock())
            click.echo(f"{code}：{done}")


def _standing(session: Session, code: str) -> str:
    campaign = get_campaign(session, code)
    told = f"{code}：{STATES[campaign.state]}"
    if campaign.state == "waiting_approval":
        return f"{told}，請另一位主管執行 campaign approve {code}"
    return told + (f"，{_moment(campaign.next_slot_at)} 發送" if campaign.next_slot_at else "")


def _moment(moment: datetime | None) -> str:
    return shown_moment(moment) if moment is not None else "–"


def show_preview(preview: Preview, held_back: Sequence[HeldBack] = ()) -> None:
    """Print what a sending would be: its arms, its time, its cost, the quota, who is skipped."""
    print_table(
        ("組別", "人數", "LINE", "電子郵件", "無法送達"),
        [
            (
                _arm_in_words(arm.variant),
                arm.members,
                arm.by_line,
                arm.by_email,
                arm.members - arm.by_line - arm.by_email,
            )
            for arm in preview.arms
        ],
        "lrrrr",
    )
    cost, left = preview.cost, preview.remaining
    rest = "不限" if left.left_for_marketing is None else f"{left.left_for_marketing:,} 則"
    click.echo(
        f"對象 {preview.audience:,} 人，其中對照組 {preview.holdout:,} 人不發；"
        f"送得到 {preview.reachable:,} 人（LINE {preview.messages:,}、郵件 {preview.emails:,}）"
    )
    for held in held_back:
        about = "約 " if held.is_estimate else ""
        why = in_language(reason_name(held.reason), CHINESE)
        click.echo(f"　其中{about}{held.members:,} 人照現況會略過：{why}")
    if preview.window is not None:
        window = preview.window
        click.echo(f"發送 {_moment(window.send_at)}，最晚 {_moment(window.until)}")
    click.echo(
        f"費用 NT${cost.more_twd:,.0f}（免費額度 {cost.free:,} 則、加購 {cost.paid:,} 則），"
        f"本月帳單 NT${cost.bill_twd:,.0f}；行銷還能發 {rest}"
    )
    if cost.short:
        click.echo(f"額度不足：有 {cost.short:,} 則發不出去，預期毛利高的會員優先")
    if preview.needs_approval:
        click.echo(f"超過 {preview.approve_above:,} 人，送出後需要第二人核准")


def _arm_in_words(variant: str | None) -> str:
    if variant is None:
        return "對照組（不發送）"
    return "測試後的勝出版" if variant == LATER else f"{variant} 版"
