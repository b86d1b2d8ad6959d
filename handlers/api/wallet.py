"""What a member holds, and every movement of their points."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.calls import language
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS
from handlers.api.schemas.base import Code
from handlers.api.schemas.members import MemberPath
from handlers.api.schemas.wallet import (
    EntriesPage,
    EntriesQuery,
    EntryTold,
    ExpiringTold,
    StampCardTold,
    StoreTold,
    WaitingTold,
    WalletTold,
)
from handlers.api.tags import MEMBERS
from models.api_key import READ_MEMBERS
from models.base import in_language
from models.coupon import count_usable_coupons
from models.local_day import day_start, last_day, local_day
from models.member import NoSuchMember, get_member_by_number
from models.points import Line, list_expiring, list_lines, list_pending, spendable_points
from models.programme import get_programme
from models.stamp_card import HeldCard, list_held_cards


def get_member_wallet(path: MemberPath) -> WalletTold:
    """Tell what a member holds: points and what becomes of them, tier, stamp cards, coupons."""
    member = get_member_by_number(g.session, path.number)
    programme, today = get_programme(g.session), local_day(g.now)
    tier = programme.tier(member.tier_id)
    cards = list_held_cards(g.session, member.id, programme.stamp_programmes, today)
    return WalletTold(
        number=member.number,
        points=member.points,
        spendable=spendable_points(g.session, member.id, member.points, today),
        pending=member.points_pending,
        tier=Code(code=tier.code, name=in_language(tier.name, language())),
        expiring=[
            ExpiringTold(points=end.points, good_through=last_day(day_start(end.expires_on)))
            for end in list_expiring(g.session, member.id)
        ],
        waiting=[
            WaitingTold(points=wait.points, spendable_on=wait.active_on)
            for wait in list_pending(g.session, member.id)
        ],
        stamp_cards=[_tell_card(card) for card in cards],
        usable_coupons=count_usable_coupons(g.session, member.id, g.now),
        is_frozen=member.frozen_at is not None,
    )


def list_member_points(path: MemberPath, query: EntriesQuery) -> EntriesPage:
    """List the movements of a member's points, the newest first."""
    member = get_member_by_number(g.session, path.number)
    cursor = f"entries:{member.id}"
    last = read_cursor(cursor, query.cursor)
    before = last[0] if last else None
    lines = list_lines(g.session, member.id, limit=query.limit + 1, before_seq=before)
    shown = lines[: query.limit]
    is_more = len(lines) > len(shown)
    return EntriesPage(
        items=[_tell_entry(line) for line in shown],
        next=write_cursor(cursor, shown[-1].entry.seq) if is_more else None,
    )


def _tell_card(card: HeldCard) -> StampCardTold:
    programme = card.programme
    return StampCardTold(
        code=programme.code,
        name=in_language(programme.name, language()),
        stamps=card.shown,
        size=programme.size,
        reward=in_language(programme.reward.name, language()),
        good_through=last_day(day_start(card.expires_on)) if card.expires_on else None,
    )


def _tell_entry(line: Line) -> EntryTold:
    entry, store = line.entry, line.store
    return EntryTold(
        id=entry.id,
        at=entry.posted_at,
        reason=entry.reason,  # type: ignore[arg-type]  # The table's CHECK knows the reasons.
        points=entry.points,
        pending=entry.pending,
        balance_after=entry.balance_after,
        store=StoreTold(code=store.code, name=in_language(store.name, language()))
        if store
        else None,
        purchase_id=entry.purchase_id,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of what a member holds."""
    declare(
        blueprint,
        "GET",
        "/members/<number>/wallet",
        get_member_wallet,
        tag=MEMBERS,
        scope=READ_MEMBERS,
        answers={200: WalletTold},
        refusals=(NoSuchMember,),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        "/members/<number>/points",
        list_member_points,
        tag=MEMBERS,
        scope=READ_MEMBERS,
        answers={200: EntriesPage},
        refusals=(NoSuchMember, "bad_cursor"),
        limit=LOOKUPS,
    )
