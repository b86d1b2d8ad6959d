"""Publishing a proposal: the whole effect on one page, and the owner's word."""

from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.loyalty.hits import told_hits
from handlers.console.loyalty.proposal_benefits import told_benefits
from handlers.console.loyalty.proposals import told_changes, told_problems
from handlers.console.loyalty.simulation import find_simulation
from handlers.console.loyalty.words import basis_names
from models.base import BusinessError
from models.programme import get_programme
from models.tier_evaluation import lint
from models.tier_proposal import get_proposal, publish_proposal


class EffectUnknown(BusinessError):
    """Whom the proposal hits is not counted yet, so nobody can have seen it."""

    code = "effect_unknown"


def show_publish(proposal_id: int) -> ResponseReturnValue:
    """Show what publishing a proposal does, and ask for the owner's word."""
    t, proposal = console_texts(), get_proposal(g.session, proposal_id)
    proposed = proposal.proposed
    tiers = get_programme(g.session).tiers
    return views.show(
        "loyalty/publish",
        proposal=proposal,
        draft=proposed.draft,
        basis=basis_names(t)[proposed.draft.basis],
        problems=told_problems(t, proposed.draft, tiers),
        lines=lint(proposed.draft, tiers, t.language),
        changes=told_changes(t, proposed.draft, tiers),
        benefits=told_benefits(t, proposed),
        hits=told_hits(proposal),
        simulation=find_simulation(proposal),
    )


def publish(proposal_id: int) -> ResponseReturnValue:
    """Put a proposal into force from its day on."""
    if not form.flag("seen"):
        raise form.FieldRefused(field="seen", why="missing")
    if not told_hits(get_proposal(g.session, proposal_id)).is_made:
        raise EffectUnknown
    version = publish_proposal(
        g.session,
        proposal_id,
        current_staff(),
        edition=form.needed_whole("edition"),
        now=g.now,
    )
    t = console_texts()
    return views.go(
        url_for("console.loyalty_show_overview"),
        t("已發布，{day} 生效。", day=t.date(version.effective_on)),
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the page on which the owner publishes."""
    there = "/loyalty/proposals/<int:proposal_id>/publish"
    blueprint.get(there, right="loyalty.publish")(show_publish)
    blueprint.post(there, right="loyalty.publish")(publish)
