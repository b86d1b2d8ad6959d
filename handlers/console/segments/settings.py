"""What the models are set to: looked at, changed after a look at who would change class, kept."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.makers import maker_name
from handlers.console.members.links import members_url
from handlers.console.refusals import explain
from handlers.console.segments.setting_words import (
    Rows,
    dimension_names,
    high_words,
    level_names,
    lifecycle_labels,
    lifecycle_rows,
    method_names,
    rfm_rows,
)
from handlers.console.segments.words import class_name, model_name
from models.base import BusinessError
from models.classification import Move, get_any_model
from models.classification.foreseeing import LIFECYCLE, PARTS, SETTINGS_EFFECT, effect_in
from models.lifecycle import MODELS, PROSPECT, RFM, LifecycleSettings, cycle_text, get_settings
from models.lifecycle.setting import (
    CHOSEN,
    LIMITS,
    LONGEST_NOTE,
    change_settings,
    foresee_settings,
    list_settings,
)
from models.local_day import local_day
from models.prepared import find_prepared, want
from models.rfm import (
    DIMENSIONS,
    METHODS,
    CutRule,
    RfmSettings,
    change_rfm_settings,
    foresee_rfm_settings,
    get_rfm_settings,
    list_rfm_settings,
)
from models.rfm.setting import FIXED, HIGH_FROM, SCORES, WINDOW_LIMITS, read_rfm_changes, read_rule
from models.rfm.storing import cuts_of
from models.segment.opening import class_rule

LONGEST_ASKED = 2_000
LONGEST_VALUES = 80
MOST_MOVES = 12
Asked = dict[str, Any]
"""The settings somebody thinks about, as the prepared figure is asked about them."""

log = structlog.get_logger()


class NothingChanged(BusinessError):
    """The form holds what is in force already."""

    code = "model_settings_same"


@dataclass(frozen=True)
class ClassShift:
    """A class with how many it has, and would have."""

    name: str
    people: str
    now: int
    then: int


@dataclass(frozen=True)
class Effect:
    """What the settings would change in one model."""

    name: str
    members: int
    moved: int
    classes: Sequence[ClassShift]
    moves: Sequence[tuple[str, str, int]]


def show_settings() -> ResponseReturnValue:
    """Show what the models are set to, and the versions there were."""
    return _show_all()


def ask_about(part: str) -> ResponseReturnValue:
    """Read what was typed and have its effect worked out; the next page shows it."""
    try:
        asked = _READ[part]()
        rows, new_rows, _ = _compared(asked)
        if rows == new_rows:
            raise NothingChanged
    except BusinessError as refused:
        return _show_all(409, notice=explain(console_texts(), refused), at=part)
    want(g.session, SETTINGS_EFFECT, asked, g.now)
    return views.go(url_for(f"{_HERE}_show_effect", asked=json.dumps(asked)))


def show_effect() -> ResponseReturnValue:
    """Show who would change class by other settings, and ask whether to keep them."""
    return _show_effect(_told_about(request.args.get("asked", "")))


def keep() -> ResponseReturnValue:
    """Keep the settings that were looked at as a new version."""
    asked, t = _told_about(request.form.get("asked", "")), console_texts()
    rows, new_rows, _ = _compared(asked)
    if rows == new_rows:
        return _lead_back(asked["part"])  # The same page was sent twice.
    if asked["version"] != _version_of(asked["part"]):
        raise _stale(asked["part"])
    try:
        _KEEP[asked["part"]](asked, form.needed("note", LONGEST_NOTE))
    except BusinessError as refused:
        return _show_effect(asked, 409, notice=explain(t, refused))
    log.info("model_settings_changed", part=asked["part"], by=current_staff().id)
    return _lead_back(asked["part"])


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the models' settings."""
    path, parts = "/models/settings", ", ".join(PARTS)
    blueprint.get(path, right="see")(show_settings)
    blueprint.get(f"{path}/effect", right="see")(show_effect)
    blueprint.post(f"{path}/effect", right="loyalty.publish")(keep)
    blueprint.post(f"{path}/<any({parts}):part>", right="loyalty.publish")(ask_about)


_HERE = "console.segments_settings"


def _show_all(status: int = 200, **context: Any) -> ResponseReturnValue:
    t, today = console_texts(), local_day(g.now)
    held, rfm = get_settings(g.session, today), get_rfm_settings(g.session, today)
    cuts = {name: cut.high for name, cut in cuts_of(g.session, today).items()}
    return views.show(
        "segments/settings",
        status,
        held=held,
        rfm=rfm,
        cycle=cycle_text(held.cycle, t.language),
        high=high_words(t, cuts, rfm.window_days),
        rows={LIFECYCLE: lifecycle_rows(t, held), RFM: rfm_rows(t, rfm)},
        labels=lifecycle_labels(t),
        levels=level_names(t),
        limits=LIMITS | {"rfm_window": WINDOW_LIMITS},
        dimensions=dimension_names(t),
        methods=method_names(t),
        scores=range(2, SCORES + 1),
        high_from=HIGH_FROM,
        versions=_versions(),
        **({"at": None} | context),
    )


def _versions() -> list[dict[str, Any]]:
    """Return the versions of both, the newest first, with what each was set to."""
    t = console_texts()
    lifecycles = [
        {
            "model": t("生命週期"),
            "id": row.id,
            "at": row.set_at,
            "by": maker_name(row.set_by),
            "note": row.note,
            "rows": lifecycle_rows(
                t, LifecycleSettings(**{name: getattr(row, name) for name in CHOSEN})
            ),
        }
        for row in list_settings(g.session)
    ]
    rfms = [
        {
            "model": model_name(RFM),
            "id": row.id,
            "at": row.created_at,
            "by": maker_name(row.created_by),
            "note": row.note,
            "rows": rfm_rows(
                t,
                RfmSettings(
                    row.window_days, {name: read_rule(row.cuts[name]) for name in DIMENSIONS}
                ),
            ),
        }
        for row in list_rfm_settings(g.session)
    ]
    return sorted(lifecycles + rfms, key=lambda version: version["at"], reverse=True)


def _read_lifecycle() -> Asked:
    changes: dict[str, int | str | None] = {
        name: form.needed_whole(name, least=LIMITS[name][0], most=LIMITS[name][1])
        for name in LIMITS
        if name != "cycle_days"
    }
    low, high = LIMITS["cycle_days"]
    changes["cycle_days"] = form.whole("cycle_days", least=low, most=high)
    changes["cycle_level"] = form.needed_choice("cycle_level", level_names(console_texts()))
    return {"part": LIFECYCLE, "version": _version_of(LIFECYCLE), "changes": changes}


def _read_rfm() -> Asked:
    low, high = WINDOW_LIMITS
    return {
        "part": RFM,
        "version": _version_of(RFM),
        "window_days": form.needed_whole("rfm_window", least=low, most=high),
        "cuts": {name: _read_cut(name).words() for name in DIMENSIONS},
    }


def _read_cut(name: str) -> CutRule:
    method = form.needed_choice(f"{name}.method", METHODS)
    if method != FIXED:
        return CutRule(method, high_from=_read_high(name))
    values = form.parts_of(form.needed(f"{name}.values", LONGEST_VALUES))
    if not all(value.isdecimal() for value in values):
        raise form.FieldRefused(field=f"{name}.values", why="whole")
    return CutRule(method, tuple(int(value) for value in values), _read_high(name))


def _read_high(name: str) -> int:
    return form.whole(f"{name}.high_from", least=2, most=SCORES) or HIGH_FROM


_READ: Mapping[str, Callable[[], Asked]] = {LIFECYCLE: _read_lifecycle, RFM: _read_rfm}


def _told_about(written: str) -> Asked:
    """Read the settings that a page asks about. Raises FieldRefused, or what refuses them."""
    try:
        told = form.decoded(written, "asked", LONGEST_ASKED)
        known = {"part": told["part"], "version": told["version"]}
        if told["part"] != RFM:
            return known | {"part": LIFECYCLE, "changes": dict(told["changes"].items())}
        cuts = {name: _known_cut(words).words() for name, words in told["cuts"].items()}
        return known | {"window_days": _known_number(told["window_days"]), "cuts": cuts}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise form.FieldRefused(field="asked", why="choice") from error


def _known_cut(words: Mapping[str, Any]) -> CutRule:
    rule = read_rule(words)
    values = tuple(_known_number(value) for value in rule.values)
    return CutRule(str(rule.method), values, _known_number(rule.high_from))


def _known_number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def _compared(asked: Asked) -> tuple[Rows, Rows, int]:
    """Return what is in force, what would be, and the window of the latter in days."""
    t, today = console_texts(), local_day(g.now)
    if asked["part"] == RFM:
        rfm = foresee_rfm_settings(g.session, today, **read_rfm_changes(asked))
        rows = rfm_rows(t, get_rfm_settings(g.session, today))
        return rows, rfm_rows(t, rfm), rfm.window_days
    draft = foresee_settings(g.session, asked["changes"], today)
    rows = lifecycle_rows(t, get_settings(g.session, today))
    return rows, lifecycle_rows(t, draft), draft.window_days


def _show_effect(asked: Asked, status: int = 200, **context: Any) -> ResponseReturnValue:
    t = console_texts()
    rows, new_rows, window_days = _compared(asked)
    found = find_prepared(g.session, SETTINGS_EFFECT, asked)
    body = found.body if found is not None else None
    models = MODELS if asked["part"] == LIFECYCLE else (RFM,)
    return views.show(
        "segments/settings_effect",
        status,
        part=asked["part"],
        asked=json.dumps(asked),
        found=found,
        figure=SETTINGS_EFFECT,
        changes=[
            (label, value, new_rows[name][1])
            for name, (label, value) in rows.items()
            if new_rows[name][1] != value
        ],
        effects=[_effect(model, effect_in(body, model)) for model in models] if body else [],
        high=high_words(t, (body or {}).get("cuts", {}), window_days),
        cycle_days=(body or {}).get("cycle_days"),
        longest=LONGEST_NOTE,
        **context,
    )


def _effect(model: str, moves: Sequence[Move]) -> Effect:
    codes = [each.code for each in get_any_model(model).classes]
    if any(move.to_class == PROSPECT for move in moves) and PROSPECT not in codes:
        codes.append(PROSPECT)
    changing = sorted(
        (move for move in moves if move.from_class != move.to_class),
        key=lambda move: -move.members,
    )
    return Effect(
        model_name(model),
        sum(move.members for move in moves),
        sum(move.members for move in changing),
        [
            ClassShift(
                class_name(model, code),
                members_url(class_rule(model, code)),
                sum(move.members for move in moves if move.from_class == code),
                sum(move.members for move in moves if move.to_class == code),
            )
            for code in codes
        ],
        [
            (
                class_name(model, move.from_class or PROSPECT),
                class_name(model, move.to_class),
                move.members,
            )
            for move in changing[:MOST_MOVES]
        ],
    )


def _version_of(part: str) -> int | None:
    today = local_day(g.now)
    if part == RFM:
        return get_rfm_settings(g.session, today).version
    return get_settings(g.session, today).version


def _stale(part: str) -> form.Stale:
    """Return the refusal that names who changed the settings since they were looked at."""
    if part == RFM:
        rfm = list_rfm_settings(g.session, limit=1)[0]
        by, at = rfm.created_by, rfm.created_at
    else:
        held = list_settings(g.session, limit=1)[0]
        by, at = held.set_by, held.set_at
    return form.Stale(name=maker_name(by), at=console_texts().moment(at))


def _keep_lifecycle(asked: Asked, note: str) -> None:
    by = current_staff().username
    change_settings(g.session, asked["changes"], note=note, by=by, now=g.now)


def _keep_rfm(asked: Asked, note: str) -> None:
    by = current_staff().username
    change_rfm_settings(g.session, **read_rfm_changes(asked), note=note, by=by, now=g.now)


_KEEP: Mapping[str, Callable[[Asked, str], None]] = {LIFECYCLE: _keep_lifecycle, RFM: _keep_rfm}


def _lead_back(part: str) -> ResponseReturnValue:
    t = console_texts()
    told = {
        LIFECYCLE: t("已存成新的版本；名單立刻照新的設定，人數統計今晚凌晨更新。"),
        RFM: t("已存成新的版本；今晚凌晨照新的設定重新分群。"),
    }
    return views.go(url_for(f"{_HERE}_show_settings"), told[part])
