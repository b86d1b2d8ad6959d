"""Keeping journeys: adding one, changing it in versions, switching it on and off, archiving it.

Two people who change one journey do not overwrite each other: a change says which version it was
made from, and is refused where there is a newer one.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.audit import note as note_in_audit
from models.base import Translated
from models.journey.definition import Definition, parse_definition
from models.journey.naming import check_names
from models.journey.refusals import (
    JourneyChanged,
    JourneyExists,
    JourneyRefused,
    NoSuchJourney,
    TooManyJourneys,
    WrongState,
)
from models.journey.stepping import LANGUAGES
from models.journey.table import (
    ACTIVE,
    ARCHIVED,
    DRAFT,
    LONGEST_CODE,
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_JOURNEYS,
    PAUSED,
    Journey,
    JourneyPresence,
    JourneyVersion,
)
from models.journey.trigger import Span

_CODE = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}")
_PARSED = 512


def add_journey(
    session: Session,
    code: str,
    name: Translated,
    definition: Definition,
    *,
    by: str,
    now: datetime,
    note: str = "",
    staff_id: int | None = None,
    is_noted: bool = True,
) -> Journey:
    """Keep a new journey with its first version, as a draft that starts nobody.

    What the program brings by itself is no deed of anybody: it `is_noted` nowhere.
    Raises JourneyRefused, JourneyExists, TooManyJourneys, or a RuleRefused where the definition
    names what the shop does not have.
    """
    if not _CODE.fullmatch(code):
        raise JourneyRefused(what="code", found=code[:LONGEST_CODE], wanted=_CODE.pattern)
    _check_name(name)
    check_names(session, definition)
    kept = select(func.count()).select_from(Journey).where(Journey.state != ARCHIVED)
    if (session.scalar(kept) or 0) >= MOST_JOURNEYS:
        raise TooManyJourneys(most=MOST_JOURNEYS)
    made = session.scalar(
        insert(Journey)
        .values(code=code, name=name, state=DRAFT, version=1, created_at=now)
        .on_conflict_do_nothing()
        .returning(Journey.code)
    )
    if made is None:
        raise JourneyExists(journey=code)
    _add_version(session, code, 1, definition, by=by, now=now, note=note)
    if is_noted:
        _note(session, "journey.add", code, now, staff_id, version=1)
    return session.get_one(Journey, code)


def change_journey(
    session: Session,
    code: str,
    definition: Definition,
    *,
    made_from: int,
    by: str,
    now: datetime,
    note: str = "",
    staff_id: int | None = None,
) -> Journey:
    """Keep a new version, on which whoever starts from now on goes; the same again makes none.

    Who is under way finishes on the version they are on; `move_visits` moves them. An active
    journey whose trigger changes begins anew: causes before now start nobody.
    Raises NoSuchJourney, JourneyRefused, WrongState of an archived one, JourneyChanged where
    `made_from` is not the newest version, or a RuleRefused.
    """
    check_names(session, definition)
    journey = _lock(session, code)
    if journey.state == ARCHIVED:
        raise WrongState(journey=code, state=journey.state, possible=[DRAFT, ACTIVE, PAUSED])
    newest = get_version(session, code)
    if newest.version != made_from:
        raise JourneyChanged(
            journey=code, version=newest.version, made_by=newest.made_by, made_at=newest.made_at
        )
    if newest.definition == definition.as_json():
        return journey
    journey.version += 1
    before = definition_of(newest)
    _add_version(session, code, journey.version, definition, by=by, now=now, note=note)
    if journey.state == ACTIVE and before.cause != definition.cause:
        _begin(session, journey, definition, now)
    _note(session, "journey.change", code, now, staff_id, version=journey.version)
    return journey


def rename_journey(
    session: Session, code: str, name: Translated, *, now: datetime, staff_id: int | None = None
) -> Journey:
    """Call a journey something else. Raises NoSuchJourney or JourneyRefused."""
    _check_name(name)
    journey = _lock(session, code)
    if journey.name != name:
        journey.name = name
        _note(session, "journey.rename", code, now, staff_id, version=journey.version)
    return journey


def activate_journey(
    session: Session,
    code: str,
    *,
    now: datetime,
    staff_id: int | None = None,
    is_noted: bool = True,
) -> Journey:
    """Switch a journey on: whoever has a cause from now on starts, nobody for an older one.

    Who was under way when it was paused goes on. Raises NoSuchJourney, WrongState of an archived
    one, or a RuleRefused where something it names is gone.
    """
    journey = _lock(session, code)
    _allow(journey, DRAFT, PAUSED, ACTIVE)
    if journey.state != ACTIVE:
        definition = definition_of(get_version(session, code))
        check_names(session, definition)
        journey.state = ACTIVE
        _begin(session, journey, definition, now)
        if is_noted:
            _note(session, "journey.activate", code, now, staff_id, version=journey.version)
    return journey


def pause_journey(
    session: Session, code: str, *, now: datetime, staff_id: int | None = None
) -> Journey:
    """Stop a journey where it stands: nobody starts, moves on or is sent anything by it.

    Raises NoSuchJourney, or WrongState of one that never ran or is archived.
    """
    journey = _lock(session, code)
    _allow(journey, ACTIVE, PAUSED)
    if journey.state != PAUSED:
        journey.state = PAUSED
        _note(session, "journey.pause", code, now, staff_id, version=journey.version)
    return journey


def archive_journey(
    session: Session, code: str, *, now: datetime, staff_id: int | None = None
) -> Journey:
    """End a journey for good; the next round takes those under way off it. Raises NoSuchJourney."""
    journey = _lock(session, code)
    if journey.state != ARCHIVED:
        journey.state, journey.archived_at = ARCHIVED, now
        session.execute(
            delete(JourneyPresence)
            .where(JourneyPresence.journey_code == code)
            .execution_options(synchronize_session=False)
        )
        _note(session, "journey.archive", code, now, staff_id, version=journey.version)
    return journey


def get_journey(session: Session, code: str) -> Journey:
    """Return the journey of this code, archived or not. Raises NoSuchJourney."""
    journey = session.get(Journey, code, populate_existing=True)
    if journey is None:
        raise NoSuchJourney(journey=code[:LONGEST_CODE])
    return journey


def get_version(session: Session, code: str, version: int | None = None) -> JourneyVersion:
    """Return a version of a journey, the newest unless told. Raises NoSuchJourney."""
    versions = select(JourneyVersion).where(JourneyVersion.journey_code == code)
    if version is not None:
        versions = versions.where(JourneyVersion.version == version)
    newest = versions.order_by(JourneyVersion.version.desc()).limit(1)
    found = session.scalars(newest).one_or_none()
    if found is None:
        raise NoSuchJourney(journey=code[:LONGEST_CODE], version=version)
    return found


def list_versions(session: Session, code: str) -> Sequence[JourneyVersion]:
    """Return a journey's versions, the newest first."""
    return session.scalars(
        select(JourneyVersion)
        .where(JourneyVersion.journey_code == code)
        .order_by(JourneyVersion.version.desc())
    ).all()


def list_newest(session: Session) -> dict[str, JourneyVersion]:
    """Return the newest version of each journey, by its code; one statement."""
    newest = (JourneyVersion.journey_code == Journey.code) & (
        JourneyVersion.version == Journey.version
    )
    return {
        version.journey_code: version
        for version in session.scalars(select(JourneyVersion).join(Journey, newest))
    }


def list_journeys(session: Session, *, with_archived: bool = False) -> Sequence[Journey]:
    """Return the journeys in the order of their codes."""
    found = select(Journey).order_by(Journey.code)
    if not with_archived:
        found = found.where(Journey.state != ARCHIVED)
    return session.scalars(found).all()


def definition_of(version: JourneyVersion) -> Definition:
    """Return the definition of a kept version."""
    return _parsed(json.dumps(version.definition))


@lru_cache(maxsize=_PARSED)
def _parsed(written: str) -> Definition:
    """Read a definition; a round asks for the same ones again and again."""
    return parse_definition(json.loads(written))


def _begin(session: Session, journey: Journey, definition: Definition, now: datetime) -> None:
    """Count causes from now on; who already is where the trigger waits for does not come there."""
    journey.active_since, journey.looked_at = now, None
    if definition.cause.trigger.prepare is not None:
        span = Span(journey.code, now, now, definition.cause.from_time)
        definition.cause.trigger.prepare(session, definition.cause.params, span)


def _lock(session: Session, code: str) -> Journey:
    journey = session.get(Journey, code, with_for_update=True, populate_existing=True)
    if journey is None:
        raise NoSuchJourney(journey=code[:LONGEST_CODE])
    return journey


def _allow(journey: Journey, *states: str) -> None:
    if journey.state not in states:
        raise WrongState(journey=journey.code, state=journey.state, possible=list(states))


def _check_name(name: Translated) -> None:
    """Refuse a name that is not there in Chinese, or has a text too long or invisible."""
    is_good = set(name) <= set(LANGUAGES) and all(
        0 < len(text.strip()) <= LONGEST_NAME and text.isprintable() for text in name.values()
    )
    if not is_good or "zh-TW" not in name:
        raise JourneyRefused(what="name", found=sorted(name), wanted=f"zh-TW, 1–{LONGEST_NAME}")


def _add_version(
    session: Session,
    code: str,
    version: int,
    definition: Definition,
    *,
    by: str,
    now: datetime,
    note: str,
) -> None:
    if len(note) > LONGEST_NOTE or "\0" in note:
        raise JourneyRefused(what="note", found=len(note), wanted=LONGEST_NOTE)
    session.add(
        JourneyVersion(
            journey_code=code,
            version=version,
            definition=definition.as_json(),
            note=note,
            made_by=by,
            made_at=now,
        )
    )
    session.flush()


def _note(
    session: Session, what: str, code: str, now: datetime, staff_id: int | None, *, version: int
) -> None:
    note_in_audit(
        session, what, f"journey:{code}", now=now, staff_id=staff_id, after={"version": version}
    )
