"""The pages of every topic: its list, one of it, the form, the preview of a change, and the change.

A change is previewed on a page of its own, which carries what was typed: nothing is kept before its
effect was seen. Who may not publish sends it to the owner instead.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, current_staff, may
from handlers.console.members.links import members_url
from handlers.console.programme import fields
from handlers.console.programme.desk import Desk, this_desk
from handlers.console.programme.fields import Field
from handlers.console.programme.sent import Sent, read_sent
from handlers.console.programme.showing import NOTHING, changed_by, differences, facts_of, shown
from handlers.console.programme.stock import sent_stock
from handlers.console.programme.topic import Fact, Topic, state_of
from handlers.console.programme.topics import TOPICS
from handlers.console.refusals import explain
from handlers.notice import Notice
from models.base import BusinessError
from models.draft import drop_draft
from models.local_day import local_day
from models.offering import (
    APPLIED,
    ASKED,
    NoSuchOffering,
    OfferingChanged,
    OfferingRefused,
    Row,
    Values,
    ask_change,
    check_change,
    list_changes,
)
from models.segment.rule import SCHEMA

MOST_LISTED = 200
REFUSED = 422
CONFLICT = 409
SLUG = f"<any({','.join(slug if slug.isalpha() else repr(slug) for slug in TOPICS)}):slug>"

log = structlog.get_logger()


def show_list(slug: str) -> ResponseReturnValue:
    """Show what there is of a topic, the newest first."""
    desk, topic = this_desk(), TOPICS[slug]
    rows = topic.kind.list_all(desk.session, MOST_LISTED)
    wanted = request.args.get("q", "").strip().lower()
    lines = [_line(desk, topic, row) for row in rows]
    found = [line for line in lines if wanted in f"{line['name']} {line['code']}".lower()]
    return views.show(
        "programme/list",
        **_about(desk, topic),
        lines=found,
        wanted=wanted,
        presets=topic.presets(desk),
        fragment="programme/_lines",
    )


def show_one(slug: str, code: str) -> ResponseReturnValue:
    """Show one thing: what it gives, how it did, and how it became what it is."""
    desk, topic = this_desk(), TOPICS[slug]
    row = topic.kind.get(desk.session, code)
    return show_row(desk, topic, row)


def show_row(
    desk: Desk, topic: Topic, row: Row, status: int = 200, **context: Any
) -> ResponseReturnValue:
    """Show one thing of a topic, with what its own part of the page needs."""
    code = topic.code_of(row)
    asked = list(topic.fields(desk, row))
    more = _EXTRAS[topic.extra](desk, row) if topic.extra in _EXTRAS else {}
    return views.show(
        "programme/one",
        status,
        **(_about(desk, topic) | more | context),
        line=_line(desk, topic, row),
        row=row,
        code=code,
        facts=facts_of(desk, asked, topic.kind.values_of(row)),
        stats=opened(topic.stats(desk, row, desk.figures(topic.kind.noun, code))),
        changes=[
            (change, name, changed_by(desk, topic.kind, asked, change))
            for change, name in list_changes(desk.session, topic.kind, code)
        ],
        fingerprint=topic.kind.fingerprint(row),
    )


def show_new(slug: str) -> ResponseReturnValue:
    """Show the form for a new one: empty, from a preset, or as a copy of another."""
    desk, topic = this_desk(), TOPICS[slug]
    if topic.is_closed:
        raise NoSuchOffering(kind=topic.kind.noun, code="new")
    asked = topic.fields(desk, None)
    typed = _written(asked, _beginning(desk, topic)) | {"code": _fresh_code(topic), "base": ""}
    return _show_form(desk, topic, None, "new", asked, typed)


def show_edit(slug: str, code: str) -> ResponseReturnValue:
    """Show the form of one thing, filled from what it is now or from this person's draft."""
    desk, topic = this_desk(), TOPICS[slug]
    row = topic.kind.find(desk.session, code)
    if row is None and not topic.is_closed:
        raise NoSuchOffering(kind=topic.kind.noun, code=code[:80])
    asked = topic.fields(desk, row)
    values = topic.kind.values_of(row) if row is not None else {}
    base = topic.kind.fingerprint(row) if row is not None else ""
    typed = _written(asked, values) | {"code": code, "base": base}
    return _show_form(desk, topic, row, code, asked, typed)


def show_again(slug: str) -> ResponseReturnValue:
    """Lead back from the preview into the form, with everything that was typed."""
    desk = this_desk()
    sent = read_sent(desk, TOPICS[slug])
    return _show_typed(desk, sent)


def preview(slug: str) -> ResponseReturnValue:
    """Show what a change changes and whom it concerns, before anything is kept."""
    desk = this_desk()
    sent = read_sent(desk, TOPICS[slug])
    if sent.errors:
        return _show_typed(desk, sent, REFUSED, notice=_to_mend(desk, sent))
    try:
        check_change(desk.session, sent.wish)
    except BusinessError as error:
        return _show_refused(desk, sent, error)
    topic, wish = sent.topic, sent.wish
    before = topic.kind.values_of(sent.row) if sent.row is not None else None
    changed = differences(desk, sent.asked, before, wish.values)
    return views.show(
        "programme/preview",
        **_about(desk, topic),
        code=wish.code,
        is_new=sent.row is None,
        changed=changed,
        effect=opened(topic.effect(desk, wish.values, sent.row)),
        typed=_pairs(fields.typed_form()),
        note=wish.note,
        effective_on=wish.effective_on,
        may_publish=may(topic.right),
    )


def save(slug: str) -> ResponseReturnValue:
    """Keep the change: at once, on its day, or as a wish that the owner decides."""
    desk = this_desk()
    sent = read_sent(desk, TOPICS[slug])
    if sent.errors:
        return _show_typed(desk, sent, REFUSED, notice=_to_mend(desk, sent))
    topic, staff = sent.topic, current_staff()
    try:
        change = ask_change(
            desk.session, sent.wish, staff=staff, is_published=may(topic.right), now=g.now
        )
    except BusinessError as error:
        desk.session.rollback()
        return _show_refused(this_desk(), sent, error)
    drop_draft(desk.session, staff, _draft(topic, "new" if sent.row is None else change.code))
    log.info("offering_change", kind=change.kind, change_id=change.id, state=change.state)
    t = desk.t
    if change.state == ASKED:
        return views.go(url_for("console.programme_show_overview"), t("已送給老闆，發布後才生效"))
    told = t("已發布") if change.state == APPLIED else t("已排程，到那天自動生效")
    if change.state != APPLIED and sent.row is None:
        return views.go(url_for("console.programme_show_overview"), told)
    return views.go(_url(topic, change.code), told)


def switch(slug: str, code: str) -> ResponseReturnValue:
    """Show the preview of stopping one thing, or of letting it go on."""
    desk, topic = this_desk(), TOPICS[slug]
    row, column = topic.kind.get(desk.session, code), topic.kind.switch
    if column is None:
        raise OfferingRefused(kind=topic.kind.noun, rule="no_switch")
    values = topic.kind.values_of(row) | {column: not getattr(row, column)}
    asked = topic.fields(desk, row)
    typed = _written(asked, values) | {"code": code, "base": topic.kind.fingerprint(row)}
    before = topic.kind.values_of(row)
    return views.show(
        "programme/preview",
        **_about(desk, topic),
        code=code,
        is_new=False,
        changed=differences(desk, asked, before, values),
        effect=opened(topic.effect(desk, values, row)),
        typed=_pairs(typed),
        note="",
        effective_on=None,
        may_publish=may(topic.right),
    )


def restock(slug: str, code: str) -> ResponseReturnValue:
    """Add pieces to what is counted down, take some away, or take the limit off."""
    desk, topic = this_desk(), TOPICS[slug]
    if not topic.has_stock:
        raise OfferingRefused(kind=topic.kind.noun, rule="no_stock")
    row = topic.kind.get(desk.session, code)
    return views.go(_url(topic, code), sent_stock(desk, row, code))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses that all topics share."""
    place = f"/loyalty/{SLUG}"
    blueprint.get(place, right="see")(show_list)
    blueprint.get(f"{place}/new", right="loyalty.draft")(show_new)
    blueprint.post(f"{place}/again", right="loyalty.draft")(show_again)
    blueprint.post(f"{place}/preview", right="loyalty.draft")(preview)
    blueprint.post(f"{place}/save", right="loyalty.draft")(save)
    blueprint.get(f"{place}/<code>", right="see")(show_one)
    blueprint.get(f"{place}/<code>/edit", right="loyalty.draft")(show_edit)
    blueprint.get(f"{place}/<code>/switch", right="loyalty.draft")(switch)
    blueprint.post(f"{place}/<code>/stock", right="campaigns.change")(restock)


_EXTRAS: dict[str, Any] = {}
"""What a topic's own part of its page needs, by the part's name."""


def adds(extra: str, read: Any) -> None:
    """Have the page of a topic's things know more, under the name of its own part."""
    _EXTRAS[extra] = read


def _about(desk: Desk, topic: Topic) -> dict[str, Any]:
    return {
        "topic": topic,
        "said": topic.words(desk.t),
        "slug": topic.slug,
        "results": desk.results,
        "shapes": fields,
    }


def _line(desk: Desk, topic: Topic, row: Row) -> dict[str, Any]:
    code = topic.code_of(row)
    words, tone = state_of(topic, desk.t, row, desk.now)
    stats = topic.stats(desk, row, desk.figures(topic.kind.noun, code))
    return {
        "code": code,
        "name": topic.name_of(desk, row),
        "told": topic.told(desk, row),
        "state": words,
        "tone": tone,
        "is_on": topic.kind.switch is None or getattr(row, topic.kind.switch),
        "stats": stats[:3],
        "url": _url(topic, code),
    }


def _url(topic: Topic, code: str) -> str:
    return url_for("console.programme_pages_show_one", slug=topic.slug, code=code)


def _draft(topic: Topic, code: str) -> str:
    return f"programme:{topic.slug}:{code}"[:80]


def _written(asked: list[Field] | Any, values: Values) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for each in asked:
        typed |= fields.write(each, values.get(each.name))
    return typed


def _beginning(desk: Desk, topic: Topic) -> Values:
    """Return what a new form is filled with: a copy's values, a preset's, or nothing."""
    copied = request.args.get("copy")
    if copied is not None:
        return topic.kind.values_of(topic.kind.get(desk.session, copied))
    wanted = request.args.get("preset")
    presets = {name: values for name, _, values in topic.presets(desk)}
    return presets.get(wanted or "", next(iter(presets.values()), {}) if not wanted else {})


def _fresh_code(topic: Topic) -> str:
    return f"{topic.kind.noun}-{local_day(g.now):%Y%m%d}-{secrets.token_hex(2)}"


def _show_form(
    desk: Desk,
    topic: Topic,
    row: Row | None,
    code: str,
    asked: Any,
    typed: Mapping[str, Any],
) -> ResponseReturnValue:
    what = _draft(topic, code)
    begins_anew = "copy" in request.args or "preset" in request.args
    draft = None if begins_anew else views.draft_values(what)
    return views.show(
        "programme/form",
        **_about(desk, topic),
        **_form_words(desk, topic, row, asked, dict(typed) | (draft or {})),
        row=row,
        code=code,
        what=what,
        others=views.edited_by_others(what),
        has_draft=draft is not None,
    )


def _show_typed(
    desk: Desk,
    sent: Sent,
    status: int = 200,
    *,
    notice: Notice | None = None,
    conflict: Any = (),
    base: str | None = None,
) -> ResponseReturnValue:
    typed = fields.typed_form()
    if base is not None:
        typed["base"] = base
    code = "new" if sent.row is None else sent.wish.code
    what = _draft(sent.topic, code)
    return views.show(
        "programme/form",
        status,
        **_about(desk, sent.topic),
        **_form_words(desk, sent.topic, sent.row, sent.asked, typed),
        row=sent.row,
        code=code,
        what=what,
        others=(),
        has_draft=False,
        errors=sent.errors,
        notice=notice,
        conflict=conflict,
    )


def _to_mend(desk: Desk, sent: Sent) -> Notice:
    """Say how many fields are to be mended; each says below what is wrong."""
    return Notice(
        desk.t("有 {count} 欄要改", count=len(sent.errors)),
        desk.t("改好標紅的欄位再預覽；其他內容都還在。"),
    )


def _form_words(
    desk: Desk, topic: Topic, row: Row | None, asked: Any, typed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the form is drawn from; of what cannot be changed only what is set is shown."""
    values = topic.kind.values_of(row) if row is not None else {}
    fixed = {each.name: shown(desk, each, values.get(each.name)) for each in asked if each.is_fixed}
    groups: dict[str, list[Field]] = {}
    for each in asked:
        if fixed.get(each.name) != NOTHING:
            groups.setdefault(each.group, []).append(each)
    return {
        "groups": groups,
        "typed": typed,
        "bonus_places": range(fields.BONUS_PLACES),
        "fixed": fixed,
    }


def _show_refused(desk: Desk, sent: Sent, error: BusinessError) -> ResponseReturnValue:
    """Show the form again with why not; where somebody else was faster, with both versions."""
    conflict, base = [], None
    if isinstance(error, OfferingChanged) and error.facts.get("theirs") is not None:
        kind = sent.topic.kind
        theirs = kind.from_json(error.facts["theirs"])
        mine = {name: sent.wish.values[name] for name in theirs}
        conflict = differences(desk, sent.asked, mine, theirs)
        row = kind.find(desk.session, sent.wish.code)
        base = kind.fingerprint(row) if row is not None else ""
    notice = explain(desk.t, error)
    return _show_typed(desk, sent, CONFLICT, notice=notice, conflict=conflict, base=base)


def _pairs(typed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was typed as the hidden fields of the preview; what it asks anew is left out."""
    return [
        (name, each)
        for name, value in typed.items()
        if name not in ("note", "effective_on")
        for each in (value if isinstance(value, list) else [value])
    ]


def opened(facts: list[Fact]) -> list[tuple[Fact, str | None]]:
    """Return facts, each with the way to the people behind it."""
    return [
        (fact, members_url({"schema": SCHEMA, "where": fact.where}) if fact.where else None)
        for fact in facts
    ]
