"""Registering a member at a till: by phone, with their consent to the notice in force (U23).

A phone that a member has is refused without a word about whose it is; a key that may look members
up by phone has another way to ask, within its own limit.
"""

import structlog
from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers import settings
from handlers.api.answering import Answer
from handlers.api.calls import language
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.schemas.registration import MemberJoined, NewMember, NoticeItem, NoticeTold
from handlers.api.tags import MEMBERS
from models.api_key import WRITE_MEMBERS
from models.consent import NoticeOutdated, check_notice, get_notice, notice_items
from models.member import NameRefused
from models.membership import PhoneTaken, register_at_till
from models.phone import NotAMobileNumber

log = structlog.get_logger()


def show_notice() -> NoticeTold:
    """Read what a person must be told before they join."""
    notice = get_notice(g.session)
    return NoticeTold(
        version=notice.version,
        items=[
            NoticeItem(title=title, text=words) for title, words in notice_items(notice, language())
        ],
    )


def register_member(body: NewMember) -> Answer:
    """Register a person who was told the notice and agreed, at the counter.

    Their card is good at once; in LINE it is theirs when they scan `join_url` and prove the phone.
    """
    check_notice(g.session, body.consent.notice_version)
    store = caller().store
    member = register_at_till(
        g.session,
        body.phone,
        name=body.name,
        store=store,
        staff_id=None,
        evidence=caller().row_key(),
        now=g.now,
    )
    log.info("member_joined", member_id=member.id, store_id=store.id, key_id=caller().key_id)
    told = MemberJoined(
        number=member.number,
        joined_at=member.joined_at,
        join_url=f"{settings().public_base_url}/join/{store.code}",
    )
    return Answer(told, location=f"/api/v1/members/{member.number}")


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of joining."""
    declare(
        blueprint,
        "GET",
        "/notice",
        show_notice,
        tag=MEMBERS,
        scope=WRITE_MEMBERS,
        answers={200: NoticeTold},
    )
    declare(
        blueprint,
        "POST",
        "/members",
        register_member,
        tag=MEMBERS,
        scope=WRITE_MEMBERS,
        answers={201: MemberJoined},
        refusals=(PhoneTaken, NotAMobileNumber, NameRefused, NoticeOutdated),
        limit=LOOKUPS,
    )
