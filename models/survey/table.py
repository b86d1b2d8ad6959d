"""The tables of surveys, and what their rules refuse."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Identifier, Moment, Translated, in_language, one_of

CSAT, NPS, EXIT = KINDS = ("csat", "nps", "exit")
SCALES: Mapping[str, range] = MappingProxyType({CSAT: range(1, 6), NPS: range(11)})
"""Which scores a kind has; an exit survey asks for a reason alone."""
MOST_REASONS = 8
LONGEST_QUESTION = 200
LONGEST_REASON = 20
"""LINE's quick reply has room for so many characters."""
LONGEST_WORDS = 300
OPEN_FOR = timedelta(days=30)
"""An asking can be answered for so long."""


class Survey(Base):
    """One question the shop asks in the chat: satisfaction, recommendation, or why people left.

    Never deleted; archived, it is asked no more, and what was asked can still be answered.
    """

    __tablename__ = "survey"
    __table_args__ = (
        CheckConstraint("code <> ''", name="has_a_code"),
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[Translated]
    question: Mapped[Translated]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """What may be tapped as the reason: `[{"code": …, "name": {"zh-TW": …}}]`; may be empty."""
    asks_words: Mapped[bool]
    """Whether a sentence is asked for after the taps."""
    created_at: Mapped[Moment]
    set_by: Mapped[str]
    """Who worded it last: a login, or a word of a system's own."""
    set_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]

    @property
    def reason_codes(self) -> frozenset[str]:
        """Return the reasons that can be tapped."""
        return frozenset(reason["code"] for reason in self.reasons)

    def reason_name(self, code: str, language: str) -> str:
        """Return a reason as a person reads it; one that is asked no more reads as its code."""
        names = {reason["code"]: reason["name"] for reason in self.reasons}
        return in_language(names[code], language) if code in names else code

    def words(self, answer_id: int, language: str) -> dict[str, Any]:
        """Return what a card needs to ask this of one person: `bot.cards.surveys` draws it."""
        return {
            "answer": answer_id,
            "kind": self.kind,
            "question": in_language(self.question, language),
            "reasons": [
                [reason["code"], in_language(reason["name"], language)] for reason in self.reasons
            ],
        }


class SurveyAnswer(Base):
    """One asking of one member, and what they answered: a score once, a reason once, a sentence.

    asked → answered. The score and the reason are never changed; the sentence goes with the
    person who is forgotten, the figures stay without them.
    """

    __tablename__ = "survey_answer"
    __table_args__ = (
        CheckConstraint(
            "CASE kind WHEN 'csat' THEN score BETWEEN 1 AND 5"
            " WHEN 'nps' THEN score BETWEEN 0 AND 10 ELSE score IS NULL END",
            name="score_in_scale",
        ),
        CheckConstraint(
            "answered_at IS NOT NULL OR num_nonnulls(score, reason, words) = 0",
            name="answered_when",
        ),
        Index("ix_survey_answer_of_member", "member_id", "kind", "answered_at"),
        Index(None, "survey_code", "asked_at"),
        Index(
            "ix_survey_answer_given",
            "survey_code",
            "answered_at",
            "id",
            postgresql_where="answered_at IS NOT NULL",
        ),
    )

    id: Mapped[Identifier]
    survey_code: Mapped[str] = mapped_column(ForeignKey("survey.code"))
    kind: Mapped[str]
    """The survey's, so that a member's latest score is found at once."""
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    key: Mapped[str] = mapped_column(unique=True)
    """What asked: `<source>:<survey>:<member>`, so that a cause asks once."""
    asked_at: Mapped[Moment]
    answered_at: Mapped[datetime | None]
    score: Mapped[int | None]
    reason: Mapped[str | None]
    words: Mapped[str | None]


class NoSuchSurvey(BusinessError):
    """The shop has no survey of this code, or archived it."""

    code = "no_such_survey"


class SurveyRefused(BusinessError):
    """A survey is misshapen; `what` names the field."""

    code = "survey_refused"


class NotAsked(BusinessError):
    """This member was not asked this, or the tap is none that the survey offers."""

    code = "survey_not_asked"


class SurveyAnswered(BusinessError):
    """The member has answered: `score` says what, where there is one."""

    code = "survey_answered"


class SurveyClosed(BusinessError):
    """The asking is too old to be answered."""

    code = "survey_closed"


class WordsTooLong(BusinessError):
    """The sentence has more than `longest` characters."""

    code = "survey_words_too_long"
