"""What a member does, and undoes: hooks of purchases and refunds, and events of other kinds."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session, aliased

from models.activity import PURCHASE_EVENTS, Mission
from models.activity.giving import give, take_back
from models.local_day import local_day
from models.member import Member
from models.mission.counting import Counted, Happened, Progress, count, replay
from models.mission.table import CheckInClosed, MissionAward, MissionEvent, MissionProgress
from models.programme import Programme, get_programme
from models.purchase.facts import Made, Undone
from models.purchase.table import PurchaseLine

REASON = "mission"
Asked = tuple[Mission, str, Sequence[str]]


def after_purchase(session: Session, made: Made) -> None:
    """Count a purchase for every mission it helps: one statement, none where no mission is on."""
    missions = [
        mission
        for mission in made.programme.activity.missions_on(
            PURCHASE_EVENTS, made.purchase.purchased_at
        )
        if mission.min_rank <= made.tier_before.rank
        and made.purchase.net_twd >= max(mission.min_spend_twd, 1)
    ]
    if not missions:
        return
    asked = _asked_by_purchase(session, made, missions)
    counted = count(
        session,
        made.member.id,
        asked,
        day=made.today,
        now=made.now,
        purchase_id=made.purchase.id,
    )
    _award(session, made.member, made.programme, counted, made.now)


def after_refund(session: Session, undone: Undone) -> None:
    """Undo what the purchase counted for, where it is below a mission's least spend now."""
    if not undone.programme.activity.has_purchase_missions:
        return
    by_id = {mission.id: mission for mission in undone.programme.activity.missions}
    for event in _standing_events(session, undone.purchase.id):
        mission = by_id.get(event.mission_id)
        if mission is not None and undone.net_after_twd < max(mission.min_spend_twd, 1):
            _undo(session, undone.member, mission, event, undone.now)


def note_event(session: Session, member: Member, event: str, *, key: str, now: datetime) -> int:
    """Count something a member did beside buying; return how many rounds that completed.

    `event` is one of EVENTS and `key` names what happened, so that it counts once.
    """
    programme = get_programme(session)
    rank = programme.tier(member.tier_id).rank
    missions = [m for m in programme.activity.missions_on([event], now) if m.min_rank <= rank]
    if not missions:
        return 0
    session.refresh(member, with_for_update=True)  # Two taps, one member: the second waits.
    asked: list[Asked] = [(mission, key, ()) for mission in missions]
    counted = count(session, member.id, asked, day=local_day(now), now=now)
    return _award(session, member, programme, counted, now)


def check_in(session: Session, member: Member, now: datetime) -> bool:
    """Check the member in, once a Taipei day; tell whether this was the first time today.

    Raises CheckInClosed where no mission counts it.
    """
    if not get_programme(session).activity.missions_on(["checkin"], now):
        raise CheckInClosed
    session.refresh(member, with_for_update=True)
    is_first = not has_checked_in(session, member.id, now)
    note_event(session, member, "checkin", key=_check_in_key(member.id, now), now=now)
    return is_first


def has_checked_in(session: Session, member_id: int, now: datetime) -> bool:
    """Tell whether the member has checked in on the Taipei day of `now`."""
    known = select(MissionEvent.id).where(
        MissionEvent.member_id == member_id, MissionEvent.key == _check_in_key(member_id, now)
    )
    return session.scalar(known.limit(1)) is not None


def _check_in_key(member_id: int, now: datetime) -> str:
    return f"checkin:{member_id}:{local_day(now).isoformat()}"


def _asked_by_purchase(session: Session, made: Made, missions: list[Mission]) -> list[Asked]:
    """Say what the purchase is to each mission: itself, its store, or the categories in it."""
    key = f"purchase:{made.purchase.id}"
    store = [made.programme.activity.store_code(made.purchase.store_id)]
    is_asked = any(mission.event == "category" for mission in missions)
    categories = _categories(session, made.purchase.id) if is_asked else []
    found = {"purchase": [""], "visit_store": store, "category": categories}
    asked = [(m, key, _counting_things(m, found[m.event])) for m in missions]
    return [(mission, key, things) for mission, key, things in asked if things]


def _counting_things(mission: Mission, things: list[str]) -> list[str]:
    if mission.things is None or mission.event == "purchase":
        return things
    return [thing for thing in things if thing in mission.things]


def _categories(session: Session, purchase_id: int) -> list[str]:
    return list(
        session.scalars(
            select(PurchaseLine.category)
            .where(PurchaseLine.purchase_id == purchase_id, PurchaseLine.category.is_not(None))
            .distinct()
        )
    )


def _award(
    session: Session,
    member: Member,
    programme: Programme,
    counted: list[Counted],
    now: datetime,
) -> int:
    """Close the rounds that are full, and give what they bring; return how many there were."""
    by_id = {mission.id: mission for mission in programme.activity.missions}
    full = [(by_id[c.mission_id], c.round) for c in counted if c.done >= by_id[c.mission_id].goal]
    for mission, round_ in full:
        session.execute(
            update(MissionProgress)
            .where(MissionProgress.member_id == member.id, MissionProgress.mission_id == mission.id)
            .values(round=round_ + 1, done=0, things=[])
        )
        _give(session, member, mission, round_, now)
    return len(full)


def _give(session: Session, member: Member, mission: Mission, round_: int, now: datetime) -> None:
    earlier = session.scalar(
        select(func.count()).where(
            MissionAward.member_id == member.id,
            MissionAward.mission_id == mission.id,
            MissionAward.round == round_,
        )
    )
    attempt = (earlier or 0) + 1
    award = MissionAward(
        member_id=member.id,
        mission_id=mission.id,
        round=round_,
        attempt=attempt,
        completed_at=now,
    )
    session.add(award)
    session.flush()
    give(session, member, mission.brings, reason=REASON, key=f"mission:{award.id}", now=now)


def _standing_events(session: Session, purchase_id: int) -> Sequence[MissionEvent]:
    """Return what the purchase counts for, in the order of its missions."""
    answer = aliased(MissionEvent)
    return session.scalars(
        select(MissionEvent)
        .where(
            MissionEvent.purchase_id == purchase_id,
            MissionEvent.answers_id.is_(None),
            ~select(answer.id).where(answer.answers_id == MissionEvent.id).exists(),
        )
        .order_by(MissionEvent.mission_id, MissionEvent.id)
    ).all()


def _undo(
    session: Session, member: Member, mission: Mission, event: MissionEvent, now: datetime
) -> None:
    """Answer the event, count anew what is left, and take back rounds that are full no more."""
    session.execute(
        insert(MissionEvent).values(
            mission_id=mission.id,
            member_id=member.id,
            key=f"undo:{event.id}",
            things=[],
            period=None,
            day_on=local_day(now),
            purchase_id=event.purchase_id,
            answers_id=event.id,
            happened_at=now,
        )
    )
    progress = recount(session, member.id, mission)
    session.execute(
        update(MissionProgress)
        .where(MissionProgress.member_id == member.id, MissionProgress.mission_id == mission.id)
        .values(
            round=progress.round,
            done=progress.done,
            things=list(progress.things),
            period=progress.period,
            day_on=progress.day_on,
            day_count=progress.day_count,
        )
    )
    _settle_awards(session, member, mission, progress.round - 1, now)


def recount(session: Session, member_id: int, mission: Mission) -> Progress:
    """Return where a member's events of a mission, less the undone ones, lead."""
    answer = aliased(MissionEvent)
    events = session.execute(
        select(MissionEvent.things, MissionEvent.period, MissionEvent.day_on)
        .where(
            MissionEvent.member_id == member_id,
            MissionEvent.mission_id == mission.id,
            MissionEvent.answers_id.is_(None),
            ~select(answer.id).where(answer.answers_id == MissionEvent.id).exists(),
        )
        .order_by(MissionEvent.id)
    )
    done = (Happened(tuple(things), period, day_on) for things, period, day_on in events)
    return replay(mission, done)


def _settle_awards(
    session: Session, member: Member, mission: Mission, completed: int, now: datetime
) -> None:
    """Keep the awards of the first `completed` rounds: undoing something never completes one."""
    standing = session.scalars(
        select(MissionAward)
        .where(
            MissionAward.member_id == member.id,
            MissionAward.mission_id == mission.id,
            MissionAward.taken_back_at.is_(None),
        )
        .order_by(MissionAward.round)
    ).all()
    for award in standing:
        if award.round > completed:
            award.taken_back_at = now
            award.kept = take_back(
                session, member, mission.brings, key=f"mission:{award.id}", now=now
            )
    session.flush()
