"""Merging two cards of one person: found, seen before it is done, and taken back within a month."""

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import member_url
from handlers.console.members.who import facts_of, get_shown
from models.fraud import check_own_card
from models.identity import find_duplicates_of, merge_members, preview_merge, undo_merge
from models.identity.merge import UNDO_FOR, MemberMerge, MergeOver
from models.leaving import refuse_gone
from models.member import Member, get_card
from models.member_search import search_members
from models.points.adjustment import LONGEST_REASON
from models.programme import get_programme

LONGEST_TYPED = 80

log = structlog.get_logger()


def show_choosing(number: str) -> ResponseReturnValue:
    """Show cards that seem to be the same person's, and let one be searched for."""
    member = get_shown(number)
    refuse_gone(member)
    typed = request.args.get("q", "").strip()[:LONGEST_TYPED]
    found = search_members(g.session, typed) if typed else _likely(member)
    return views.show(
        "members/merge_choose",
        member=member,
        who=facts_of(member),
        typed=typed,
        others=[other for other in found if other.id != member.id],
        facts_of=facts_of,
        programme=get_programme(g.session),
    )


def show_preview(number: str, other: str) -> ResponseReturnValue:
    """Show what merging another card into this one would bring, with nothing changed yet."""
    keep, drop = get_shown(number), get_card(g.session, other)
    check_own_card(current_staff(), keep)
    check_own_card(current_staff(), drop)
    return views.show(
        "members/merge_preview",
        member=keep,
        who=facts_of(keep),
        other=drop,
        other_who=facts_of(drop),
        seen=preview_merge(g.session, keep, drop, g.now),
        tiers={tier.rank: tier.name for tier in get_programme(g.session).tiers},
        undo_days=UNDO_FOR.days,
    )


def merge(number: str, other: str) -> ResponseReturnValue:
    """Make two cards one."""
    keep, staff, t = get_shown(number), current_staff(), console_texts()
    done = merge_members(
        g.session,
        keep,
        get_card(g.session, other),
        staff=staff,
        reason=form.text("reason", LONGEST_REASON) or "",
        key=f"console:{form.page_key()}",
        now=g.now,
    )
    log.info("members_merged", merge_id=done.id, staff_id=staff.id)
    told = t("已合併；{day} 前都可以復原。", day=t.date(done.undo_until))
    return views.go(member_url(keep.number), told)


def undo(number: str, merge_id: int) -> ResponseReturnValue:
    """Take a merge back: the closed card opens again with all that was its own."""
    t = console_texts()
    keep, staff = get_shown(number), current_staff()
    found = g.session.get(MemberMerge, merge_id)
    if found is None or found.kept_id != keep.id:
        raise MergeOver
    returned = undo_merge(g.session, found, staff=staff, now=g.now)
    log.info("merge_undone", merge_id=merge_id, staff_id=staff.id)
    return views.go(member_url(returned.number), t("已取消合併，這張卡恢復了。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what makes two cards one, and one two again."""
    correct = "members.correct"
    blueprint.get("/members/<number>/merge", right=correct)(show_choosing)
    blueprint.get("/members/<number>/merge/<other>", right=correct)(show_preview)
    blueprint.post("/members/<number>/merge/<other>", right=correct)(merge)
    blueprint.post("/members/<number>/unmerge/<int:merge_id>", right=correct)(undo)


def _likely(member: Member) -> list[Member]:
    return find_duplicates_of(
        g.session,
        phone=member.phone,
        name=member.name,
        birthday=member.birthday,
        but_for=member.id,
    )
