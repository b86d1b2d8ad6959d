"""Members: who stands at the till, and why they stand where they stand.

A member is looked up by POST, although nothing is written: codes and phone numbers belong in a
body, which nobody logs, and not in an address, which every proxy does.
"""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers import settings
from handlers.api.calls import language
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.schemas.base import Code
from handlers.api.schemas.members import CouponTold, MemberPath, MemberTold, TierTold, Who
from handlers.api.tags import MEMBERS
from models.api_key import READ_MEMBERS, WRITE_PURCHASES
from models.base import in_language
from models.coupon import list_usable_coupons
from models.member import (
    Member,
    NoSuchMember,
    get_member_by_number,
    get_member_by_typed,
    masked_name,
)
from models.member_code import MemberCodeExpired, MemberCodeForged, NotAMemberCode, read_code
from models.phone import masked_phone
from models.programme import get_programme
from models.purchase import CodeAlreadyUsed, get_scanned_member
from models.tier_evaluation import explain_member

CODE_REFUSALS = (NotAMemberCode, MemberCodeForged, MemberCodeExpired, CodeAlreadyUsed)


def look_up_member(body: Who) -> MemberTold:
    """Look a member up by scanned code, number or phone.

    A code is not used up by this: it is by the purchase it is recorded with. With another scope
    than `members:read` the name is masked.
    """
    return tell_member(identify(body)[0])


def get_member(path: MemberPath) -> MemberTold:
    """Read a member by number."""
    return tell_member(get_member_by_number(g.session, path.number))


def get_tier(path: MemberPath) -> TierTold:
    """Tell why a member stands where they stand: rule, figures, gap, deadlines, reasons."""
    member = get_member_by_number(g.session, path.number)
    return TierTold.model_validate(explain_member(g.session, member, g.now).as_json())


def identify(who: Who) -> tuple[Member, str | None]:
    """Return who is meant, and the id of the code that says so.

    Raises NoSuchMember, and where a code was scanned one of CODE_REFUSALS.
    """
    if who.number is not None:
        return get_member_by_number(g.session, who.number), None
    if who.phone is not None:
        return get_member_by_typed(g.session, who.phone), None
    read = read_code(settings().public_key, who.code or "", g.now)
    return get_scanned_member(g.session, read.card_ref, read.code_id)[0], read.code_id


def tell_member(member: Member) -> MemberTold:
    """Return what the asking key may know of a member."""
    programme = get_programme(g.session)
    tier, may_read = programme.tier(member.tier_id), caller().may(READ_MEMBERS)
    return MemberTold(
        number=member.number,
        name=(may_read and member.name) or masked_name(member.name),
        is_name_masked=not may_read,
        phone=masked_phone(member.phone) if member.phone else None,
        tier=Code(code=tier.code, name=in_language(tier.name, language())),
        points=member.points,
        points_pending=member.points_pending,
        is_frozen=member.frozen_at is not None,
        joined_at=member.joined_at,
        coupons=[
            CouponTold(
                id=coupon.id,
                name=in_language(coupon.template.name, language()),
                kind=coupon.template.kind,
                min_spend_twd=coupon.template.min_spend_twd,
                expires_at=coupon.expires_at,
            )
            for coupon in list_usable_coupons(g.session, member.id, g.now)
        ],
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the members' addresses."""
    may_look = (READ_MEMBERS, WRITE_PURCHASES)
    declare(
        blueprint,
        "POST",
        "/members/lookup",
        look_up_member,
        tag=MEMBERS,
        scope=may_look,
        answers={200: MemberTold},
        refusals=(NoSuchMember, *CODE_REFUSALS),
        limit=LOOKUPS,
        once=False,
    )
    declare(
        blueprint,
        "GET",
        "/members/<string(length=9):number>",  # Else it would be asked for `/members/lookup`.
        get_member,
        tag=MEMBERS,
        scope=may_look,
        answers={200: MemberTold},
        refusals=(NoSuchMember,),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        "/members/<number>/tier",
        get_tier,
        tag=MEMBERS,
        scope=(READ_MEMBERS,),
        answers={200: TierTold},
        refusals=(NoSuchMember,),
        limit=LOOKUPS,
    )
