"""The programme at a glance: every mechanic with its state (A-15), and what waits for its day."""

from dataclasses import dataclass
from typing import Any

import structlog
from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, current_staff, may
from handlers.console.programme.desk import Desk, this_desk
from handlers.console.programme.pages import opened
from handlers.console.programme.showing import changed_by
from handlers.console.programme.topic import Topic, state_of
from handlers.console.programme.topics import BY_NOUN, TOPICS
from models.local_day import local_day
from models.offering import (
    ASKED,
    OfferingChange,
    decide_change,
    get_change,
    list_waiting,
)

MOST_COUNTED = 200

log = structlog.get_logger()


@dataclass(frozen=True)
class Mechanic:
    """One way to give something back: where it is set up, and whether it is in use."""

    icon: str
    title: str
    lead: str
    url: str
    on: int
    all: int


def show_overview() -> ResponseReturnValue:
    """Show every mechanic, and the changes that wait."""
    desk = this_desk()
    return views.show(
        "programme/overview",
        mechanics=[*(_mechanic(desk, topic) for topic in TOPICS.values()), *_others(desk)],
        waiting=[
            _waiting(desk, change, name)
            for change, name in list_waiting(desk.session, local_day(g.now))
        ],
        results=desk.results,
    )


def show_change(change_id: int) -> ResponseReturnValue:
    """Show one change with its effect, for whoever decides it."""
    desk = this_desk()
    change = get_change(desk.session, change_id)
    return _show_change(desk, change)


def publish(change_id: int) -> ResponseReturnValue:
    """Publish what somebody asked for: at once, or on its day."""
    return _decide(change_id, is_published=True)


def refuse(change_id: int) -> ResponseReturnValue:
    """Refuse what somebody asked for, or call off what was planned for a day to come."""
    return _decide(change_id, is_published=False)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the overview and of changes."""
    blueprint.get("/loyalty/programme", right="see", endpoint="programme_show_overview")(
        show_overview
    )
    place = "/loyalty/changes/<int:change_id>"
    blueprint.get(place, right="see")(show_change)
    blueprint.post(f"{place}/publish", right="campaigns.change")(publish)
    blueprint.post(f"{place}/refuse", right="campaigns.change")(refuse)


def _decide(change_id: int, *, is_published: bool) -> ResponseReturnValue:
    desk = this_desk()
    change = get_change(desk.session, change_id)
    topic = BY_NOUN[change.kind]
    if not may(topic.right):
        return _show_change(desk, change, status=403)
    decide_change(
        desk.session, change_id, is_published=is_published, staff=current_staff(), now=g.now
    )
    log.info("offering_decided", change_id=change_id, state=change.state)
    t = desk.t
    told = t("已發布") if is_published else t("已退回，沒有任何變更")
    return views.go(url_for("console.programme_show_overview"), told)


def _show_change(desk: Desk, change: OfferingChange, status: int = 200) -> ResponseReturnValue:
    topic = BY_NOUN[change.kind]
    row = topic.kind.find(desk.session, change.code)
    asked = list(topic.fields(desk, row))
    is_open = change.state in ("asked", "scheduled")
    return views.show(
        "programme/change",
        status,
        change=change,
        topic=topic,
        said=topic.words(desk.t),
        changed=changed_by(desk, topic.kind, asked, change),
        effect=_effect(desk, topic, change, row),
        may_publish=may(topic.right) and change.state == ASKED,
        may_refuse=may(topic.right) and is_open,
    )


def _effect(desk: Desk, topic: Topic, change: OfferingChange, row: Any) -> Any:
    """Return what it would do; of what is done or refused nothing is reckoned any more."""
    if change.state != ASKED:
        return []
    return opened(topic.effect(desk, topic.kind.from_json(change.after), row))


def _waiting(desk: Desk, change: OfferingChange, name: str) -> dict[str, Any]:
    topic = BY_NOUN[change.kind]
    texts = change.after.get("name") or change.after.get("title")
    is_named = isinstance(texts, dict) and not topic.is_closed
    said = topic.words(desk.t)
    return {
        "change": change,
        "by": name,
        "title": desk.name(texts) if is_named and texts else said.one,
        "topic": said.title,
        "url": url_for("console.programme_overview_show_change", change_id=change.id),
    }


def _mechanic(desk: Desk, topic: Topic) -> Mechanic:
    said = topic.words(desk.t)
    rows = topic.kind.list_all(desk.session, MOST_COUNTED)
    on = sum(state_of(topic, desk.t, row, desk.now)[1] == "green" for row in rows)
    if topic.kind.is_single:
        url = url_for("console.programme_pages_show_edit", slug=topic.slug, code=topic.kind.ONLY)
        if rows:
            url = url_for("console.programme_pages_show_one", slug=topic.slug, code=topic.kind.ONLY)
    else:
        url = url_for("console.programme_pages_show_list", slug=topic.slug)
    return Mechanic(topic.icon, said.title, said.lead, url, on, len(rows))


def _others(desk: Desk) -> list[Mechanic]:
    """Return the mechanics that have pages of their own."""
    t = desk.t
    benefits = desk.programme.benefits
    return [
        Mechanic(
            "gift",
            t("等級與方案權益"),
            t("回饋、折扣、生日禮、升等禮、專屬服務：每個等級有什麼。"),
            url_for("console.programme_benefits_show_matrix"),
            len(benefits),
            len(benefits),
        ),
        Mechanic(
            "chat-square-heart",
            t("評論"),
            t("讀會員寫的評論，放上評論牆或隱藏。"),
            url_for("console.programme_reviews_show_reviews"),
            0,
            0,
        ),
        Mechanic(
            "basket",
            t("商品與推薦"),
            t("熱賣商品、商品目錄，與每位會員的推薦理由。"),
            url_for("console.programme_catalogue_show_catalogue"),
            0,
            0,
        ),
    ]
