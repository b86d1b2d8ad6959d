"""The table of changes to what the shop offers, and what they are refused for."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Identifier, Moment, one_of

ASKED, SCHEDULED, APPLIED, REFUSED, FAILED = STATES = (
    "asked",
    "scheduled",
    "applied",
    "refused",
    "failed",
)
WAITING = (ASKED, SCHEDULED)
LONGEST_NOTE = 300


class OfferingChange(Base):
    """One change to a rule or an offer, as somebody asked for it: its versions are these rows.

    asked → scheduled (decided, for a day to come) → applied; or refused by a person, or failed
    where the thing had changed by then. What may be published at once is applied at once.
    """

    __tablename__ = "offering_change"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_when"),
        CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decided_by_somebody"),
        CheckConstraint("(state = 'applied') = (applied_at IS NOT NULL)", name="applied_when"),
        CheckConstraint("(state = 'failed') = (problem IS NOT NULL)", name="failed_why"),
        CheckConstraint("state <> 'scheduled' OR effective_on IS NOT NULL", name="scheduled_for"),
        Index("ix_offering_change_kind", "kind", "code", "id"),
        Index(
            "ix_offering_change_waiting",
            "state",
            "effective_on",
            postgresql_where="state IN ('asked', 'scheduled')",
        ),
    )

    id: Mapped[Identifier]
    kind: Mapped[str]
    code: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """The thing as it was when this was asked for; None where it is new."""
    after: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The thing as it is to be."""
    note: Mapped[str]
    effective_on: Mapped[date | None]
    """The Taipei day from which it is to hold; None for at once."""
    state: Mapped[str]
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[Moment]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    applied_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    """The code of the refusal that kept it from being applied on its day."""
    key: Mapped[str] = mapped_column(unique=True)
    """The asker's: the same key is one change."""


class NoSuchOffering(BusinessError):
    """The shop has nothing of this kind and code."""

    code = "no_such_offering"


class NoSuchChange(BusinessError):
    """No change has this number, or it was decided before."""

    code = "no_such_offering_change"


class OfferingExists(BusinessError):
    """The shop has one of this kind and code already."""

    code = "offering_exists"


class OfferingChanged(BusinessError):
    """Somebody else changed it meanwhile: `mine` and `theirs` hold what differs, by column."""

    code = "offering_changed"


class OfferingFixed(BusinessError):
    """Members have some of it by now, so `columns` of it stay as they are."""

    code = "offering_fixed"


class OfferingRefused(BusinessError):
    """It makes no sense as it is; `rule` names the rule that it breaks."""

    code = "offering_refused"
