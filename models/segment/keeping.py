"""Keeping segments: adding one, changing its rule in versions, archiving it, counting it.

Two people who change one segment do not overwrite each other: a change says which version it was
made from, and is refused where there is a newer one.
"""

import re
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.audit import note as note_in_audit
from models.segment.codes import check_codes
from models.segment.rule import Rule, parse_rule
from models.segment.sizing import Size, size_of
from models.segment.table import (
    LONGEST_CODE,
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_SEGMENTS,
    NoSuchSegment,
    Segment,
    SegmentArchived,
    SegmentChanged,
    SegmentExists,
    SegmentRefused,
    SegmentSize,
    SegmentVersion,
    TooManySegments,
)

LANGUAGES = ("zh-TW", "en", "ja")
ONE_OFF_DIGITS = 12
_CODE = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}")


def add_segment(
    session: Session,
    code: str,
    name: dict[str, str],
    rule: Rule,
    *,
    by: str,
    now: datetime,
    note: str = "",
    staff_id: int | None = None,
) -> Segment:
    """Keep a new segment with its first version.

    Raises SegmentRefused, SegmentExists, TooManySegments, or UnknownCode where the rule names what
    the shop does not have.
    """
    if not _CODE.fullmatch(code):
        raise SegmentRefused(what="code", found=code[:LONGEST_CODE], wanted=_CODE.pattern)
    many = select(func.count()).where(Segment.is_one_off.is_(False))
    if (session.scalar(many) or 0) >= MOST_SEGMENTS:
        raise TooManySegments(most=MOST_SEGMENTS)
    values = {"code": code, "name": name, "created_at": now}
    return _insert(session, values, rule, by=by, note=note, staff_id=staff_id)


def add_one_off(
    session: Session, name: dict[str, str], rule: Rule, *, by: str, now: datetime
) -> Segment:
    """Keep a rule that was made for one thing alone; it stands on no list of segments.

    Raises SegmentRefused, or UnknownCode where the rule names what the shop does not have.
    """
    code = f"one-off-{uuid.uuid4().hex[:ONE_OFF_DIGITS]}"
    values = {"code": code, "name": name, "created_at": now, "is_one_off": True}
    return _insert(session, values, rule, by=by)


def _insert(
    session: Session,
    values: dict[str, Any],
    rule: Rule,
    *,
    by: str,
    note: str = "",
    staff_id: int | None = None,
) -> Segment:
    _check_name(values["name"])
    check_codes(session, rule)
    code, now = values["code"], values["created_at"]
    made = session.scalar(
        insert(Segment).values(version=1, **values).on_conflict_do_nothing().returning(Segment.code)
    )
    if made is None:
        raise SegmentExists(segment=code)
    _add_version(session, code, 1, rule, by=by, now=now, note=note)
    _note(session, "segment.add", code, now, staff_id, version=1)
    return session.get_one(Segment, code)


def change_segment(
    session: Session,
    code: str,
    rule: Rule,
    *,
    made_from: int,
    by: str,
    now: datetime,
    note: str = "",
    staff_id: int | None = None,
) -> Segment:
    """Keep a new version of a segment's rule; the same rule again makes none.

    Raises NoSuchSegment, SegmentArchived, SegmentRefused, UnknownCode, or SegmentChanged where
    `made_from` is not the newest version.
    """
    check_codes(session, rule)
    segment = _lock(session, code)
    if segment.archived_at is not None:
        raise SegmentArchived(segment=code)
    newest = get_version(session, code)
    if newest.version != made_from:
        raise SegmentChanged(
            segment=code, version=newest.version, made_by=newest.made_by, made_at=newest.made_at
        )
    if newest.rule == rule.as_json():
        return segment
    segment.version += 1
    _add_version(session, code, segment.version, rule, by=by, now=now, note=note)
    _note(session, "segment.change", code, now, staff_id, version=segment.version)
    return segment


def rename_segment(
    session: Session,
    code: str,
    name: dict[str, str],
    *,
    now: datetime,
    staff_id: int | None = None,
) -> Segment:
    """Call a segment something else. Raises NoSuchSegment or SegmentRefused."""
    _check_name(name)
    segment = _lock(session, code)
    if segment.name != name:
        segment.name = name
        _note(session, "segment.rename", code, now, staff_id, version=segment.version)
    return segment


def archive_segment(
    session: Session,
    code: str,
    *,
    now: datetime,
    is_archived: bool = True,
    staff_id: int | None = None,
) -> Segment:
    """Take a segment off the list, or bring it back; its versions stay. Raises NoSuchSegment."""
    segment = _lock(session, code)
    if (segment.archived_at is not None) != is_archived:
        segment.archived_at = now if is_archived else None
        what = "segment.archive" if is_archived else "segment.restore"
        _note(session, what, code, now, staff_id, version=segment.version)
    return segment


def get_segment(session: Session, code: str) -> Segment:
    """Return the segment of this code, archived or not. Raises NoSuchSegment."""
    segment = session.get(Segment, code)
    if segment is None:
        raise NoSuchSegment(segment=code[:LONGEST_CODE])
    return segment


def get_segments(session: Session, codes: Collection[str]) -> dict[str, Segment]:
    """Return the segments of these codes, by code, archived or not."""
    found = session.scalars(select(Segment).where(Segment.code.in_(codes)))
    return {segment.code: segment for segment in found}


def get_version(session: Session, code: str, version: int | None = None) -> SegmentVersion:
    """Return a version of a segment, the newest unless told. Raises NoSuchSegment."""
    versions = select(SegmentVersion).where(SegmentVersion.segment_code == code)
    if version is not None:
        versions = versions.where(SegmentVersion.version == version)
    newest = versions.order_by(SegmentVersion.version.desc()).limit(1)
    found = session.scalars(newest).one_or_none()
    if found is None:
        raise NoSuchSegment(segment=code[:LONGEST_CODE], version=version)
    return found


def list_versions(session: Session, code: str) -> Sequence[SegmentVersion]:
    """Return a segment's versions, the newest first."""
    return session.scalars(
        select(SegmentVersion)
        .where(SegmentVersion.segment_code == code)
        .order_by(SegmentVersion.version.desc())
    ).all()


def newest_versions(session: Session, codes: Sequence[str]) -> dict[str, SegmentVersion]:
    """Return the newest version of each of these segments, by code."""
    found = session.scalars(
        select(SegmentVersion)
        .join(Segment, Segment.code == SegmentVersion.segment_code)
        .where(SegmentVersion.version == Segment.version, Segment.code.in_(codes))
    )
    return {version.segment_code: version for version in found}


def list_segments(
    session: Session, *, with_archived: bool = False
) -> list[tuple[Segment, SegmentSize | None]]:
    """Return the segments in the order of their codes, each with its last count, if any.

    Those made for one campaign alone are not among them.
    """
    found = (
        select(Segment, SegmentSize)
        .join(SegmentSize, SegmentSize.segment_code == Segment.code, isouter=True)
        .where(Segment.is_one_off.is_(False))
        .order_by(Segment.code)
    )
    if not with_archived:
        found = found.where(Segment.archived_at.is_(None))
    return [(segment, size) for segment, size in session.execute(found)]


def rule_of(version: SegmentVersion) -> Rule:
    """Return the rule of a kept version."""
    return parse_rule(version.rule)


def count_segment(session: Session, code: str, now: datetime, *, exact: bool = False) -> Size:
    """Count a segment's members now, and remember the count. Raises NoSuchSegment."""
    return count_version(session, get_version(session, code), now, exact=exact)


def count_version(
    session: Session, version: SegmentVersion, now: datetime, *, exact: bool = False
) -> Size:
    """Count the members of a segment's newest version now, and remember the count."""
    size = size_of(session, rule_of(version), now, exact=exact)
    counted: dict[str, Any] = {
        "version": version.version,
        "members": size.members,
        "reachable": size.reachable,
        "is_estimate": size.is_estimate,
        "low": size.low,
        "high": size.high,
        "as_of": now,
    }
    keep = insert(SegmentSize).values(segment_code=version.segment_code, **counted)
    session.execute(
        keep.on_conflict_do_update(
            index_elements=[SegmentSize.segment_code],
            set_=counted,
            where=SegmentSize.as_of <= now,
        )
    )
    return size


def _lock(session: Session, code: str) -> Segment:
    segment = session.get(Segment, code, with_for_update=True, populate_existing=True)
    if segment is None:
        raise NoSuchSegment(segment=code[:LONGEST_CODE])
    return segment


def _check_name(name: dict[str, str]) -> None:
    """Refuse a name that is not there in Chinese, or has a text too long or invisible."""
    is_good = set(name) <= set(LANGUAGES) and all(
        0 < len(text.strip()) <= LONGEST_NAME and text.isprintable() for text in name.values()
    )
    if not is_good or "zh-TW" not in name:
        raise SegmentRefused(what="name", found=sorted(name), wanted=f"zh-TW, 1–{LONGEST_NAME}")


def _add_version(
    session: Session,
    code: str,
    version: int,
    rule: Rule,
    *,
    by: str,
    now: datetime,
    note: str,
) -> None:
    if len(note) > LONGEST_NOTE or "\0" in note:
        raise SegmentRefused(what="note", found=len(note), wanted=LONGEST_NOTE)
    session.add(
        SegmentVersion(
            segment_code=code,
            version=version,
            rule=rule.as_json(),
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
        session, what, f"segment:{code}", now=now, staff_id=staff_id, after={"version": version}
    )
