"""Proposals of new rules for the tiers: drafted by several people, published once, by the owner.

A proposal holds rules (`tier_evaluation.Draft`), the benefits that begin with them and those that
end. It may be changed until it is published or dropped; every change is a new edition, so that
two people who change the same one are told. What was published is a version, and never changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, find_made
from models.benefit import Benefit, add_benefit, read_terms
from models.staff import OWNER, Staff
from models.tier import Tier, TierVersion, list_tiers
from models.tier_evaluation import Draft, publish, raise_version

LONGEST_NAME = 60
MOST_LISTED = 50
MOST_BENEFITS = 60


class TierProposal(Base):
    """One proposal. Open until it is published (`version_id`) or dropped."""

    __tablename__ = "tier_proposal"
    __table_args__ = (
        CheckConstraint(f"length(name) BETWEEN 1 AND {LONGEST_NAME}", name="named"),
        CheckConstraint("version_id IS NULL OR dropped_at IS NULL", name="one_end"),
    )

    id: Mapped[Identifier]
    name: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What is proposed, as `Proposed.as_json` writes it."""
    edition: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """One more with every change."""
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    made_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Moment]
    changed_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[Moment]
    version_id: Mapped[int | None] = mapped_column(ForeignKey("tier_version.id"), unique=True)
    dropped_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        """Tell whether it may still be changed."""
        return self.version_id is None and self.dropped_at is None

    @property
    def proposed(self) -> "Proposed":
        """Return what is proposed."""
        return Proposed.parse(self.body)


class NoSuchProposal(BusinessError):
    """No proposal has this number."""

    code = "no_such_proposal"


class ProposalRefused(BusinessError):
    """What is proposed is misshapen; `why` names the part."""

    code = "proposal_refused"


class ProposalClosed(BusinessError):
    """It was published or dropped, and stays as it is."""

    code = "proposal_closed"


class ProposalChanged(BusinessError):
    """Somebody else changed it since it was read; `name`, `at` and `edition` say who and when."""

    code = "proposal_changed"


class NotTheOwner(BusinessError):
    """Only the owner publishes rules."""

    code = "not_the_owner"


@dataclass(frozen=True)
class NewBenefit:
    """A benefit that a tier gets on the day the rules begin."""

    tier_code: str
    kind: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Proposed:
    """What a proposal would make: rules, benefits that begin with them, and benefits that end."""

    draft: Draft
    benefits: tuple[NewBenefit, ...] = ()
    ended: tuple[int, ...] = ()
    """Ids of benefits that hold until the day before."""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON, which `parse` reads again."""
        return {
            "draft": self.draft.as_json(),
            "benefits": [vars(benefit) for benefit in self.benefits],
            "ended": list(self.ended),
        }

    @classmethod
    def parse(cls, words: Mapping[str, Any]) -> "Proposed":
        """Read what `as_json` wrote. Raises ProposalRefused, or BenefitRefused."""
        try:
            benefits = tuple(NewBenefit(**told) for told in words.get("benefits", ()))
            ended = tuple(int(number) for number in words.get("ended", ()))
            proposed = cls(Draft.parse(words["draft"]), benefits, ended)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ProposalRefused(why=type(error).__name__) from error
        if len(benefits) > MOST_BENEFITS:
            raise ProposalRefused(why="benefits", most=MOST_BENEFITS)
        for benefit in benefits:
            read_terms(benefit.kind, benefit.parameters)
        return proposed


def begin_proposal(
    session: Session, staff: Staff, name: str, proposed: Proposed, *, key: str, now: datetime
) -> TierProposal:
    """Keep a new proposal; the same `key` again returns the first. Raises ProposalRefused."""
    known = find_made(session, TierProposal, key)
    if known is not None:
        return known
    proposal = TierProposal(
        name=_checked_name(name),
        body=proposed.as_json(),
        idempotency_key=key,
        made_by=staff.id,
        made_at=now,
        changed_by=staff.id,
        changed_at=now,
    )
    session.add(proposal)
    session.flush()
    note(
        session,
        "tier.propose",
        f"tier_proposal:{proposal.id}",
        now=now,
        staff_id=staff.id,
        after=proposal.body,
    )
    return proposal


def change_proposal(
    session: Session,
    proposal_id: int,
    staff: Staff,
    name: str,
    proposed: Proposed,
    *,
    edition: int,
    now: datetime,
) -> TierProposal:
    """Put another content in the place of edition `edition`.

    Raises NoSuchProposal, ProposalClosed, ProposalChanged or ProposalRefused.
    """
    proposal = _lock_open(session, proposal_id)
    body, before = proposed.as_json(), proposal.body
    if (proposal.name, before) == (name, body):
        return proposal
    if proposal.edition != edition:
        raise _changed(session, proposal)
    proposal.name, proposal.body = _checked_name(name), body
    proposal.edition += 1
    proposal.changed_by, proposal.changed_at = staff.id, now
    note(
        session,
        "tier.change_proposal",
        f"tier_proposal:{proposal_id}",
        now=now,
        staff_id=staff.id,
        before=before,
        after=body,
    )
    return proposal


def drop_proposal(session: Session, proposal_id: int, staff: Staff, now: datetime) -> None:
    """Close a proposal without publishing it. Raises NoSuchProposal or ProposalClosed."""
    _lock_open(session, proposal_id).dropped_at = now
    note(
        session,
        "tier.drop_proposal",
        f"tier_proposal:{proposal_id}",
        now=now,
        staff_id=staff.id,
    )


def publish_proposal(
    session: Session, proposal_id: int, staff: Staff, *, edition: int, now: datetime
) -> TierVersion:
    """Put a proposal into force from its day on: rules, new tiers, benefits begun and ended.

    Publishing what is published returns its version again. Raises NotTheOwner, NoSuchProposal,
    ProposalClosed, ProposalChanged, TierRulesRefused or BenefitRefused.
    """
    if staff.role != OWNER:
        raise NotTheOwner
    published = _published(session, proposal_id)
    if published is not None:
        return published
    proposal = _lock_open(session, proposal_id)
    if proposal.edition != edition:
        raise _changed(session, proposal)
    proposed = proposal.proposed
    version = publish(session, proposed.draft, by=staff.username, confirmed_by_owner=True, now=now)
    _begin_benefits(session, proposed, list_tiers(session))
    _end_benefits(session, proposed)
    raise_version(session)
    proposal.version_id = version.id
    note(
        session,
        "tier.publish",
        f"tier_version:{version.id}",
        now=now,
        staff_id=staff.id,
        after=proposal.body,
        reason=proposed.draft.note,
    )
    session.flush()
    return version


def get_proposal(session: Session, proposal_id: int) -> TierProposal:
    """Return a proposal. Raises NoSuchProposal."""
    proposal = session.get(TierProposal, proposal_id)
    if proposal is None:
        raise NoSuchProposal(proposal=proposal_id)
    return proposal


def get_edition(session: Session, asked: Mapping[str, Any]) -> TierProposal:
    """Return the proposal of `{"proposal": id, "edition": number}`.

    Raises NoSuchProposal, or ProposalChanged where another edition stands.
    """
    proposal = get_proposal(session, int(asked["proposal"]))
    if proposal.edition != int(asked["edition"]):
        raise _changed(session, proposal)
    return proposal


def list_proposals(session: Session, *, open_only: bool = True) -> Sequence[TierProposal]:
    """Return proposals, the last changed first: those that are open, or all of them."""
    newest = TierProposal.changed_at.desc(), TierProposal.id.desc()
    asked = select(TierProposal).order_by(*newest).limit(MOST_LISTED)
    if open_only:
        asked = asked.where(TierProposal.version_id.is_(None), TierProposal.dropped_at.is_(None))
    return session.scalars(asked).all()


def _checked_name(name: str) -> str:
    if not 0 < len(name) <= LONGEST_NAME:
        raise ProposalRefused(why="name", longest=LONGEST_NAME)
    return name


def _lock_open(session: Session, proposal_id: int) -> TierProposal:
    proposal = session.get(TierProposal, proposal_id, with_for_update=True, populate_existing=True)
    if proposal is None:
        raise NoSuchProposal(proposal=proposal_id)
    if not proposal.is_open:
        raise ProposalClosed(proposal=proposal_id)
    return proposal


def _published(session: Session, proposal_id: int) -> TierVersion | None:
    return session.scalars(
        select(TierVersion)
        .join(TierProposal, TierProposal.version_id == TierVersion.id)
        .where(TierProposal.id == proposal_id)
    ).one_or_none()


def _changed(session: Session, proposal: TierProposal) -> ProposalChanged:
    by = session.get(Staff, proposal.changed_by)
    return ProposalChanged(
        name=by.name if by else "", at=proposal.changed_at, edition=proposal.edition
    )


def _begin_benefits(session: Session, proposed: Proposed, tiers: Sequence[Tier]) -> None:
    ids = {tier.code: tier.id for tier in tiers}
    for benefit in proposed.benefits:
        if benefit.tier_code not in ids:
            raise ProposalRefused(why="benefits", tier=benefit.tier_code)
        add_benefit(
            session,
            benefit.kind,
            benefit.parameters,
            tier_id=ids[benefit.tier_code],
            starts_on=proposed.draft.effective_on,
        )


def _end_benefits(session: Session, proposed: Proposed) -> None:
    """Have benefits end on the day the rules begin; those that have an earlier end keep it."""
    ends_on = proposed.draft.effective_on
    for benefit in session.scalars(select(Benefit).where(Benefit.id.in_(proposed.ended))):
        if benefit.starts_on is not None and benefit.starts_on >= ends_on:
            raise ProposalRefused(why="ended", benefit=benefit.id)
        if benefit.ends_on is None or benefit.ends_on > ends_on:
            benefit.ends_on = ends_on
