"""Applying a preset: coupons, stamp card and journeys at once, tiers' rules from a day on.

Nothing of the shop's is deleted: its rules get a next version, its benefits an end, its stamp
cards stop and keep what is on them, and its journeys stay. Names and colours of tiers change at
once, for an identity has no versions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.audit import note
from models.base import BusinessError
from models.benefit import Benefit
from models.coupon import CouponTemplate
from models.journey.templates import install_template
from models.local_day import local_day
from models.preset.preset import Preset, TierShape
from models.preset.shelf import PRESETS
from models.shop import get_shop
from models.staff import Staff
from models.stamp_card import (
    NoSuchStampProgramme,
    add_stamp_programme,
    get_stamp_programme,
    list_stamp_programmes,
    set_active,
)
from models.starting_rules import TEMPLATES, say_benefit, say_points
from models.tier import ROLLING, Tier, list_tiers, list_versions
from models.tier_evaluation import Draft, raise_version
from models.tier_proposal import (
    NewBenefit,
    Proposed,
    TierProposal,
    begin_proposal,
    publish_proposal,
)

GRACE_DAYS = 30


class PresetRefused(BusinessError):
    """There is no such preset, the day is over or taken, or the shop's tiers are other ones."""

    code = "preset_refused"


@dataclass(frozen=True)
class TierShown:
    """A tier as it is and as the preset would have it."""

    shape: TierShape
    before: dict[str, str]
    benefits: dict[str, list[str]]
    """What it would bring, one list of lines a language."""


def shown_tiers(session: Session, preset: Preset) -> list[TierShown]:
    """Return the tiers of a preset beside the shop's own. Raises PresetRefused."""
    known, earn_twd = _tiers(session, preset), get_shop(session).earn_twd
    return [
        TierShown(shape, known[shape.code].name, _lines(shape, preset, earn_twd))
        for shape in preset.tiers
    ]


def _draft_of(preset: Preset, effective_on: date) -> Draft:
    """Return the tiers' rules of a preset, from a day on."""
    return Draft(
        effective_on=effective_on,
        basis=ROLLING,
        thresholds={
            shape.code: shape.threshold_twd for shape in preset.tiers if shape.threshold_twd
        },
        note=f"產業範本：{preset.names['zh-TW']}",
        grace_days=GRACE_DAYS,
    )


def get_preset(code: str) -> Preset:
    """Return the preset with this code. Raises PresetRefused."""
    preset = PRESETS.get(code)
    if preset is None:
        raise PresetRefused(why="unknown")
    return preset


def apply_preset(
    session: Session, code: str, effective_on: date, *, by: Staff, key: str, now: datetime
) -> Preset:
    """Make a shop's membership that of a preset; the tiers' rules hold from `effective_on` on.

    The same `key` again does nothing more. Raises PresetRefused, or NotTheOwner.
    """
    preset = get_preset(code)
    if session.scalar(select(TierProposal.id).where(TierProposal.idempotency_key == key)):
        return preset
    _check_day(session, effective_on, now)
    tiers = _tiers(session, preset)
    _bring_coupons(session, preset)
    _restyle(session, preset, tiers)
    _publish(session, preset, effective_on, by=by, key=key, now=now)
    _deal_stamps(session, preset)
    for journey in preset.journeys:
        install_template(session, journey, by=by.username, now=now)
    raise_version(session)
    after = {"preset": code, "effective_on": effective_on.isoformat()}
    note(session, "preset.apply", f"preset:{code}", now=now, staff_id=by.id, after=after)
    return preset


def _check_day(session: Session, effective_on: date, now: datetime) -> None:
    taken = {version.effective_on for version in list_versions(session)}
    if effective_on < local_day(now) or effective_on in taken:
        raise PresetRefused(why="day")


def _tiers(session: Session, preset: Preset) -> dict[str, Tier]:
    known = {tier.code: tier for tier in list_tiers(session)}
    if not {shape.code for shape in preset.tiers} <= set(known):
        raise PresetRefused(why="tiers")
    return known


def _bring_coupons(session: Session, preset: Preset) -> None:
    table = cast(Table, CouponTemplate.__table__)
    rows = [dict(row) for row in preset.coupons]
    session.execute(insert(table).values(rows).on_conflict_do_nothing())


def _restyle(session: Session, preset: Preset, tiers: dict[str, Tier]) -> None:
    earn_twd = get_shop(session).earn_twd
    for shape in preset.tiers:
        tier = tiers[shape.code]
        tier.name, tier.colour = dict(shape.name), shape.colour
        tier.points_percent = shape.points_percent
        tier.benefits = _lines(shape, preset, earn_twd)


def _publish(
    session: Session, preset: Preset, effective_on: date, *, by: Staff, key: str, now: datetime
) -> None:
    """Put rules and benefits in force from the day on, as any proposal of them is."""
    held = session.scalars(
        select(Benefit.id)
        .where(
            Benefit.tier_id.is_not(None),
            Benefit.starts_on.is_(None) | (Benefit.starts_on < effective_on),
            Benefit.ends_on.is_(None) | (Benefit.ends_on > effective_on),
        )
        .order_by(Benefit.id)
    )
    begun = tuple(
        NewBenefit(shape.code, kind, terms)
        for shape in preset.tiers
        for kind, terms in shape.benefits
    )
    proposed = Proposed(_draft_of(preset, effective_on), begun, tuple(held))
    name = preset.names["zh-TW"]
    proposal = begin_proposal(session, by, name, proposed, key=key, now=now)
    publish_proposal(session, proposal.id, by, edition=proposal.edition, now=now)


def _deal_stamps(session: Session, preset: Preset) -> None:
    """Let the preset's card stamp and the shop's others rest; what is on them stays."""
    stamp = preset.stamp
    for programme in list_stamp_programmes(session):
        if programme.is_active and programme.code != stamp.code:
            set_active(session, programme.code, is_active=False)
    try:
        get_stamp_programme(session, stamp.code)
    except NoSuchStampProgramme:
        add_stamp_programme(
            session,
            code=stamp.code,
            name=dict(stamp.name),
            size=stamp.size,
            reward_code=stamp.reward_code,
            min_spend_twd=stamp.min_spend_twd,
            per_twd=stamp.per_twd,
            card_days=stamp.card_days,
        )
    else:
        set_active(session, stamp.code, is_active=True)


def _lines(shape: TierShape, preset: Preset, earn_twd: int) -> dict[str, list[str]]:
    """Write what a tier brings, of what the program keeps: points, benefits, the stamp card."""
    coupons: Sequence[dict[str, Any]] = (*TEMPLATES, *preset.coupons)
    rows = [say_points(shape.points_percent, earn_twd)]
    rows += [say_benefit(kind, terms, coupons) for kind, terms in shape.benefits]
    rows.append(_stamp_line(preset, coupons))
    return {language: [row[language] for row in rows] for language in rows[0]}


def _stamp_line(preset: Preset, coupons: Sequence[dict[str, Any]]) -> dict[str, str]:
    stamp = preset.stamp
    reward = next(each for each in coupons if each["code"] == stamp.reward_code)["name"]
    return {
        "zh-TW": f"集滿 {stamp.size} 點換{reward['zh-TW']}",
        "en": f"{reward['en']} for every {stamp.size} stamps",
        "ja": f"スタンプ {stamp.size} 個で{reward['ja']}",
    }
