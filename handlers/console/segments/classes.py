"""The models side by side, and the page of one class: who they are and what is done about them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.class_words import class_rule_in_words, reading_in_words
from handlers.console import form
from handlers.console.chart import Chart, trend
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.members.links import members_url
from handlers.console.refusals import explain
from handlers.console.segments.links import class_url
from handlers.console.segments.words import class_name, model_name
from handlers.console.views import go, show
from models.base import BusinessError, in_language
from models.classification import (
    ALL_MODELS,
    ClassCounts,
    get_any_class,
    list_alerts,
    settings_on,
)
from models.classification.remembering import night_counts, share_history
from models.coupon.questions import list_templates
from models.lifecycle import NASLD, PROSPECT, RFM, class_key, cycle_text
from models.lifecycle.action import (
    ITEM,
    LONGEST_ADVICE,
    LONGEST_TITLE,
    Action,
    get_action,
    list_actions,
    set_action,
)
from models.local_day import local_day
from models.segment.opening import class_rule

TREND_DAYS = 90


@dataclass(frozen=True)
class ClassRow:
    """One class as a table of its model shows it."""

    name: str
    members: int
    share: float
    net_twd: int
    net_share: float
    rule: str
    action: Action
    title: str
    """What is done about it, in the language of the page."""
    advice: str
    url: str
    people: str


def show_models() -> ResponseReturnValue:
    """Show the four models side by side, as the last night counted them (X12)."""
    return show(
        "segments/models",
        models=[_told(model) for model in ALL_MODELS],
        alerts=len(list_alerts(g.session)),
    )


def _told(model: str) -> dict[str, Any]:
    """Return what a model's card says; `counts` is None before the first night."""
    counts = night_counts(g.session, model)
    told: dict[str, Any] = {"code": model, "name": model_name(model), "counts": counts}
    if counts is None:
        return told
    return told | {
        "rows": _rows(counts),
        "reading": _grounds(counts),
        "prospects_url": members_url(class_rule(model, PROSPECT)),
        "prospects_name": class_name(model, PROSPECT) if counts.prospects is not None else None,
    }


def _rows(counts: ClassCounts) -> list[ClassRow]:
    settings = settings_on(g.session, counts.on, None)
    language = console_texts().language
    return [
        ClassRow(
            name=class_name(action.model, action.code),
            members=counts.get(action.code).members,
            share=counts.share(action.code),
            net_twd=counts.get(action.code).net_twd,
            net_share=counts.net_share(action.code),
            rule=class_rule_in_words(action.model, action.code, settings, language),
            action=action,
            title=_title(action),
            advice=in_language(action.advice, language),
            url=class_url(action.model, action.code),
            people=members_url(class_rule(action.model, action.code)),
        )
        for action in list_actions(g.session, counts.model)
        if action.code != PROSPECT
    ]


def _title(action: Action) -> str:
    """Return what is done about a class, with words for what each of them usually buys."""
    t = console_texts()
    return in_language(action.title, t.language).replace(ITEM, t("〔常買品項〕"))


def _grounds(counts: ClassCounts) -> list[str]:
    """Return what a model's numbers rest on: how its rules are read, its cycle, its cut-offs."""
    language = console_texts().language
    lines = [reading_in_words(g.session, counts.model, counts.on, language)]
    if counts.model == NASLD:
        lines.append(cycle_text(settings_on(g.session, counts.on, None).cycle, language))
    return [line for line in lines if line is not None]


def show_class(model: str, code: str) -> ResponseReturnValue:
    """Show one class: its rule, its size now, its share over time, and what is done about it."""
    get_any_class(model, code)
    return _show_class(model, code)


def _show_class(model: str, code: str, status: int = 200, **context: Any) -> ResponseReturnValue:
    today, language = local_day(g.now), console_texts().language
    templates = list_templates(g.session)
    action = None if (model, code) == (RFM, PROSPECT) else get_action(g.session, model, code)
    return show(
        "segments/class",
        status,
        model=model,
        code=code,
        key=class_key(model, code),
        name=class_name(model, code),
        model_words=model_name(model),
        rule=class_rule_in_words(model, code, settings_on(g.session, today, None), language),
        action=action,
        title=_title(action) if action else None,
        shares=_shares(model, code),
        templates=templates,
        coupon_names={each.code: in_language(each.name, language) for each in templates},
        longest=(LONGEST_TITLE, LONGEST_ADVICE),
        **context,
    )


def _shares(model: str, code: str) -> Chart | None:
    """Return a class's share over the last days; None where fewer than two nights told."""
    history = share_history(g.session, model, local_day(g.now) - timedelta(days=TREND_DAYS))
    if len(history) < 2:
        return None
    t, name = console_texts(), class_name(model, code)
    return trend(
        t("{name}占比，近 {days} 天", name=name, days=TREND_DAYS),
        [each.day for each in history],
        [(name, [each.share(code) for each in history])],
        unit="percent",
    )


def change_action(model: str, code: str) -> ResponseReturnValue:
    """Put another action in the place of a class's (B-04)."""
    t = console_texts()
    held = get_action(g.session, model, code)
    try:
        set_action(
            g.session,
            model,
            code,
            title=_typed("title", held.title),
            advice=_typed("advice", held.advice),
            template_code=request.form.get("coupon", ""),
            paid_push=form.flag("paid_push"),
            by=current_staff().username,
            now=g.now,
        )
    except BusinessError as refused:
        return _show_class(model, code, 409, notice=explain(t, refused))
    return go(class_url(model, code), t("已更新這個類別的行動"))


def _typed(field: str, held: dict[str, str]) -> dict[str, str]:
    """Return a text with what was typed in the place of that in the language of the page."""
    return held | {console_texts().language: form.text(field) or ""}


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the models and their classes."""
    one = "/models/<model>/<code>"
    blueprint.get("/models", right="see")(show_models)
    blueprint.get(one, right="see")(show_class)
    blueprint.post(f"{one}/action", right="segments.change")(change_action)
