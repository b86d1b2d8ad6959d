"""A member's page: who they are, how they stand, what they hold, and the line of time."""

from typing import Any

from flask import g, redirect, url_for
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.members.story import story_of
from handlers.console.members.who import facts_of
from models.base import in_language
from models.classification.table import MemberClass
from models.coupon import list_wallet
from models.engagement import find_engagement
from models.fraud import list_open_alerts
from models.friend import Friend
from models.identity.merge import list_undoable
from models.lifecycle import NASLD, explain_class
from models.lifecycle.names import class_name
from models.local_day import last_day, local_day
from models.member import Member, get_card, kept_member
from models.member_note import list_notes
from models.plan import held_plan
from models.points.adjustment import list_waiting
from models.prediction.reading import find_forecast
from models.programme import Programme, get_programme
from models.rfm import get_group
from models.stamp_card import list_held_cards
from models.tag import list_member_tags, list_tags
from models.tier_grant import find_undoable_grant

MOST_COUPONS = 8


def show_member(number: str) -> ResponseReturnValue:
    """Show everything about a member; of a merged card lead to the one it became."""
    card = get_card(g.session, number)
    member = kept_member(g.session, card)
    if member.id != card.id:
        return redirect(url_for("console.members_page_show_member", number=member.number))
    programme = get_programme(g.session)
    return views.show(
        "members/member",
        member=member,
        who=facts_of(member),
        programme=programme,
        tier=programme.tier(member.tier_id),
        last_day=last_day,
        **_standing(member),
        **_holdings(member, programme),
        **story_of(member),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the page."""
    blueprint.get("/members/<number>", right="members.see")(show_member)


def _standing(member: Member) -> dict[str, Any]:
    """Return how a member stands: their classes, what is foretold, whether we reach them."""
    friend = g.session.get(Friend, member.line_user_id) if member.line_user_id else None
    is_here = member.erased_at is None
    return {
        "is_friend": friend is not None and friend.is_following,
        "classes": _classes(member) if is_here else (),
        "forecast": find_forecast(g.session, member.id) if is_here else None,
        "engagement": find_engagement(g.session, member.id),
        "alerts": list_open_alerts(g.session, member_id=member.id),
    }


def _classes(member: Member) -> list[tuple[str, str, str]]:
    """Return the member's classes: the model, the class, and the key of its people."""
    t = console_texts()
    found = explain_class(g.session, member, NASLD, now=g.now)
    shown = [(t("狀態"), class_name(NASLD, found.code, t.language), found.key)]
    night = g.session.get(MemberClass, member.id)
    if night is not None and night.rfm_group is not None:
        group = get_group(night.rfm_group)
        shown.append((t("價值分群"), in_language(group.names, t.language), f"rfm:{group.code}"))
    return shown


def _holdings(member: Member, programme: Programme) -> dict[str, Any]:
    """Return what a member holds, and what the shop noted of them."""
    session, today = g.session, local_day(g.now)
    coupons = list_wallet(session, member.id, g.now)
    return {
        "plan": held_plan(programme.plans, member.plan_code, member.plan_until, g.now),
        "coupons": [
            coupon.words(console_texts().language, g.now) for coupon in coupons[:MOST_COUPONS]
        ],
        "coupon_count": len(coupons),
        "stamp_cards": list_held_cards(session, member.id, programme.stamp_programmes, today),
        "waiting": list_waiting(session, member.id),
        "tags": list_member_tags(session, member.id, g.now),
        "all_tags": list_tags(session),
        "notes": list_notes(session, member.id),
        "merges": list_undoable(session, member.id, g.now),
        "granted": find_undoable_grant(session, member, g.now),
        "draft": (views.draft_values(f"note:{member.number}") or {}).get("words"),
    }
