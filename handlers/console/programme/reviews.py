"""Reviews: read, put on the wall or hidden; what engagement brings; the community (D-04)."""

from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import form, paging, views
from handlers.console.door import ConsoleDoor
from handlers.console.noting import note_deed
from handlers.console.programme.desk import this_desk
from handlers.console.programme.topic import Topic
from handlers.console.programme.topics.meeting import ENGAGEMENTS, activity_names
from models.offering import NoSuchOffering
from models.review import APPROVED, HIDDEN, PENDING, find_community, list_reviews, moderate
from models.review.table import Review

PART = 30
STATES = (PENDING, APPROVED, HIDDEN)

log = structlog.get_logger()


def show_reviews() -> ResponseReturnValue:
    """Show the reviews of a state, the newest first; those that wait to be read unless told."""
    desk, wanted = this_desk(), request.args.get("state", PENDING)
    state = wanted if wanted in STATES else PENDING
    found = list_reviews(g.session, state, limit=PART, before_id=paging.after_id())
    return views.show(
        "programme/reviews",
        fragment="programme/_reviews",
        state=state,
        states=state_names(desk.t),
        stores=dict(desk.stores),
        reviews=found,
        next_url=paging.next_url(after=found[-1][0].id) if len(found) == PART else None,
        counts={each: desk.figures("review", each) for each in STATES},
        results=desk.results,
        community=find_community(g.session),
        rules=_rules(ENGAGEMENTS),
    )


def decide(review_id: int) -> ResponseReturnValue:
    """Put a review on the wall, hide it, or open it for its author again."""
    state = form.needed_choice("state", STATES)
    found = g.session.get(Review, review_id)
    if found is None:
        raise NoSuchOffering(kind="review", code=str(review_id))
    before = found.state
    review = moderate(g.session, review_id, state, g.now)
    if review.state != before:
        note_deed("review.moderate", f"review:{review.id}", after={"state": state})
    log.info("review_moderated", review_id=review.id, state=state)
    t = this_desk().t
    told = t("這則評論：{state}", state=state_names(t)[state])
    back = form.choice("back", STATES) or PENDING
    return views.go(url_for("console.programme_reviews_show_reviews", state=back), told)


def state_names(t: Texts) -> dict[str, str]:
    """Name the states of a review."""
    return {PENDING: t("待審"), APPROVED: t("在評論牆上"), HIDDEN: t("已隱藏")}


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of reviews."""
    blueprint.get("/loyalty/reviews", right="see")(show_reviews)
    blueprint.post("/loyalty/reviews/<int:review_id>", right="campaigns.change")(decide)


def _rules(topic: Topic) -> list[dict[str, Any]]:
    """Return what each kind of engagement brings, made or not, with the way to its form."""
    desk = this_desk()
    return [
        {
            "name": name,
            "told": topic.told(desk, row) if row is not None else desk.t("沒有獎勵"),
            "url": url_for("console.programme_pages_show_edit", slug=topic.slug, code=code),
        }
        for code, name in activity_names(desk.t).items()
        for row in [topic.kind.find(g.session, code)]
    ]
