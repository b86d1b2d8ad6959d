"""Editing a definition step by step: what is put in, moved and taken out, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.journey import parse_definition
from models.journey.checking import facts_of, problems_of
from models.journey.editing import (
    KINDS,
    EditRefused,
    Json,
    Place,
    Way,
    branches_of,
    flow_of,
    insert_step,
    lead_to,
    lost_with,
    main_way,
    move_step,
    remove_step,
    replace_step,
    shift_step,
)
from models.journey.templates import TEMPLATES
from tests.models.journey_shop import send, wait, written

CHOOSE: dict[str, Any] = {"id": "ask", "do": "condition", "if": {"may_write": True}}


def drawn(way: Way) -> list[Any]:
    """Return a way as its steps' ids, each branch a list of its own."""
    found: list[Any] = []
    for node in way.nodes:
        found.append(node.step["id"])
        found += [[side.place.branch, *drawn(side)] for side in node.ways]
    return [*found, *([f"→{way.joins}"] if way.joins else [])]


def seen(told: Json) -> list[Any]:
    return drawn(flow_of(told)[0])


def forked() -> Json:
    """Return: wait, ask; yes: one, both; no: other, both."""
    return written(
        [
            wait("wait", "ask"),
            CHOOSE | {"yes": "one", "no": "other"},
            send("one", "both"),
            send("other", "both"),
            send("both"),
        ]
    )


def test_branches_are_drawn_once_and_join_where_they_meet() -> None:
    assert seen(forked()) == [
        "wait",
        "ask",
        ["yes", "one", "both"],
        ["no", "other", "→both"],
    ]


def test_a_step_is_put_into_a_way() -> None:
    told, new = insert_step(forked(), "tag", Place("ask", "no"))
    assert new == "tag_1"
    assert seen(told)[-1] == ["no", "tag_1", "other", "→both"]
    told, first = insert_step(told, "wait", Place())
    assert seen(told)[:2] == [first, "wait"]
    told, again = insert_step(told, "split", Place(first, "next"))
    no = ["no", "tag_1", "other", "→both"]
    assert seen(told)[:3] == [first, again, ["A", "wait", "ask", ["yes", "one", "both"], no]]


def test_a_step_that_ends_the_way_stands_last() -> None:
    with pytest.raises(EditRefused) as refused:
        insert_step(forked(), "exit", Place("wait"))
    assert refused.value.facts["why"] == "ends_the_way"
    told, _ = insert_step(forked(), "exit", Place("both"))
    assert seen(told)[2] == ["yes", "one", "both", "exit_1"]


def test_a_step_moves_with_its_side_ways() -> None:
    moved = move_step(forked(), "wait", Place("ask", "yes"))
    assert seen(moved) == ["ask", ["yes", "wait", "one", "both"], ["no", "other", "→both"]]
    moved = move_step(forked(), "ask", Place())
    assert seen(moved) == ["ask", ["yes", "wait", "one", "both"], ["no", "other", "→both"]]


def test_a_step_does_not_move_into_its_own_way() -> None:
    with pytest.raises(EditRefused) as refused:
        move_step(forked(), "ask", Place("other"))
    assert refused.value.facts["why"] == "into_itself"
    assert move_step(forked(), "ask", Place("ask", "no")) == forked()


def test_a_step_goes_up_and_down_by_a_button() -> None:
    told = written([wait("a", "b"), send("b", "c"), send("c")])
    assert seen(shift_step(told, "c", up=True)) == ["a", "c", "b"]
    assert seen(shift_step(told, "a", up=False)) == ["b", "a", "c"]
    assert shift_step(told, "a", up=True) == told
    assert shift_step(told, "c", up=False) == told
    ended, _ = insert_step(told, "exit", Place("c"))
    assert shift_step(ended, "c", up=False) == ended


def test_what_only_a_step_led_to_goes_with_it() -> None:
    assert lost_with(forked(), "ask") == ["other"]
    assert seen(remove_step(forked(), "ask")) == ["wait", "one", "both"]
    assert lost_with(forked(), "one") == []
    assert seen(remove_step(forked(), "wait"))[0] == "ask"
    assert remove_step(written([send("only")]), "only")["steps"] == []


def test_a_way_is_led_elsewhere() -> None:
    told = lead_to(forked(), Place("other"), None)
    assert seen(told)[-1] == ["no", "other"]
    told = lead_to(told, Place("other"), "wait")
    assert seen(told)[-1] == ["no", "other", "→wait"]
    told = lead_to(told, Place("ask", "yes"), None)
    assert [node.step["id"] for node in flow_of(told)[1]] == ["one", "both"]
    with pytest.raises(EditRefused):
        lead_to(told, Place("other"), "nowhere")
    with pytest.raises(EditRefused):
        lead_to(told, Place("other", "yes"), "wait")


def test_new_words_keep_the_ways() -> None:
    told = replace_step(forked(), "wait", {"for": {"hours": 2}})
    assert told["steps"][0] == {"id": "wait", "do": "wait", "for": {"hours": 2}, "next": "ask"}
    told, arms = insert_step(forked(), "split", Place("wait"))
    shares = [{"share": share} for share in (20, 30, 50)]
    told = replace_step(told, arms, {"arms": shares})
    assert [arm["next"] for arm in told["steps"][1]["arms"]] == ["ask", None, None]
    told = lead_to(told, Place(arms, "C"), "both")
    told = replace_step(told, arms, {"arms": shares[:1]})
    assert seen(told)[2][:2] == ["A", "ask"]


def test_all_that_is_wrong_is_told_at_its_step(session: Session) -> None:
    """B-16: each message stands at the step it is about."""
    told, gift = insert_step(forked(), "coupon", Place("wait"))
    told, survey = insert_step(told, "survey", Place(gift))
    told["steps"][0]["for"] = {"days": 900}
    found = {problem.step: problem.path for problem in problems_of(session, told)}
    assert found == {
        "wait": "steps[0].for",
        gift: "steps[1].template",
        survey: "steps[2].survey",
    }
    told["steps"] = told["steps"][3:]
    told["steps"][1]["content"]["messages"][0]["text"] = {"zh-TW": "{nothing}"}
    (problem,) = problems_of(session, told)
    assert problem.step == "one"
    assert "nothing" in problem.advice["zh-TW"]
    assert problems_of(session, forked()) == []


def test_what_the_shop_does_not_have_is_told_of_every_step(session: Session) -> None:
    told, gift = insert_step(forked(), "coupon", Place())
    told = replace_step(told, gift, {"template": "nothing-such", "next": None})
    told, tag = insert_step(told, "tag", Place(gift))
    told = replace_step(told, tag, {"give": "none"})
    assert [problem.step for problem in problems_of(session, told)] == [gift, tag]
    told["trigger"] = {"on": "nothing"}
    assert [problem.path for problem in problems_of(session, told)] == ["trigger.on"]
    assert facts_of(told) == ()


def test_the_facts_of_a_draft_are_those_its_texts_may_say() -> None:
    assert facts_of(forked()) == ("purchase_id", "purchased_on", "net_twd")
    told, _ = insert_step(forked(), "coupon", Place())
    assert facts_of(told)[-2:] == ("template", "given")


STEPS = st.sampled_from([kind for kind in KINDS if kind != "exit"])
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["insert", "move", "remove", "up", "down"]),
        STEPS,
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    max_size=12,
)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(TEMPLATES)), CHANGES)
def test_whatever_is_changed_every_step_is_reached(
    code: str, changes: list[tuple[str, str, int, int]]
) -> None:
    """B-16: no change tears a journey apart, and moving loses nobody."""
    told = parse_definition(dict(TEMPLATES[code].definition)).as_json()
    for what, do, one, other in changes:
        before = {step["id"] for step in told["steps"]}
        told = changed(told, what, do, one, other)
        after = {step["id"] for step in told["steps"]}
        assert flow_of(told)[1] == []
        assert what in ("insert", "remove") or after == before


def changed(told: Json, what: str, do: str, one: int, other: int) -> Json:
    """Make a change at some step; one that is refused changes nothing."""
    steps = told["steps"]
    if not steps:
        return told
    step, place = steps[one % len(steps)]["id"], some_place(told, other)
    try:
        if what == "insert":
            return insert_step(told, do, place)[0]
        if what == "move":
            return move_step(told, step, place)
        if what == "remove":
            return remove_step(told, step)
        return shift_step(told, step, up=what == "up")
    except EditRefused:
        return told


def some_place(told: Json, number: int) -> Place:
    places = [Place()] + [
        Place(step["id"], branch) for step in told["steps"] for branch in branches_of(step)
    ]
    assert all(main_way(step) in (*branches_of(step), None) for step in told["steps"])
    return places[number % len(places)]
