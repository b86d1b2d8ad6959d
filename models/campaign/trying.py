"""Trying a campaign out: some members get it as it is, so that somebody has seen it on a phone.

They need no consent, only friendship: a test is not marketing. Coupons in it are specimens, and a
survey takes no answers.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign.keeping import get_campaign, note_change
from models.campaign.refusals import CampaignRefused, CannotTest
from models.campaign.setting import check_person
from models.campaign.table import MARKETING, Campaign
from models.content import facts_for, parse_content
from models.friend import Friend
from models.member import Member
from models.outbox import Owed, owe

CONTENT_KIND = "content"
MOST_TESTERS = 20
USEFUL_FOR = timedelta(hours=1)


def send_test(
    session: Session,
    campaign: Campaign | str,
    member_ids: Sequence[int],
    *,
    by: str,
    now: datetime,
    variant: str | None = None,
    key: str | None = None,
) -> list[Owed]:
    """Owe members every variant of a campaign, or one; return the rows of the outbox.

    A `key` seen before owes nothing more, and returns the same rows. Raises NotTheirCampaign,
    NoSuchCampaign, CampaignRefused, or CannotTest where one of them is no member, or no friend of
    the account.
    """
    person = check_person(session, by)
    code = campaign if isinstance(campaign, str) else campaign.code
    kept = get_campaign(session, code)
    known = [each["code"] for each in kept.variants]
    if variant is not None and variant not in known:
        raise CampaignRefused("variant", variant, known)
    if not 1 <= len(set(member_ids)) <= MOST_TESTERS:
        raise CampaignRefused("members", len(set(member_ids)), (f"1 – {MOST_TESTERS}",))
    testers, wanted = _testers(session, member_ids), key or now.isoformat()
    tried = {each["code"]: each["content"] for each in kept.variants}
    if variant is not None:
        tried = {variant: tried[variant]}
    names = [_name(kept, each, tester, wanted) for each in tried for tester in testers]
    owed = session.scalars(select(Owed).where(Owed.idempotency_key.in_(names))).all()
    if owed:
        return list(owed)
    rows = [
        row
        for each, content in tried.items()
        for row in _owe(session, kept, each, content, testers, wanted, now)
    ]
    told = {"members": sorted(testers), "variant": variant}
    note_change(session, kept, "test", person, now, after=told)
    return rows


def _testers(session: Session, member_ids: Sequence[int]) -> dict[int, str]:
    """Return the LINE ids of the members. Raises CannotTest."""
    rows = session.execute(
        select(Member.id, Member.line_user_id, Friend.is_following)
        .outerjoin(Friend, Friend.line_user_id == Member.line_user_id)
        .where(Member.id.in_(set(member_ids)), Member.erased_at.is_(None))
    ).all()
    unknown = sorted(set(member_ids) - {row.id for row in rows})
    if unknown:
        raise CannotTest(unknown=unknown)
    not_friends = sorted(row.id for row in rows if not row.is_following)
    if not_friends:
        raise CannotTest(not_friends=not_friends)
    return {row.id: row.line_user_id for row in rows}


def _owe(
    session: Session,
    campaign: Campaign,
    variant: str,
    told: dict[str, object],
    testers: dict[int, str],
    wanted: str,
    now: datetime,
) -> list[Owed]:
    source = f"test:{campaign.code}"
    facts = facts_for(session, parse_content(told), testers, source=source, now=now, is_test=True)
    return [
        owe(
            session,
            testers[member_id],
            CONTENT_KIND,
            {
                "content": told,
                "facts": own.as_json(),
                "links": {},
                "is_marketing": campaign.kind == MARKETING,
            },
            language=own.language,
            idempotency_key=_name(campaign, variant, member_id, wanted),
            now=now,
            member_id=member_id,
            useful_until=now + USEFUL_FOR,
            source=source,
        )
        for member_id, own in facts.items()
    ]


def _name(campaign: Campaign, variant: str, member_id: int, wanted: str) -> str:
    """Return the key of one message of a test; `wanted` tells one test from the next."""
    return f"test:{campaign.code}:{variant}:{member_id}:{wanted}"
