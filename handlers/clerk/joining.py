"""A new member at the counter: known by phone at once, in LINE as soon as they scan the code."""

import uuid
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue

from handlers import settings
from handlers.clerk import door, form, views
from handlers.limiting import limiter
from handlers.notice import Notice
from handlers.pictures import qr_picture
from models.base import BusinessError
from models.consent import get_notice, notice_items
from models.identity import find_duplicates_of, find_member_by_phone
from models.local_day import local_day
from models.member import Member, masked_name, normal_name, shown_number
from models.membership import register_at_till
from models.phone import normal_phone

LONGEST_TYPED = 80

log = structlog.get_logger()


class ConsentMissing(BusinessError):
    """Nobody said that the person was told the notice and agreed."""

    code = "consent_missing"


def show_join() -> ResponseReturnValue:
    """Ask for the phone of a person who wants to join."""
    return _show()


@limiter.limit(door.LOOKUPS_PER_STAFF, key_func=door.session_staff)
def join() -> ResponseReturnValue:
    """Make a member, after showing the clerk who might be the same person already."""
    staff, asked = door.current_staff(), request.form
    phone = normal_phone(asked.get("phone", "")[:LONGEST_TYPED])
    name = asked.get("name", "")[:LONGEST_TYPED].strip() or None
    known = find_member_by_phone(g.session, phone)
    if known is not None:
        return _show(known=_masked(known), typed=asked)
    if not asked.get("consent"):
        raise ConsentMissing
    alike = _alike(phone, name)
    if alike and not asked.get("is_another"):
        return _show(alike=alike, typed=asked)
    member = register_at_till(
        g.session,
        phone,
        name=name,
        store=door.current_store(),
        staff_id=staff.id,
        evidence=form.idempotency_key("join"),
        now=g.now,
    )
    store = door.current_store()
    log.info("member_joined", member_id=member.id, store_id=store.id, staff_id=staff.id)
    address = f"{settings().public_base_url}/join/{store.code}"
    return views.show(
        "joined",
        name=masked_name(member.name),
        number=shown_number(member.number),
        plain_number=member.number,
        qr=qr_picture(address),
    )


def add_routes(blueprint: door.Door) -> None:
    """Add the addresses of joining."""
    blueprint.get("/join")(show_join)
    blueprint.post("/join")(join)


def _alike(phone: str, name: str | None) -> list[dict[str, Any]]:
    """Return cards that may be this person's, as a clerk may see them."""
    known = normal_name(name) if name else None
    found = find_duplicates_of(g.session, phone=phone, name=known)
    return [_masked(member) for member in found]


def _masked(member: Member) -> dict[str, Any]:
    return {
        "name": masked_name(member.name),
        "number": shown_number(member.number),
        "plain_number": member.number,
        "phone_end": (member.phone or "")[-3:],
        "joined_on": local_day(member.joined_at),
        "last_on": member.last_purchase_on,
    }


def _show(status: int = 200, **context: Any) -> ResponseReturnValue:
    notice = get_notice(g.session)
    language = door.clerk_texts().language
    fresh: dict[str, Any] = {
        "notice_version": notice.version,
        "notice_items": notice_items(notice, language),
        "key": str(uuid.uuid4()),
        "typed": {},
        "alike": [],
        "known": None,
    }
    return views.show("join", status, **(fresh | context))


@views.shows_again("clerk.join")
def _show_again(notice: Notice, status: int) -> ResponseReturnValue:
    return _show(status, notice=notice, typed=request.form, key=request.form.get("key", ""))
