"""Whom a proposal would hit on its first day, and what its new tiers cost; prepared by a worker.

An open proposal is counted as soon as somebody looks at it, for nobody publishes one unseen.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g

from handlers.console.members.links import members_url
from models.prepared import PreparedFigure, find_prepared, want
from models.segment.rule import SCHEMA
from models.tier import ROLLING, Tier, list_tiers
from models.tier_evaluation import Draft, ranked_with
from models.tier_proposal import TierProposal
from models.tier_simulation import HITS


@dataclass(frozen=True)
class HitLine:
    """Members who would go from one tier to another."""

    before: Tier
    after: Tier
    members: int
    is_protected: bool
    people: str | None
    """Where they are listed, where a rule can say who they are."""

    @property
    def direction(self) -> str:
        """Tell whether they would rise, fall or stay."""
        if self.after.rank == self.before.rank:
            return "stay"
        return "up" if self.after.rank > self.before.rank else "down"


@dataclass(frozen=True)
class Hits:
    """The prepared answer, told with tiers and links; nothing but `found` while it is made."""

    name: str
    asked: str
    found: PreparedFigure | None
    lines: tuple[HitLine, ...] = ()
    new_tiers: tuple[tuple[Tier, Mapping[str, Any]], ...] = ()

    @property
    def is_made(self) -> bool:
        """Tell whether there is an answer to show."""
        return self.found is not None and self.found.body is not None


def asked_of(proposal: TierProposal) -> dict[str, Any]:
    """Return what figures of a proposal are asked for: its number and edition."""
    return {"proposal": proposal.id, "edition": proposal.edition}


def told_hits(proposal: TierProposal) -> Hits:
    """Return whom a proposal would hit, as it was last counted."""
    asked = asked_of(proposal)
    found = find_prepared(g.session, HITS, asked)
    if found is None and proposal.is_open:
        want(g.session, HITS, asked, g.now)
        found = find_prepared(g.session, HITS, asked)
    if found is None or found.body is None:
        return Hits(HITS, json.dumps(asked), found)
    draft = proposal.proposed.draft
    tiers = {tier.code: tier for tier in ranked_with(draft, list_tiers(g.session))}
    lines = tuple(
        HitLine(
            tiers[hit["from_code"]],
            tiers[hit["to_code"]],
            hit["members"],
            hit["is_protected"],
            _people(draft, tiers, hit["from_code"], hit["to_code"]),
        )
        for hit in found.body["hits"]
    )
    budgets = tuple((tiers[each["code"]], each) for each in found.body["new_tiers"])
    return Hits(HITS, json.dumps(asked), found, lines, budgets)


def _people(draft: Draft, tiers: Mapping[str, Tier], before: str, after: str) -> str | None:
    """Return where members of one tier whose spend would give another are listed."""
    if draft.basis != ROLLING:
        return None
    asked = sorted(draft.thresholds.values())
    low = draft.thresholds.get(after, 0)
    high = next((threshold for threshold in asked if threshold > low), None)
    wanted: list[dict[str, Any]] = [{"field": "tier", "is": "is", "value": before}]
    if low:
        wanted.append({"field": "spend_365_twd", "is": "at_least", "value": low})
    if high is not None:
        wanted.append({"field": "spend_365_twd", "is": "at_most", "value": high - 1})
    return members_url({"schema": SCHEMA, "where": {"all": wanted}})
