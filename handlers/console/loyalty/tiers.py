"""One tier: what it is called, looks like and multiplies, and what it brings."""

import re
from typing import Any

from flask import g, url_for
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.loyalty.overview import member_lines, tier_people
from handlers.console.loyalty.words import benefit_words, threshold_words
from handlers.console.noting import note_deed
from models.base import BusinessError, in_language
from models.benefit import benefits_of, templates_of
from models.local_day import local_day
from models.programme import get_programme
from models.tier import Tier, list_tiers
from models.tier_evaluation import raise_version

COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
LONGEST_NAME = 20
LONGEST_LINES = 800
MOST_PERCENT = 1_000


class NoTierHere(BusinessError):
    """The ladder has no tier with this code."""

    code = "no_tier_here"


def show_tier(code: str) -> ResponseReturnValue:
    """Show a tier with its benefits, and the form for what may be changed at once."""
    t, today, tier = console_texts(), local_day(g.now), _get_tier(code)
    programme = get_programme(g.session)
    rules = programme.ladder.on(today)
    held = [each for each in programme.benefits if each.row.tier_id == tier.id]
    coupons = {
        template_code: in_language(template.name, t.language)
        for template_code, template in templates_of(g.session, held).items()
    }
    now_held = {each.row.id for each in benefits_of(programme, tier.id, day=today)}
    return views.show(
        "loyalty/tier",
        tier=tier,
        threshold=threshold_words(t, rules.basis, rules.threshold(tier)) if tier.rank else None,
        lines=member_lines(t, rules, tier, today),
        benefits=[
            (
                each.row,
                benefit_words(t, each.row.kind, each.row.parameters, coupons),
                each.row.id in now_held,
            )
            for each in held
        ],
        people=tier_people(code),
        languages=LANGUAGES,
    )


def change_tier(code: str) -> ResponseReturnValue:
    """Keep another name, colour, rate or other lines of a tier, from now on."""
    t = console_texts()
    tier = _get_tier(code)
    before = _identity(tier)
    colour = form.needed("colour", len("#123456"))
    if not COLOUR.fullmatch(colour):
        raise form.FieldRefused(field="colour", why="choice")
    tier.name = {
        language: form.text(f"name_{language}", LONGEST_NAME) or in_language(tier.name, language)
        for language in LANGUAGES
    }
    tier.colour = colour
    tier.points_percent = form.needed_whole("points_percent", least=100, most=MOST_PERCENT)
    tier.benefits = {
        language: (form.text(f"lines_{language}", LONGEST_LINES) or "").split("\n")
        for language in LANGUAGES
    }
    if before != _identity(tier):
        raise_version(g.session)
        note_deed("tier.change", f"tier:{tier.id}", before=before, after=_identity(tier))
    return views.go(url_for("console.loyalty_tiers_show_tier", code=code), t("已儲存，立即生效。"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the pages of single tiers."""
    blueprint.get("/loyalty/tiers/<code>", right="see")(show_tier)
    blueprint.post("/loyalty/tiers/<code>", right="loyalty.publish")(change_tier)


def _get_tier(code: str) -> Tier:
    tier = next((tier for tier in list_tiers(g.session) if tier.code == code), None)
    if tier is None:
        raise NoTierHere(tier=code[:40])
    return tier


def _identity(tier: Tier) -> dict[str, Any]:
    return {
        "names": dict(tier.name),
        "colour": tier.colour,
        "points_percent": tier.points_percent,
        "lines": {language: list(lines) for language, lines in tier.benefits.items()},
    }
