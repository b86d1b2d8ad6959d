"""The tier simulator's page: two years replayed, who moves, what it costs, what is owed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from bot.texts import Texts
from handlers.console import chart, paging, views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.loyalty.hits import asked_of
from handlers.console.loyalty.words import cost_names
from handlers.console.members.links import member_url
from models.base import BusinessError, in_language
from models.lifecycle.figures import is_here
from models.member import Member, shown_number
from models.prepared import PreparedFigure, find_prepared, want
from models.tier_proposal import TierProposal, get_proposal
from models.tier_simulation import MOST_MEMBERS, SIMULATION, WINDOW_MONTHS

A_PAGE = 50
NOW, DRAFT = "now", "draft"
DAYS_A_YEAR = 365


class NotSimulated(BusinessError):
    """The proposal's newest edition has not been simulated."""

    code = "not_simulated"


@dataclass(frozen=True)
class Simulation:
    """A simulation as it was last made; nothing but `found` while it is made."""

    name: str
    asked: str
    found: PreparedFigure | None

    @property
    def body(self) -> Mapping[str, Any] | None:
        """Return what was found, if it is there."""
        return self.found.body if self.found is not None else None


@dataclass(frozen=True)
class MoveLine:
    """Members who would stand on another tier."""

    before: str
    after: str
    before_name: str
    after_name: str
    members: int
    low: int
    high: int
    is_up: bool


@dataclass(frozen=True)
class CostLine:
    """What one thing cost in the time looked at, and would have cost."""

    name: str
    now_twd: int
    draft_twd: int

    @property
    def more_twd(self) -> int:
        """Return what the proposal costs beyond what there is."""
        return self.draft_twd - self.now_twd


def find_simulation(proposal: TierProposal) -> Simulation:
    """Return the simulation of a proposal's present edition, as it was last made."""
    asked = asked_of(proposal)
    return Simulation(SIMULATION, json.dumps(asked), find_prepared(g.session, SIMULATION, asked))


def simulate(proposal_id: int) -> ResponseReturnValue:
    """Have a proposal simulated by a worker, and lead to where its progress is shown."""
    proposal = get_proposal(g.session, proposal_id)
    want(g.session, SIMULATION, asked_of(proposal), g.now)
    return views.go(url_for("console.loyalty_simulation_show_simulation", proposal_id=proposal_id))


def show_simulation(proposal_id: int) -> ResponseReturnValue:
    """Show what a simulation found, or how far it is."""
    t, proposal = console_texts(), get_proposal(g.session, proposal_id)
    simulation = find_simulation(proposal)
    body = simulation.body
    told: dict[str, Any] = {} if body is None else _told(t, body, simulation)
    return views.show(
        "loyalty/simulation",
        proposal=proposal,
        simulation=simulation,
        months=WINDOW_MONTHS,
        most=MOST_MEMBERS,
        **told,
    )


def show_people(proposal_id: int) -> ResponseReturnValue:
    """List who would go from one tier to another. Raises NotSimulated."""
    t, proposal = console_texts(), get_proposal(g.session, proposal_id)
    body = find_simulation(proposal).body
    if body is None:
        raise NotSimulated
    move = next((move for move in body["moves"] if _is_asked(move)), None)
    if move is None:
        raise NotSimulated
    found = _members(move["ids"], paging.after_id() or 0)
    names = _names(t, body)
    return views.show(
        "loyalty/simulation_people",
        fragment="loyalty/_simulation_people",
        proposal=proposal,
        move=move,
        before=names[move["from"]],
        after=names[move["to"]],
        people=found[:A_PAGE],
        member_url=member_url,
        shown_number=shown_number,
        more=paging.next_url(after=found[A_PAGE - 1].id) if len(found) > A_PAGE else None,
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the simulator's pages."""
    there = "/loyalty/proposals/<int:proposal_id>/simulation"
    blueprint.get(there, right="see")(show_simulation)
    blueprint.post(there, right="loyalty.draft")(simulate)
    blueprint.get(f"{there}/people", right="members.see")(show_people)


def _is_asked(move: Mapping[str, Any]) -> bool:
    asked = (request.args.get("from"), request.args.get("to"))
    return (move["from"], move["to"]) == asked and bool(move["ids"])


def _members(ids: Sequence[int], after_id: int) -> Sequence[Member]:
    following = [one for one in ids if one > after_id][: 2 * A_PAGE]
    return list(
        g.session.scalars(
            select(Member)
            .where(Member.id.in_(following), is_here())
            .order_by(Member.id)
            .limit(A_PAGE + 1)
        )
    )


def _names(t: Texts, body: Mapping[str, Any]) -> dict[str, str]:
    return {tier["code"]: in_language(tier["name"], t.language) for tier in body["tiers"]}


def _told(t: Texts, body: Mapping[str, Any], simulation: Simulation) -> dict[str, Any]:
    """Return what the page shows of a simulation that was made."""
    lines = _move_lines(t, body)
    costs = _cost_lines(t, body)
    assert simulation.found is not None
    as_of = simulation.found.as_of
    return {
        "body": body,
        "first": date.fromisoformat(body["first"]),
        "today": date.fromisoformat(body["today"]),
        "years": body["days"] / DAYS_A_YEAR,
        "moved": [line for line in lines if line.before != line.after],
        "ups": sum(line.members for line in lines if line.is_up),
        "downs": sum(
            line.members for line in lines if line.before != line.after and not line.is_up
        ),
        "costs": costs,
        "costs_now_twd": sum(line.now_twd for line in costs),
        "costs_draft_twd": sum(line.draft_twd for line in costs),
        "stream": _stream(t, body, as_of),
        "heads": [_heads(t, body, side, as_of) for side in (NOW, DRAFT)],
        "notes": _notes(t, body),
    }


def _move_lines(t: Texts, body: Mapping[str, Any]) -> list[MoveLine]:
    names = _names(t, body)
    ranks = {tier["code"]: place for place, tier in enumerate(body["tiers"])}
    return [
        MoveLine(
            before=move["from"],
            after=move["to"],
            before_name=names[move["from"]],
            after_name=names[move["to"]],
            members=move["members"],
            low=move["low"],
            high=move["high"],
            is_up=ranks[move["to"]] > ranks[move["from"]],
        )
        for move in body["moves"]
    ]


def _cost_lines(t: Texts, body: Mapping[str, Any]) -> list[CostLine]:
    names = cost_names(t)
    return [
        CostLine(names[kind], twd, body[DRAFT]["costs_twd"][kind])
        for kind, twd in body[NOW]["costs_twd"].items()
    ]


def _stream(t: Texts, body: Mapping[str, Any], as_of: Any) -> chart.Chart:
    now = _names(t, body)
    then = {code: t("{tier}・新", tier=name) for code, name in now.items()}
    links = [
        (now[move["from"]], then[move["to"]], move["members"])
        for move in body["moves"]
        if move["members"]
    ]
    kinds = {names[code]: place for place, code in enumerate(now) for names in (now, then)}
    return chart.sankey(t("會員從哪一級到哪一級"), links, kinds, as_of=as_of)


def _heads(t: Texts, body: Mapping[str, Any], side: str, as_of: Any) -> chart.Chart:
    """Describe how many stood above the lowest tier, month by month."""
    titles = {
        NOW: t("實際：每月各級人數（不含最低一級）"),
        DRAFT: t("新規則：每月各級人數（不含最低一級）"),
    }
    names = _names(t, body)
    codes = [tier["code"] for tier in body["tiers"][1:]]
    series = [(names[code], body[side]["heads"][code]) for code in codes]
    months = [f"{date.fromisoformat(month):%Y/%m}" for month in body["months"]]
    heads = [body[each]["heads"][code] for each in titles for code in codes]
    most = max((max(numbers, default=0) for numbers in heads), default=0)
    return chart.trend(titles[side], months, series, most=most, as_of=as_of)


def _notes(t: Texts, body: Mapping[str, Any]) -> list[str]:
    words = {
        "a_part": t(
            "會員共 {all} 人，隨機抽 {part} 人重播，再放大；人數附 95% 區間。",
            all=t.number(body["members"]),
            part=t.number(body["replayed"]),
        ),
        "measured_now": t("現行規則不只看消費，過去每天的數字無從得知；以今天的等級代表整段期間。"),
        "measured_draft": t("新規則不只看消費，過去每天的數字無從得知；以今天的數字判定整段期間。"),
        "not_reproduced": t(
            "有 {count} 人重播的等級與現況不同（例如人工延長、匯入時沒有消費紀錄），不計入移動。",
            count=t.number(body["replayed"] - body["reproduced"]),
        ),
    }
    return [words[code] for code in body["notes"]]
