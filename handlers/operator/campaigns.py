"""`flask --app app campaign …`: campaigns from the draft to the report, and every change."""

import json
from datetime import datetime
from typing import IO, Any

import click
from flask.cli import AppGroup

from handlers.operator.acting import get_actor, in_taipei, shown_moment, working
from handlers.operator.campaign_reports import add_reports
from handlers.operator.campaign_steps import CHINESE, STATES, add_steps, show_preview
from handlers.operator.installation import Installation
from handlers.operator.segment_rules import BY
from handlers.operator.table import print_table
from models.base import in_language
from models.campaign import (
    Campaign,
    add_campaign,
    change_campaign,
    clone_campaign,
    foresee_held_back,
    free_code,
    get_campaign,
    list_campaigns,
    list_changes,
    preview_campaign,
    schedule_of,
)
from models.content import GALLERY
from models.insight import count_running

LARGEST_FILE_BYTES = 256 * 1024
FILE = click.File("rb")
MOMENT = click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d"])
WEEKDAYS = dict(
    zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "一二三四五六日", strict=True)
)
CHANNELS = {"line": "LINE", "preferred": "會員偏好的通路", "email": "電子郵件"}
WHATS = {
    "add": "建立",
    "change": "修改",
    "submit": "送出",
    "approve": "核准",
    "pause": "暫停",
    "resume": "繼續",
    "cancel": "取消",
    "finish": "結束",
    "test": "測試發送",
}


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about campaigns."""
    group = AppGroup("campaign", help="Messages to segments: content, audience, time, results.")
    _add_looking(group, installation)
    _add_writing(group, installation)
    add_steps(group, installation)
    add_reports(group, installation)
    return group


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    @click.option("--state", type=click.Choice(tuple(STATES)), help="Only those in this state.")
    def list_them(state: str | None) -> None:
        """Print the campaigns, the newest first."""
        with working(installation) as session:
            campaigns = list_campaigns(session, states=(state,) if state else ())
            counts = count_running(session, [each.id for each in campaigns])
            print_table(
                ("代碼", "名稱", "狀態", "分群", "時間", "下次", "發送次數", "對象人次", "建立"),
                [
                    (
                        each.code,
                        in_language(each.name, CHINESE),
                        STATES[each.state],
                        each.segment_code,
                        schedule_in_words(each),
                        shown_moment(each.next_slot_at) if each.next_slot_at else None,
                        *counts.get(each.id, (0, 0)),
                        each.created_by,
                    )
                    for each in campaigns
                ],
                "llllllrrl",
            )

    @group.command("show")
    @click.argument("code")
    @click.option("--json", "as_json", is_flag=True, help="Only what it says, to be changed.")
    def show(code: str, *, as_json: bool) -> None:
        """Print what a campaign says, to whom and when."""
        with working(installation) as session:
            campaign = get_campaign(session, code)
            if as_json:
                click.echo(json.dumps(_as_told(campaign), ensure_ascii=False, indent=2))
            else:
                _show(campaign)

    @group.command("log")
    @click.argument("code")
    def log(code: str) -> None:
        """Print every change of a campaign: who did what, when, and what it was before."""
        with working(installation) as session:
            print_table(
                ("時間", "誰", "做了什麼", "之前", "之後"),
                [
                    (
                        shown_moment(change.at),
                        change.by,
                        WHATS.get(change.what, change.what),
                        _short(change.before),
                        _short(change.after),
                    )
                    for change in list_changes(session, code)
                ],
            )

    @group.command("gallery")
    def gallery() -> None:
        """Print the cards a campaign may show, and what each asks for."""
        print_table(
            ("卡片", "名稱", "欄位（* 必填）"),
            [
                (
                    kind.code,
                    kind.names[CHINESE],
                    "、".join(
                        f"{slot.name}（{slot.labels[CHINESE]}）{'*' if slot.is_required else ''}"
                        for slot in kind.slots
                    ),
                )
                for kind in GALLERY.values()
            ],
        )


def _show(campaign: Campaign) -> None:
    click.echo(
        f"{in_language(campaign.name, CHINESE)}（{campaign.code}）　{STATES[campaign.state]}"
    )
    version = f"第 {campaign.segment_version} 版" if campaign.segment_version else "最新版"
    budget = f"NT${campaign.budget_twd:,}" if campaign.budget_twd else "不限"
    rows = [
        ("對象", f"分群 {campaign.segment_code}（{version}），對照組 {campaign.holdout_percent}%"),
        ("時間", f"{schedule_in_words(campaign)}；晚於 {campaign.grace_minutes} 分鐘就不發"),
        ("通路", CHANNELS[campaign.channel]),
        ("優先順序", f"{campaign.priority}（0–100，數字大的先）"),
        ("優惠預算", budget),
        ("成效計算", f"發送後 {campaign.attribution_days} 天內的消費"),
        ("建立", f"{campaign.created_by}　{shown_moment(campaign.created_at)}"),
    ]
    if campaign.submitted_by and campaign.submitted_at:
        rows.append(("送出", f"{campaign.submitted_by}　{shown_moment(campaign.submitted_at)}"))
    if campaign.approved_by and campaign.approved_at:
        rows.append(("核准", f"{campaign.approved_by}　{shown_moment(campaign.approved_at)}"))
    print_table(("項目", "內容"), rows)
    print_table(
        ("版本", "占比", "訊息"),
        [
            (each["code"], f"{each['share']}%", _message_in_words(message))
            for each in campaign.variants
            for message in each["content"]["messages"]
        ],
        "lrl",
    )


def _message_in_words(part: dict[str, Any]) -> str:
    """Return one message in a line: what it is, and its first words."""
    if part["type"] == "text":
        return f"文字：{in_language(part['text'], CHINESE)}"
    if part["type"] == "card":
        title = part["fields"].get("title")
        words = in_language(title, CHINESE) if isinstance(title, dict) else ""
        return f"卡片 {GALLERY[part['template']].names[CHINESE]}：{words}"
    named = {"image": "url", "coupon": "template", "survey": "survey"}[part["type"]]
    kinds = {"image": "圖片", "coupon": "優惠券", "survey": "問卷"}
    return f"{kinds[part['type']]}：{part[named]}"


def schedule_in_words(campaign: Campaign) -> str:
    """Return when a campaign is sent, as a marketer reads it."""
    schedule = schedule_of(campaign)
    if schedule.at is not None:
        return shown_moment(schedule.at)
    if not schedule.recurs:
        return "立即"
    days = {
        "daily": "每天",
        "weekly": "每週" + "、".join(WEEKDAYS.get(str(day), "") for day in schedule.on),
        "monthly": "每月 " + "、".join(map(str, schedule.on)) + " 日",
    }[schedule.every]
    return f"{days} {schedule.at_time:%H:%M}"


def _short(told: dict[str, Any] | None) -> str:
    if told is None:
        return ""
    words = json.dumps(told, ensure_ascii=False, default=str)
    return words if len(words) <= 80 else words[:79] + "…"


# --- writing


def _add_writing(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("name")
    @click.argument("file", type=FILE, required=False)
    @click.option("--code", help="Its code; made of the name or the day where it is left out.")
    @click.option("--segment", help="Whom it is for: a segment's code.")
    @click.option("--text", "texts", multiple=True, help="A message; with several, several.")
    @click.option("--image", help="A picture's https address, sent first.")
    @click.option("--coupon", help="A coupon template's code: everybody gets one, last.")
    @click.option("--at", type=MOMENT, help="Once, at this time of Taipei; else at once.")
    @click.option("--weekly", help="Every week, such as mon,thu.")
    @click.option("--time", "at_time", default="11:00", show_default=True, help="With --weekly.")
    @click.option("--holdout", type=click.IntRange(0, 50), help="Percent who get nothing.")
    @click.option("--budget", type=int, help="NT$ its benefits may cost.")
    @BY
    def add(
        name: str, file: IO[bytes] | None, code: str | None, username: str, **told: Any
    ) -> None:
        """Keep a draft called NAME: of FILE (JSON; - for a pipe), or of --segment and --text."""
        now = installation.clock()
        words = _read_json(file) if file is not None else _words_of(told)
        words = {"name": {CHINESE: name}, **words, **_also(told)}
        with working(installation) as session:
            staff = get_actor(session, username)
            campaign = add_campaign(
                session, code or free_code(session, name, now), words, by=staff.username, now=now
            )
            click.echo(f"{campaign.code}：草稿已建立")
            shown = preview_campaign(session, campaign.code, now)
            show_preview(shown, foresee_held_back(session, campaign.code, shown, now))
            click.echo(
                f"下一步：campaign test {campaign.code} 會員、campaign submit {campaign.code}"
            )

    @group.command("change")
    @click.argument("code")
    @click.argument("file", type=FILE, required=False)
    @click.option("--name", help="What it is called.")
    @click.option("--segment", help="Whom it is for.")
    @click.option(
        "--text", "texts", multiple=True, help="Its messages, in the place of all others."
    )
    @click.option("--image", help="With --text.")
    @click.option("--coupon", help="With --text.")
    @click.option("--at", type=MOMENT, help="Once, at this time of Taipei.")
    @click.option("--weekly", help="Every week, such as mon,thu.")
    @click.option("--time", "at_time", default="11:00", show_default=True, help="With --weekly.")
    @click.option("--holdout", type=click.IntRange(0, 50), help="Percent who get nothing.")
    @click.option("--budget", type=int, help="NT$ its benefits may cost.")
    @BY
    def change(
        code: str, file: IO[bytes] | None, name: str | None, username: str, **told: Any
    ) -> None:
        """Change a draft: what FILE (JSON) and the options say; the rest stays."""
        words = _read_json(file) if file is not None else {}
        if name is not None:
            words["name"] = {CHINESE: name}
        if told["segment"]:
            words["segment"] = told["segment"]
        if told["texts"]:
            words["content"] = _content_of(told)
        if told["at"] or told["weekly"]:
            words["schedule"] = _schedule_of(told)
        with working(installation) as session:
            staff, now = get_actor(session, username), installation.clock()
            change_campaign(session, code, words | _also(told), by=staff.username, now=now)
            click.echo(f"{code}：已修改")
            shown = preview_campaign(session, code, now)
            show_preview(shown, foresee_held_back(session, code, shown, now))

    @group.command("clone")
    @click.argument("code")
    @click.argument("new_code")
    @BY
    def clone(code: str, new_code: str, username: str) -> None:
        """Keep a new draft that says what another campaign says."""
        with working(installation) as session:
            staff = get_actor(session, username)
            clone_campaign(session, code, new_code, by=staff.username, now=installation.clock())
            click.echo(f"{new_code}：草稿已建立（複製自 {code}）")


def _read_json(file: IO[bytes]) -> dict[str, Any]:
    try:
        told = json.loads(file.read(LARGEST_FILE_BYTES + 1))
    except ValueError as error:
        raise click.BadParameter("the file is no JSON") from error
    if not isinstance(told, dict):
        raise click.BadParameter("the file holds no JSON object")
    return told


def _words_of(told: dict[str, Any]) -> dict[str, Any]:
    if not told["segment"] or not (told["texts"] or told["image"] or told["coupon"]):
        raise click.UsageError("Give a FILE, or --segment with --text.")
    return {
        "segment": told["segment"],
        "content": _content_of(told),
        "schedule": _schedule_of(told),
    }


def _also(told: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers that were told."""
    named = {"holdout_percent": told["holdout"], "budget_twd": told["budget"]}
    return {key: value for key, value in named.items() if value is not None}


def _content_of(told: dict[str, Any]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if told["image"]:
        messages.append({"type": "image", "url": told["image"], "preview_url": told["image"]})
    messages += [{"type": "text", "text": {CHINESE: words}} for words in told["texts"]]
    if told["coupon"]:
        messages.append({"type": "coupon", "template": told["coupon"]})
    return {"schema": 1, "messages": messages}


def _schedule_of(told: dict[str, Any]) -> dict[str, Any]:
    at: datetime | None = told["at"]
    if at is not None:
        return {"when": "once", "at": in_taipei(at).isoformat()}
    if not told["weekly"]:
        return {"when": "now"}
    days = [day.strip() for day in told["weekly"].split(",")]
    return {"when": "recurring", "every": "weekly", "on": days, "time": told["at_time"]}


def _as_told(campaign: Campaign) -> dict[str, Any]:
    """Return what a campaign says, in the form in which it can be told again."""
    columns = (
        "name segment_version variants schedule kind priority metric stop_rule holdout_percent"
        " grace_minutes budget_twd channel attribution_days"
    )
    told = {name: getattr(campaign, name) for name in columns.split()}
    return {"segment": campaign.segment_code} | told
