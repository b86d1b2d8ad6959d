"""The benefits of a proposal: those that begin with its rules, and those that end."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, get_type_hints

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.address import read_id
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.loyalty.words import benefit_words, kind_names, weekday_names
from models.base import in_language
from models.benefit import KINDS, Held
from models.coupon import list_templates
from models.programme import get_programme
from models.tier import list_tiers
from models.tier_evaluation import ranked_with
from models.tier_proposal import NewBenefit, Proposed, TierProposal, change_proposal, get_proposal

MOST = 1_000_000
LONGEST_DAYS = 60


@dataclass(frozen=True)
class ToldBenefits:
    """What a proposal does to benefits, in words."""

    begun: tuple[tuple[str, str], ...]
    """Tier and benefit, in the order in which they were added."""
    ended: tuple[tuple[str, str], ...]


def told_benefits(t: Texts, proposed: Proposed) -> ToldBenefits:
    """Return what begins and what ends with a proposal."""
    coupons, programme = _coupons(t), get_programme(g.session)
    ranked = ranked_with(proposed.draft, list_tiers(g.session))
    names = {tier.code: in_language(tier.name, t.language) for tier in ranked}
    codes = {tier.id: tier.code for tier in programme.tiers}
    return ToldBenefits(
        begun=tuple(
            (
                names.get(each.tier_code, each.tier_code),
                benefit_words(t, each.kind, each.parameters, coupons),
            )
            for each in proposed.benefits
        ),
        ended=tuple(
            (names[codes[held.row.tier_id]], _words(t, held, coupons))
            for held in programme.benefits
            if held.row.id in proposed.ended and held.row.tier_id is not None
        ),
    )


def show_benefits(proposal_id: int) -> ResponseReturnValue:
    """Show what begins and ends with a proposal, and the form of one more benefit."""
    t, proposal = console_texts(), get_proposal(g.session, proposal_id)
    proposed = proposal.proposed
    kind = request.args.get("kind", "")
    coupons, names = _coupons(t), kind_names(t)
    tiers = ranked_with(proposed.draft, list_tiers(g.session))
    return views.show(
        "loyalty/benefits",
        proposal=proposal,
        planned=told_benefits(t, proposed),
        running=_running(t, proposed, coupons),
        kinds=list(names.items()),
        kind=kind if kind in KINDS else None,
        kind_name=names.get(kind),
        asked=[each.name for each in fields(KINDS[kind])] if kind in KINDS else [],
        tiers=[(tier.code, in_language(tier.name, t.language)) for tier in tiers[::-1]],
        coupons=list(coupons.items()),
        weekdays=list(enumerate(weekday_names(t), start=1)),
    )


def add(proposal_id: int) -> ResponseReturnValue:
    """Add a benefit that begins with the proposal's rules. Raises BenefitRefused."""
    t = console_texts()
    proposal = get_proposal(g.session, proposal_id)
    proposed = proposal.proposed
    kind = form.needed_choice("kind", KINDS)
    codes = {tier.code for tier in ranked_with(proposed.draft, list_tiers(g.session))}
    benefit = NewBenefit(form.needed_choice("tier", codes), kind, read_parameters(kind))
    kept = Proposed(proposed.draft, (*proposed.benefits, benefit), proposed.ended)
    return _keep(proposal, Proposed.parse(kept.as_json()), t("權益已加入提案。"))


def remove(proposal_id: int) -> ResponseReturnValue:
    """Take one of the added benefits out of the proposal."""
    t = console_texts()
    proposal = get_proposal(g.session, proposal_id)
    proposed, place = proposal.proposed, form.needed_whole("place", least=0)
    kept = tuple(each for at, each in enumerate(proposed.benefits) if at != place)
    changed = Proposed(proposed.draft, kept, proposed.ended)
    return _keep(proposal, changed, t("已從提案移除。"))


def end(proposal_id: int) -> ResponseReturnValue:
    """Say which of today's benefits end on the day before the rules begin."""
    t = console_texts()
    proposal = get_proposal(g.session, proposal_id)
    running = {held.row.id for held in get_programme(g.session).benefits if held.row.tier_id}
    ticked = set(map(read_id, request.form.getlist("ended")))
    ended = tuple(sorted(each for each in running if each in ticked))
    proposed = proposal.proposed
    changed = Proposed(proposed.draft, proposed.benefits, ended)
    return _keep(proposal, changed, t("已儲存。"))


def read_parameters(kind: str) -> dict[str, Any]:
    """Return the parameters of a benefit's kind from the form's fields. Raises FieldRefused."""
    shape = KINDS[kind]
    hints = get_type_hints(shape)
    told = {each.name: _read(each.name, hints[each.name]) for each in fields(shape)}
    return {name: value for name, value in told.items() if value is not None}


def _read(name: str, hint: Any) -> Any:
    if hint is str:
        return form.text(name, LONGEST_DAYS)
    if hint == tuple[int, ...]:
        return _read_days(name)
    return form.whole(name, least=0, most=MOST)


def _read_days(name: str) -> list[int]:
    """Return ticked weekdays, or days of the month with commas between. Raises FieldRefused."""
    parts = form.parts_of(",".join(request.form.getlist(name))[:LONGEST_DAYS])
    if not all(part.isdecimal() for part in parts):
        raise form.FieldRefused(field=name, why="whole")
    return [int(part) for part in parts]


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the page of a proposal's benefits."""
    there = "/loyalty/proposals/<int:proposal_id>/benefits"
    blueprint.get(there, right="loyalty.draft")(show_benefits)
    blueprint.post(there, right="loyalty.draft")(add)
    blueprint.post(f"{there}/remove", right="loyalty.draft")(remove)
    blueprint.post(f"{there}/end", right="loyalty.draft")(end)


def _running(
    t: Texts, proposed: Proposed, coupons: Mapping[str, str]
) -> list[tuple[str, list[tuple[int, str, bool]]]]:
    """Return today's benefits by tier, highest first: id, words, and whether it ends."""
    programme = get_programme(g.session)
    return [
        (
            in_language(tier.name, t.language),
            [
                (held.row.id, _words(t, held, coupons), held.row.id in proposed.ended)
                for held in programme.benefits
                if held.row.tier_id == tier.id
                and held.row.holds_on(proposed.draft.effective_on)
                and (held.row.starts_on is None or held.row.starts_on < proposed.draft.effective_on)
            ],
        )
        for tier in programme.tiers[::-1]
    ]


def _words(t: Texts, held: Held, coupons: Mapping[str, str]) -> str:
    return benefit_words(t, held.row.kind, held.row.parameters, coupons)


def _coupons(t: Texts) -> dict[str, str]:
    return {
        template.code: in_language(template.name, t.language)
        for template in list_templates(g.session)
    }


def _keep(proposal: TierProposal, proposed: Proposed, notice: str) -> ResponseReturnValue:
    change_proposal(
        g.session,
        proposal.id,
        current_staff(),
        proposal.name,
        proposed,
        edition=form.needed_whole("edition"),
        now=g.now,
    )
    there = url_for("console.loyalty_proposal_benefits_show_benefits", proposal_id=proposal.id)
    return views.go(there, notice)
