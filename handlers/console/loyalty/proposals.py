"""Proposals of new rules: drafted, checked while typing, compared with the rules in force."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES, Texts
from handlers.address import read_whole
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.loyalty import reading
from handlers.console.loyalty.hits import told_hits
from handlers.console.loyalty.overview import member_lines
from handlers.console.loyalty.proposal_benefits import told_benefits
from handlers.console.loyalty.simulation import find_simulation
from handlers.console.loyalty.words import (
    basis_names,
    problem_words,
    rules_words,
    source_names,
    threshold_words,
)
from handlers.console.refusals import explain
from models.base import in_language
from models.draft import drop_draft
from models.local_day import first_of_month_after, local_day
from models.metric import list_definitions
from models.programme import get_programme
from models.score import METRIC_PREFIX
from models.tier import Tier, list_tiers, list_versions
from models.tier_evaluation import Draft, draft_rules, find_problems, lint, ranked_with
from models.tier_proposal import (
    ProposalChanged,
    Proposed,
    TierProposal,
    begin_proposal,
    change_proposal,
    drop_proposal,
    get_proposal,
    list_proposals,
)

NEW = "tiers:new"
THRESHOLD = "threshold_"


def show_list() -> ResponseReturnValue:
    """Show all proposals, the open ones first."""
    found = list_proposals(g.session, open_only=False)
    return views.show(
        "loyalty/proposals", proposals=sorted(found, key=lambda each: not each.is_open)
    )


def show_new() -> ResponseReturnValue:
    """Show the form of a new proposal: the newest rules, with thresholds told in the address."""
    t = console_texts()
    proposed = _first_words()
    name = t("{day} 新規則", day=proposed.draft.effective_on.isoformat())
    return _show_form(None, reading.fields_of(name, proposed), NEW)


def begin() -> ResponseReturnValue:
    """Keep a new proposal."""
    staff, t = current_staff(), console_texts()
    proposal = begin_proposal(
        g.session,
        staff,
        reading.read_name(),
        reading.read_proposed(list_tiers(g.session)),
        key=form.page_key(),
        now=g.now,
    )
    drop_draft(g.session, staff, NEW)
    return views.go(_url(proposal.id), t("提案已儲存。接著看誰會受影響，或拿過去兩年試算。"))


def show_proposal(proposal_id: int) -> ResponseReturnValue:
    """Show a proposal: what changes, who is hit, what it costs, what a simulation found."""
    t, proposal = console_texts(), get_proposal(g.session, proposal_id)
    proposed = proposal.proposed
    tiers = get_programme(g.session).tiers
    return views.show(
        "loyalty/proposal",
        proposal=proposal,
        draft=proposed.draft,
        problems=told_problems(t, proposed.draft, tiers),
        lines=lint(proposed.draft, tiers, t.language),
        changes=told_changes(t, proposed.draft, tiers),
        reads=_reads(t, proposed.draft, tiers),
        benefits=told_benefits(t, proposed),
        hits=told_hits(proposal),
        simulation=find_simulation(proposal),
        basis=basis_names(t)[proposed.draft.basis],
    )


def show_edit(proposal_id: int) -> ResponseReturnValue:
    """Show the form of a proposal, with what this person typed and did not save."""
    proposal = get_proposal(g.session, proposal_id)
    return _show_form(
        proposal, reading.fields_of(proposal.name, proposal.proposed), _draft_name(proposal)
    )


def change(proposal_id: int) -> ResponseReturnValue:
    """Keep a changed proposal; one that somebody else changed meanwhile is shown beside it."""
    t = console_texts()
    staff, kept = current_staff(), get_proposal(g.session, proposal_id).proposed
    name = reading.read_name()
    proposed = reading.read_proposed(
        list_tiers(g.session), benefits=kept.benefits, ended=kept.ended
    )
    edition = form.needed_whole("edition")
    try:
        proposal = change_proposal(
            g.session, proposal_id, staff, name, proposed, edition=edition, now=g.now
        )
    except ProposalChanged as error:
        return _show_both(proposal_id, reading.fields_of(name, proposed), error)
    drop_draft(g.session, staff, _draft_name(proposal))
    return views.go(_url(proposal_id), t("已儲存為第 {n} 版。", n=proposal.edition))


def _show_both(
    proposal_id: int, mine: reading.Fields, error: ProposalChanged
) -> ResponseReturnValue:
    """Show the form as it was sent, with where the newest edition differs from it."""
    proposal = get_proposal(g.session, proposal_id)
    theirs = reading.fields_of(proposal.name, proposal.proposed)
    names = sorted(set(mine) | set(theirs))
    labels = _field_labels()
    return _show_form(
        proposal,
        mine,
        _draft_name(proposal),
        status=409,
        notice=explain(console_texts(), error),
        both=[
            (labels.get(name, name), theirs.get(name, ""), mine.get(name, ""))
            for name in names
            if theirs.get(name, "") != mine.get(name, "")
        ],
    )


def _field_labels() -> dict[str, str]:
    """Return what the form calls its fields, as far as people would look for them."""
    t = console_texts()
    labels = {
        "name": t("提案名稱"),
        "effective_on": t("生效日"),
        "basis": t("怎麼算"),
        "note": t("修改原因"),
        "grace_days": t("寬限天數"),
        "warn_days": t("降級前幾天提醒"),
        "rights_kept_until": t("權益保留到"),
        "metric": t("依哪個指標"),
    }
    return labels | {
        f"{THRESHOLD}{tier.code}": t("門檻：{tier}", tier=in_language(tier.name, t.language))
        for tier in list_tiers(g.session)
    }


def drop(proposal_id: int) -> ResponseReturnValue:
    """Close a proposal without publishing it."""
    t = console_texts()
    drop_proposal(g.session, proposal_id, current_staff(), g.now)
    return views.go(url_for("console.loyalty_show_overview"), t("提案已放棄。"))


def check() -> ResponseReturnValue:
    """Tell what is wrong or unwise about the form as it stands; asked while somebody types."""
    t, tiers = console_texts(), get_programme(g.session).tiers
    try:
        draft = reading.read_proposed(tiers).draft
    except form.FieldRefused:
        return views.show("loyalty/check", fragment="loyalty/_check", draft=None)
    return views.show(
        "loyalty/check",
        fragment="loyalty/_check",
        draft=draft,
        problems=told_problems(t, draft, tiers),
        lines=lint(draft, tiers, t.language),
        reads=_reads(t, draft, tiers),
        most=reading.most_points(draft.factors),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the pages of proposals."""
    blueprint.get("/loyalty/proposals", right="see")(show_list)
    blueprint.get("/loyalty/proposals/new", right="loyalty.draft")(show_new)
    blueprint.post("/loyalty/proposals", right="loyalty.draft")(begin)
    blueprint.post("/loyalty/proposals/check", right="loyalty.draft")(check)
    blueprint.get("/loyalty/proposals/<int:proposal_id>", right="see")(show_proposal)
    blueprint.get("/loyalty/proposals/<int:proposal_id>/edit", right="loyalty.draft")(show_edit)
    blueprint.post("/loyalty/proposals/<int:proposal_id>", right="loyalty.draft")(change)
    blueprint.post("/loyalty/proposals/<int:proposal_id>/drop", right="loyalty.draft")(drop)


@dataclass(frozen=True)
class Change:
    """One tier, as it is and as it would be."""

    tier: Tier
    before: str | None
    after: str | None
    is_new: bool

    @property
    def is_other(self) -> bool:
        """Tell whether anything differs."""
        return self.before != self.after


def told_changes(t: Texts, draft: Draft, tiers: Sequence[Tier]) -> list[Change]:
    """Return what each tier asks for now and would ask for, the highest first."""
    rules = get_programme(g.session).ladder.on(local_day(g.now))
    now_asked = {tier.code: asked for tier, asked in rules.steps}
    known = {tier.code for tier in tiers}
    ranked = sorted(ranked_with(draft, tiers), key=lambda tier: tier.rank)
    return [
        Change(
            tier=tier,
            before=_asked(t, rules.basis, now_asked.get(tier.code)),
            after=_asked(t, draft.basis, draft.thresholds.get(tier.code)),
            is_new=tier.code not in known,
        )
        for tier in reversed(ranked)
        if tier.rank
    ]


def _asked(t: Texts, basis: str, threshold: int | None) -> str | None:
    return None if threshold is None else threshold_words(t, basis, threshold)


def told_problems(t: Texts, draft: Draft, tiers: Sequence[Tier]) -> list[str]:
    found = find_problems(draft, tiers, local_day(g.now))
    if any(known.effective_on == draft.effective_on for known in list_versions(g.session)):
        found.append("effective_on")
    words = problem_words(t)
    return [words[name] for name in found]


def _reads(t: Texts, draft: Draft, tiers: Sequence[Tier]) -> list[tuple[Tier, tuple[str, ...]]]:
    """Return what members would read about each tier (E-03), the highest first."""
    rules = draft_rules(draft, ranked_with(draft, tiers))
    return [(tier, member_lines(t, rules, tier, draft.effective_on)) for tier in rules.tiers[::-1]]


def _first_words() -> Proposed:
    """Return the newest rules as a draft for next month, with thresholds of the address."""
    newest, today = list_versions(g.session)[-1], local_day(g.now)
    effective_on = max(first_of_month_after(today, 1), first_of_month_after(newest.effective_on, 1))
    thresholds = dict(newest.parameters["thresholds"])
    for code in thresholds:
        told = read_whole(request.args.get(f"{THRESHOLD}{code}"))
        thresholds[code] = told or thresholds[code]
    return Proposed(
        Draft.of(
            newest,
            effective_on=effective_on,
            thresholds=thresholds,
            note="",
            rights_kept_until=None,
        )
    )


def _show_form(
    proposal: TierProposal | None,
    fields: reading.Fields,
    what: str,
    *,
    status: int = 200,
    **told: Any,
) -> ResponseReturnValue:
    """Show the form; `told` are the notice and the differences of a form that was refused."""
    t = console_texts()
    typed = None if told else views.draft_values(what)
    metrics = list_definitions(g.session)
    sources = source_names(t) | {f"{METRIC_PREFIX}{name}": name for name in metrics}
    return views.show(
        "loyalty/edit",
        status,
        proposal=proposal,
        fields=reading.typed_over(fields, typed),
        what=what,
        has_draft=typed is not None,
        others=views.edited_by_others(what),
        tiers=[tier for tier in list_tiers(g.session)[::-1] if tier.rank],
        bases=list(basis_names(t).items()),
        metrics=[
            ("", t("請選擇")),
            *((name, name + t("：") + said) for name, said in metrics.items()),
        ],
        sources=[("", t("不使用")), *sources.items()],
        new_places=range(1, reading.MOST_NEW_TIERS + 1),
        factor_places=range(1, reading.MOST_FACTORS + 1),
        languages=LANGUAGES,
        rules_line=rules_words(t, get_programme(g.session).ladder.on(local_day(g.now))),
        **told,
    )


def _draft_name(proposal: TierProposal) -> str:
    return f"tiers:{proposal.id}"


def _url(proposal_id: int) -> str:
    return url_for("console.loyalty_proposals_show_proposal", proposal_id=proposal_id)
