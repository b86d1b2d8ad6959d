"""May we write to them now? The one question before every message that nobody asked for (X9, T6).

Exact at this moment and set-based: who they are, whether they are left in peace, what they were
sent in the last days (outbox and campaigns alike), and whether something more important waits for
the one place that is left. `reasons_not_to_write` asks for many members and one sending,
`judge_messages` for owed messages of all kinds.

So that two workers never fill one place twice, whoever asks holds a lock until their transaction
ends: alone, but for the parts of one campaign run, in which nobody is twice.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.local_day import day_start, local_day
from models.outbox import LINE, Owed
from models.outreach.facts import Facts, Question, barred_among, facts_of
from models.outreach.lock import lock_outreach
from models.outreach.setting import OutreachRules, get_rules
from models.suppression import (
    CHOOSES_THE_SILENT,
    SUPPRESSED,
    get_threshold,
    suppressed_among,
    unpaid_classes,
)

SERVICE = "service"
"""The kind of what a member is owed for a deed of their own: no cap and no hour holds it."""
MARKETING, WIN_BACK = "marketing", "win_back"
CAMPAIGN = "campaign"
FREQUENCY_CAP, WIN_BACK_LOCK, WAITING = ("frequency_cap", "win_back_lock", "waiting_for_higher")
MARKETING_STOPPED = "marketing_stopped"
WAITABLE = frozenset({FREQUENCY_CAP, WAITING})
"""Reasons that another day, or another message, may take away."""


@dataclass
class _Person:
    """What one member was sent, with what was allowed in this very asking."""

    facts: Facts
    more: int = 0
    won_back: bool = False

    def fits(self, cap: int | None, sent: int, waiting: int = 0) -> bool:
        return cap is None or sent + self.more + waiting < cap


@dataclass
class _Judge:
    """Decides for one asking after another, so that each allowed one counts for the next."""

    rules: OutreachRules
    suppressed: Collection[int]
    people: dict[int, _Person] = field(default_factory=dict)

    def reason(self, facts: Facts, intent: str, priority: int) -> str | None:
        """Return why a message is not to go to a member, and count it where it is."""
        if facts.barred is not None:
            return facts.barred
        person = self.people.setdefault(facts.member_id, _Person(facts))
        why = self._peace(person, intent) or self._cap(person, priority)
        if why is None:
            person.more += 1
            person.won_back |= intent == WIN_BACK
        return why

    def _peace(self, person: _Person, intent: str) -> str | None:
        facts = person.facts
        if not facts.marketing_allowed:
            return MARKETING_STOPPED
        if facts.member_id in self.suppressed:
            return SUPPRESSED
        if facts.class_key is not None and intent not in CHOOSES_THE_SILENT:
            return facts.class_key
        if intent == WIN_BACK and (facts.won_back or person.won_back):
            return WIN_BACK_LOCK
        return None

    def _cap(self, person: _Person, priority: int) -> str | None:
        rules, facts = self.rules, person.facts
        caps = ((rules.day_cap, facts.today), (rules.window_cap, facts.lately))
        if not all(person.fits(cap, sent) for cap, sent in caps):
            return FREQUENCY_CAP
        higher = sum(self._priority(*told) > priority for told in facts.waiting or ())
        if not all(person.fits(cap, sent, higher) for cap, sent in caps):
            return WAITING
        return None

    def _priority(self, intent: str, source: str | None, told: int | None) -> int:
        return self.rules.priority_of(intent, source) if told is None else told


def reasons_not_to_write(
    session: Session,
    member_ids: Collection[int],
    *,
    kind: str,
    source: str | None,
    priority: int | None,
    now: datetime,
    channel: str = LINE,
    is_last_word: bool = True,
) -> dict[int, str]:
    """Return why some of these members are not to be written to now, by their id.

    `kind` is `service`, `win_back`, or any other word for marketing; of a campaign's run, `source`
    is `campaign:<run id>`, whose own recipients never count. Where this is the last word before a
    call, ask in the transaction that claims: the lock is held to its end.
    """
    ids = sorted(set(member_ids))
    if not ids:
        return {}
    if kind == SERVICE:
        return barred_among(session, ids, channel)
    run_id = _run_of(source)
    if is_last_word:
        lock_outreach(session, run_id)
    rules = get_rules(session)
    question = replace(
        _question(session, rules, ids, now, channel, {kind}),
        run_id=run_id,
        day_cap=rules.day_cap,
        window_cap=rules.window_cap,
    )
    facts = facts_of(session, question)
    judge = _judge(session, rules, question.threshold, facts)
    at = rules.priority_of(kind, source) if priority is None else priority
    judged = ((found.member_id, judge.reason(found, kind, at)) for found in facts)
    return {member_id: why for member_id, why in judged if why is not None}


def judge_messages(
    session: Session, messages: Sequence[Owed], now: datetime, *, channel: str = LINE
) -> dict[uuid.UUID, str]:
    """Return why some of these claimed marketing messages are not to go now, by their ids.

    Where a member has several of them, the most important goes first. The caller holds the lock.
    """
    ids = sorted({row.member_id for row in messages if row.member_id is not None})
    if not ids:
        return {}
    rules = get_rules(session)
    question = _question(session, rules, ids, now, channel, {row.intent for row in messages})
    own_ids = [row.id for row in messages]
    facts = facts_of(session, replace(question, own_ids=own_ids, day_cap=1, window_cap=1))
    judge = _judge(session, rules, question.threshold, facts)
    known = {found.member_id: found for found in facts}
    held: dict[uuid.UUID, str] = {}
    for row in sorted(messages, key=lambda row: (-_priority_of(row, rules), row.seq)):
        if row.member_id is not None:
            found = known.get(row.member_id) or Facts(row.member_id)
            why = judge.reason(found, row.intent, _priority_of(row, rules))
            if why is not None:
                held[row.id] = why
    return held


def _priority_of(row: Owed, rules: OutreachRules) -> int:
    return rules.priority_of(row.intent, row.source) if row.priority is None else row.priority


def _run_of(source: str | None) -> int | None:
    """Return the id of the campaign's run that a source names."""
    name, number, *_ = [*(source or "").split(":"), ""]
    return int(number) if name == CAMPAIGN and number.isdecimal() else None


def _question(
    session: Session,
    rules: OutreachRules,
    ids: Sequence[int],
    now: datetime,
    channel: str,
    intents: Collection[str],
) -> Question:
    day, lock_days = local_day(now), rules.win_back_days if WIN_BACK in intents else 0
    return Question(
        ids=ids,
        today=day_start(day),
        tomorrow=day_start(day + timedelta(days=1)),
        window=rules.window_start(now),
        locked_since=now - timedelta(days=lock_days),
        classes=unpaid_classes(session),
        channel=channel,
        threshold=get_threshold(session),
    )


def _judge(
    session: Session, rules: OutreachRules, threshold: int | None, facts: Sequence[Facts]
) -> _Judge:
    silent = [found.member_id for found in facts if found.may_be_suppressed]
    return _Judge(rules, suppressed_among(session, silent, threshold))
