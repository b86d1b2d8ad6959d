"""The first page of the programme: the ladder in force, how healthy it is, what is proposed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue

from bot.cards.tiers import why_lines
from bot.texts import Texts
from bot.views import StandingView, WhyView
from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.loyalty.words import advice_words, rules_words, threshold_words
from handlers.console.members.links import members_url
from models.analysis.figures import HEALTH
from models.base import in_language
from models.local_day import local_day
from models.prepared import find_prepared
from models.programme import get_programme
from models.segment.rule import SCHEMA
from models.tier import Rules, Tier, TierVersion, list_versions
from models.tier_evaluation import Draft, lint
from models.tier_proposal import list_proposals

USUAL_SPARE_DAYS = 30
"""A made-up member's tier ends in so many days, to show what they would read."""


@dataclass(frozen=True)
class Rung:
    """One step of the ladder as the page shows it."""

    tier: Tier
    threshold: str | None
    """What it asks for, in words; None for everybody's."""
    lines: tuple[str, ...]
    """What a member on it reads about it, two lines at most."""
    health: Mapping[str, Any] | None
    advice: tuple[str, ...]
    people: str


def show_overview() -> ResponseReturnValue:
    """Show the ladder, its health, its versions and what is proposed."""
    t, today = console_texts(), local_day(g.now)
    programme = get_programme(g.session)
    rules = programme.ladder.on(today)
    health = find_prepared(g.session, HEALTH)
    versions = list_versions(g.session)
    return views.show(
        "loyalty/overview",
        rules=rules,
        rules_line=rules_words(t, rules),
        rungs=_rungs(t, rules, health.body if health else None, today),
        health=health,
        lines=lint(_draft_in_force(rules, versions), programme.tiers, t.language),
        versions=_told_versions(t, versions, rules, today),
        proposals=list_proposals(g.session),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the programme's first page."""
    blueprint.get("/loyalty", right="see", endpoint="loyalty_show_overview")(show_overview)


def tier_people(code: str) -> str:
    """Return the list of the members who hold a tier."""
    return members_url({"schema": SCHEMA, "where": {"field": "tier", "is": "is", "value": code}})


def member_lines(t: Texts, rules: Rules, tier: Tier, today: date) -> tuple[str, ...]:
    """Return what a member just at a tier's threshold reads about why they hold it."""
    asked = rules.threshold(tier)
    standing = StandingView(
        tier_name=in_language(tier.name, t.language),
        tier_colour=tier.colour,
        spend_twd=asked,
        basis=rules.basis,
    )
    why = WhyView(
        value=asked,
        threshold=asked,
        is_lowest=tier.rank == 0,
        keep_gap=asked if tier.rank else None,
        keep_by=today + timedelta(days=USUAL_SPARE_DAYS) if tier.rank else None,
    )
    return tuple(why_lines(t, standing, why))


def _rungs(t: Texts, rules: Rules, body: Mapping[str, Any] | None, today: date) -> list[Rung]:
    found = {step["tier_code"]: step for step in body["steps"]} if body else {}
    words = advice_words(t)
    return [
        Rung(
            tier=tier,
            threshold=threshold_words(t, rules.basis, asked) if tier.rank else None,
            lines=member_lines(t, rules, tier, today),
            health=(step := found.get(tier.code)),
            advice=tuple(words[code] for code in step["advice"]) if step else (),
            people=tier_people(tier.code),
        )
        for tier, asked in reversed(rules.steps)
    ]


def _draft_in_force(rules: Rules, versions: Sequence[TierVersion]) -> Draft:
    return Draft.of(next(version for version in versions if version.id == rules.version_id))


@dataclass(frozen=True)
class ToldVersion:
    """One version of the rules as the page lists it."""

    version: TierVersion
    state: str
    """`past`, `now` or `coming`."""
    steps: tuple[tuple[str, str], ...]
    """Each step's name and what it asks for."""


def _told_versions(
    t: Texts, versions: Sequence[TierVersion], rules: Rules, today: date
) -> list[ToldVersion]:
    ladder = get_programme(g.session).ladder
    told = []
    for version, kept in zip(versions, ladder.versions, strict=True):
        state = "coming" if version.effective_on > today else "past"
        steps = tuple(
            (in_language(tier.name, t.language), threshold_words(t, kept.basis, asked))
            for tier, asked in kept.steps
            if tier.rank
        )
        told.append(ToldVersion(version, "now" if kept is rules else state, steps))
    return told[::-1]
