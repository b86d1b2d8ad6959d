"""Keeping the shop's tags: naming them, letting events or a segment bring them, archiving them."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from models.base import Translated
from models.catalogue import LONGEST_NAME as LONGEST_WORD
from models.member import LONGEST_NAME, NameRefused, normal_name
from models.tag.table import (
    EVENTS,
    MOST_DAYS,
    PURCHASE,
    NoSuchTag,
    Tag,
    TagNameTaken,
    TagRefused,
    TagTrigger,
    TooManyTags,
)

MOST_TAGS = 500
MOST_TRIGGERS = 20
"""Of one tag, in use at once."""
LONGEST_DESCRIPTION = 200
LANGUAGES = ("zh-TW", "en", "ja")
CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def keep_tag(
    session: Session,
    code: str,
    name: Translated,
    *,
    description: Translated | None = None,
    now: datetime,
) -> Tag:
    """Add a tag, or name one anew; one that was archived is in use again.

    Names are kept as members' are: one line, NFC, emoji welcome, 40 characters as a person counts.
    Raises TagRefused, TagNameTaken or TooManyTags.
    """
    if not CODE.fullmatch(code):
        raise TagRefused(what="code")
    names = _names(name)
    key = _key_of(names["zh-TW"])
    taken = session.scalar(select(Tag.code).where(Tag.name_key == key, Tag.code != code))
    if taken is not None:
        raise TagNameTaken(by=taken)
    tag = session.get(Tag, code, with_for_update=True)
    if tag is None or tag.archived_at is not None:
        _check_room(session)
    if tag is None:
        tag = Tag(code=code, description={}, created_at=now)
        session.add(tag)
    tag.name, tag.name_key, tag.archived_at = names, key, None
    if description is not None:
        tag.description = _descriptions(description)
    session.flush()
    return tag


def get_tag(session: Session, typed: str) -> Tag:
    """Return the tag in use with this code or Chinese name. Raises NoSuchTag."""
    typed = typed.replace("\x00", "")
    found = session.scalars(
        select(Tag)
        .where((Tag.code == typed) | (Tag.name_key == _key_of(typed)), Tag.archived_at.is_(None))
        .order_by((Tag.code == typed).desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NoSuchTag(tag=typed[:LONGEST_NAME])
    return found


def add_trigger(
    session: Session,
    tag: Tag,
    event: str,
    days: int,
    *,
    sku: str | None = None,
    category: str | None = None,
    ends_with_purchase: bool = False,
    now: datetime,
) -> TagTrigger:
    """Let what happens from now on bring the tag for so many days. Raises TagRefused."""
    for is_good, what in (
        (event in EVENTS, "event"),
        (1 <= days <= MOST_DAYS, "days"),
        (_is_word(sku), "sku"),
        (_is_word(category) and (sku is None or category is None), "category"),
        (event != PURCHASE or not ends_with_purchase, "ends_with_purchase"),
    ):
        if not is_good:
            raise TagRefused(what=what)
    if len(list_triggers(session, tag.code)) >= MOST_TRIGGERS:
        raise TagRefused(what="triggers")
    trigger = TagTrigger(
        tag_code=tag.code,
        event=event,
        sku=sku,
        category=category,
        days=days,
        ends_with_purchase=ends_with_purchase,
        since=now,
    )
    session.add(trigger)
    session.flush()
    return trigger


def list_triggers(session: Session, code: str) -> list[TagTrigger]:
    """Return what brings a tag now, the oldest first."""
    return list(
        session.scalars(
            select(TagTrigger)
            .where(TagTrigger.tag_code == code, TagTrigger.ended_at.is_(None))
            .order_by(TagTrigger.id)
        )
    )


def end_triggers(session: Session, tag: Tag, now: datetime) -> int:
    """Let nothing that happens from now on bring the tag; return how many triggers that ends."""
    ended = session.scalars(
        update(TagTrigger)
        .where(TagTrigger.tag_code == tag.code, TagTrigger.ended_at.is_(None))
        .values(ended_at=now)
        .returning(TagTrigger.id)
    )
    return len(ended.all())


def archive_tag(session: Session, tag: Tag, now: datetime) -> None:
    """Take a tag out of use; `drop_ended` takes it off its members."""
    end_triggers(session, tag, now)
    tag.archived_at, tag.segment_code, tag.applied_at = now, None, None
    session.flush()


def _check_room(session: Session) -> None:
    used = session.scalar(select(func.count()).where(Tag.archived_at.is_(None))) or 0
    if used >= MOST_TAGS:
        raise TooManyTags(most=MOST_TAGS)


def _names(told: Mapping[str, str]) -> Translated:
    """Return names fit to keep. Raises TagRefused."""
    if "zh-TW" not in told or set(told) - set(LANGUAGES):
        raise TagRefused(what="name", languages=list(LANGUAGES))
    try:
        return {language: normal_name(name) for language, name in told.items()}
    except NameRefused as error:
        raise TagRefused(what="name", longest=LONGEST_NAME) from error


def _descriptions(told: Mapping[str, str]) -> Translated:
    if set(told) - set(LANGUAGES):
        raise TagRefused(what="description", languages=list(LANGUAGES))
    kept = {language: " ".join(text.split()) for language, text in told.items()}
    if any(len(text) > LONGEST_DESCRIPTION or "\x00" in text for text in kept.values()):
        raise TagRefused(what="description", longest=LONGEST_DESCRIPTION)
    return kept


def _key_of(name: str) -> str:
    """Return a name as tags are told apart by it: no case, no width, no blanks around."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def _is_word(word: str | None) -> bool:
    return word is None or (0 < len(word.strip()) <= LONGEST_WORD and word.isprintable())
