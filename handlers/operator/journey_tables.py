"""How journeys are printed: the list, the diagram in words, who is on the way, what would be."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from sqlalchemy.orm import Session

from handlers.operator.acting import shown_moment
from handlers.operator.classes import CHINESE
from handlers.operator.table import Cell, print_table
from models.base import in_language, most_first
from models.journey import definition_of, get_journey, get_version, list_journeys
from models.journey.definition import EACH, ONCE, Definition
from models.journey.numbers import (
    StepNumbers,
    count_by_state,
    count_journey,
    list_visits,
)
from models.journey.step import ONWARDS, Step
from models.journey.table import DONE, EXITED, HELD_OUT, SET_ASIDE, UNDER_WAY
from models.journey.trying import Trial
from models.journey.wording import STATE_NAMES, cause_text, reason_text, step_text

END = "結束"
SHOWN_STATES = (UNDER_WAY, DONE, EXITED, HELD_OUT, SET_ASIDE)
CHANNELS = {"line": "LINE", "email": "電子郵件"}


def print_journeys(session: Session, *, with_archived: bool) -> None:
    """Print all journeys with how many visits stand how."""
    counts = count_by_state(session)
    rows: list[Sequence[Cell]] = []
    for journey in list_journeys(session, with_archived=with_archived):
        cause = definition_of(get_version(session, journey.code)).cause
        counted = counts.get(journey.code, Counter())
        rows.append(
            (
                journey.code,
                in_language(journey.name, CHINESE),
                _state(journey.state),
                journey.version,
                cause_text(cause, CHINESE),
                *(counted[state] for state in SHOWN_STATES),
            )
        )
    headers = ("代碼", "名稱", "狀態", "版本", "觸發", *map(_state, SHOWN_STATES))
    print_table(headers, rows, "lllrl" + "r" * len(SHOWN_STATES))


def print_journey(session: Session, code: str, version: int | None) -> None:
    """Print one journey: what starts and ends it, and each step with who came, waits and left."""
    journey, kept = get_journey(session, code), get_version(session, code, version)
    definition = definition_of(kept)
    numbers = count_journey(session, code, version)
    name = in_language(journey.name, CHINESE)
    click.echo(f"{name}（{code}）第 {kept.version} 版，{_state(journey.state)}")
    if journey.active_since is not None:
        click.echo(f"啟用：{shown_moment(journey.active_since)} 起的觸發才算")
    _print_terms(definition)
    click.echo(
        "人數：" + "、".join(f"{_state(state)} {numbers.states[state]:,}" for state in SHOWN_STATES)
    )
    click.echo("")
    for place, step in enumerate(definition.steps.values(), 1):
        _print_step(place, step, numbers.step(step.id), definition)
    unknown = [step_id for step_id in numbers.steps if step_id not in definition.steps]
    for step_id in unknown:
        counted = numbers.step(step_id)
        click.echo(f"（其他版本）{step_id}：進 {counted.came:,}，出 {counted.gone:,}")
    if numbers.exits:
        click.echo("")
        rows = [(reason_text(why, CHINESE, definition), n) for why, n in most_first(numbers.exits)]
        print_table(("提前離開的原因", "人數"), rows, "lr")


def _print_terms(definition: Definition) -> None:
    exits = "；".join(cause_text(leaving, CHINESE) for leaving in definition.exits) or "無"
    again = {ONCE: "只走一次", EACH: "每次觸發都走"}.get(
        str(definition.reentry), f"隔 {definition.reentry} 天可再走"
    )
    click.echo(f"觸發：{cause_text(definition.cause, CHINESE)}（{again}）")
    click.echo(f"提前離開：{exits}")
    hold = f"，先等回覆 {definition.hold_minutes} 分鐘" if definition.hold_minutes else ""
    click.echo(f"對照組：{definition.holdout_percent}%{hold}")


def _print_step(place: int, step: Step, counted: StepNumbers, definition: Definition) -> None:
    head = f"{place:>2}. {step.id}｜{step_text(step, CHINESE)}"
    aside = f"，待處理 {counted.set_aside:,}" if counted.set_aside else ""
    click.echo(head)
    click.echo(
        f"    進 {counted.came:,}　等待 {counted.waiting:,}　出 {counted.gone:,}{aside}"
        + _by_reason(counted, definition)
    )
    for branch, aim in step.branches.items():
        label = "" if branch == ONWARDS else f"{reason_text(branch, CHINESE)} "
        click.echo(f"    {label}→ {aim or END}")


def _by_reason(counted: StepNumbers, definition: Definition) -> str:
    if not counted.left:
        return ""
    parts = (
        f"{reason_text(why, CHINESE, definition)} {n:,}" for why, n in most_first(counted.left)
    )
    return "（" + "、".join(parts) + "）"


def print_visits(
    session: Session, code: str, *, state: str | None, step: str | None, after_id: int, limit: int
) -> None:
    """Print who is or was on a journey."""
    found = list_visits(session, code, state=state, step=step, after_id=after_id, limit=limit)
    print_table(
        ("編號", "會員", "版本", "狀態", "步驟", "下一次", "開始", "結束", "原因"),
        [
            (
                str(each.visit.id),
                each.number,
                each.visit.version,
                _state(each.visit.state),
                each.visit.step,
                shown_moment(each.visit.due_at) if each.visit.due_at else None,
                shown_moment(each.visit.started_at),
                shown_moment(each.visit.ended_at) if each.visit.ended_at else None,
                reason_text(each.visit.exit_reason, CHINESE) if each.visit.exit_reason else None,
            )
            for each in found
        ],
        "rlr",
    )
    if len(found) == limit:
        click.echo(f"接著看：--after {found[-1].visit.id}")


def print_trial(
    trial: Trial, definition: Definition, draw: Callable[[Mapping[str, Any]], list[str]]
) -> None:
    """Print what would happen to somebody, step by step, with what they would be told."""
    since = shown_moment(trial.cause_at) if trial.cause_at else "沒有觸發事件，假設是現在"
    click.echo(f"觸發：{since}")
    for why in trial.kept_from:
        click.echo(f"實際上不會開始：{reason_text(why, CHINESE)}")
    for each in trial.steps:
        step = definition.steps[each.step]
        click.echo(
            f"{shown_moment(each.at)}  {each.step}｜{step_text(step, CHINESE)}"
            f"：{reason_text(each.why, CHINESE, definition)} → {each.aim or END}"
        )
        if each.owed is not None:
            click.echo(f"    經 {CHANNELS.get(str(each.channel), each.channel)}：")
            for line in draw(each.owed):
                click.echo("    " + line.replace("\n", "\n    "))
    reason = reason_text(trial.exit_reason, CHINESE, definition) if trial.exit_reason else ""
    click.echo(f"結果：{_state(trial.state)}" + (f"（{reason}）" if reason else ""))


def _state(state: str) -> str:
    return in_language(STATE_NAMES[state], CHINESE)
