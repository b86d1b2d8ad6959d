"""KPIs of the shop's own: the questions about events that are counted every night (E-14)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from bot.texts import Texts
from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.makers import maker_name
from models.activity.table import Mission
from models.base import in_language
from models.catalogue import CatalogueItem
from models.draft import drop_draft
from models.gathering import Gathering
from models.kpi import (
    COUNTED,
    PREVIEW_DAYS,
    Kpi,
    KpiRefused,
    Query,
    end_kpi,
    get_kpi,
    keep_kpi,
    list_kpis,
    list_values,
    parse_query,
    preview_kpi,
)
from models.kpi.query import LONGEST_WINDOW_DAYS, SCHEMA, Narrowing
from models.local_day import local_day
from models.metric import list_definitions
from models.shop import list_stores

NEW = "new"
LONGEST_CODE = 40
LONGEST_NAME = 40
LONGEST_VALUE = 200
MOST_OFFERED = 300
"""So many items or categories are offered while somebody types; any other may be typed."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Place:
    """One thing that may narrow a query, as a form asks for it."""

    name: str
    label: str
    choices: list[tuple[str, str]]
    """What may be chosen; empty where it is typed."""
    offered: list[tuple[str, str]]
    minimum: int
    maximum: int
    """Of a number; 0 where it is none."""


def show_list() -> ResponseReturnValue:
    """Show the KPIs with what each counts and came to last."""
    t = console_texts()
    since = local_day(g.now) - timedelta(days=PREVIEW_DAYS)
    kpis = list_kpis(g.session)
    values = {kpi.code: list_values(g.session, kpi.code, since=since, limit=1) for kpi in kpis}
    return views.show(
        "reports/kpis",
        kpis=kpis,
        last={code: found[0] for code, found in values.items() if found},
        counts={kpi.code: query_words(t, parse_query(kpi.query)) for kpi in kpis},
    )


def show_form(code: str) -> ResponseReturnValue:
    """Show the form of a KPI, or of a new one; the thing counted may be another than it was."""
    kpi = None if code == NEW else get_kpi(g.session, code)
    what = f"kpi:{code}"
    typed = views.draft_values(what)
    held = typed if typed is not None else _values_of(kpi)
    count = request.args.get("count") or held.get("count") or next(iter(COUNTED))
    if count not in COUNTED:
        raise KpiRefused(path="count", why=str(count)[:LONGEST_CODE])
    t = console_texts()
    return views.show(
        "reports/kpi",
        fragment="reports/_narrowings",
        kpi=kpi,
        code=code,
        what=what,
        others=views.edited_by_others(what),
        has_draft=typed is not None,
        values=held,
        count=count,
        counted=[(name, in_language(each.labels, t.language)) for name, each in COUNTED.items()],
        places=[_place(t, narrowing) for narrowing in COUNTED[count].narrowings],
        longest_window=LONGEST_WINDOW_DAYS,
        base=kpi.version if kpi is not None else 0,
    )


def show_preview(code: str) -> ResponseReturnValue:
    """Show what the query in the form comes to over the last days; nothing is kept."""
    query = _read_query()
    on = local_day(g.now) - timedelta(days=1)
    total, members = preview_kpi(g.session, query, on)
    return views.show(
        "reports/kpi_preview",
        fragment="reports/_kpi_preview",
        code=code,
        total=total,
        members=members,
        days=PREVIEW_DAYS if query.window_days is None else min(query.window_days, PREVIEW_DAYS),
        words=query_words(console_texts(), query),
    )


def keep(code: str) -> ResponseReturnValue:
    """Keep a KPI, or a new version of it, unless somebody kept another one meanwhile."""
    t = console_texts()
    chosen = form.needed("code", LONGEST_CODE) if code == NEW else code
    if code != NEW:
        _refuse_stale(get_kpi(g.session, code))
    elif any(kpi.code == chosen for kpi in list_kpis(g.session)):
        raise KpiRefused(path="code", why=chosen)
    names = {
        language: name
        for language, field in (("zh-TW", "name"), ("en", "name_en"), ("ja", "name_ja"))
        if (name := form.text(field, LONGEST_NAME))
    }
    kpi = keep_kpi(
        g.session,
        chosen,
        names,
        _read_query().as_json(),
        by=current_staff().name,
        now=g.now,
    )
    drop_draft(g.session, current_staff(), f"kpi:{code}")
    log.info("kpi_kept", kpi=kpi.code, version=kpi.version, by=current_staff().id)
    return views.go(url_for("console.reports_show_kpis"), t("已儲存；明天起每天計算。"))


def end(code: str) -> ResponseReturnValue:
    """Count a KPI no more; what it came to stays."""
    t = console_texts()
    end_kpi(g.session, code, g.now)
    log.info("kpi_ended", kpi=code, by=current_staff().id)
    return views.go(url_for("console.reports_show_kpis"), t("已停用"))


def query_words(t: Texts, query: Query) -> str:
    """Return what a query counts, in words: 售出數量，商品＝TEA-01，近 30 天."""
    names = _names(t)
    narrowed = [names[name] + t("＝") + value for name, value in query.narrowed.items()]
    days = query.window_days
    window = t("全部期間") if days is None else t("近 {days} 天", days=t.number(days))
    return t("，").join([in_language(COUNTED[query.count].labels, t.language), *narrowed, window])


def _names(t: Texts) -> Mapping[str, str]:
    return {
        "sku": t("商品"),
        "category": t("類別"),
        "store": t("門市"),
        "gathering": t("聚會"),
        "mission": t("任務"),
        "stars_at_least": t("至少幾顆星"),
        "kind": t("瀏覽種類"),
        "metric": t("指標"),
        "take": t("怎麼算"),
    }


def _values_of(kpi: Kpi | None) -> dict[str, Any]:
    """Return a KPI as its form's fields."""
    if kpi is None:
        return {}
    query = {name: value for name, value in kpi.query.items() if name != "schema"}
    names = {"name": "zh-TW", "name_en": "en", "name_ja": "ja"}
    return query | {field: kpi.name.get(language, "") for field, language in names.items()}


def _refuse_stale(kpi: Kpi) -> None:
    if form.whole("draft_base") not in (None, kpi.version):
        raise form.Stale(name=maker_name(kpi.set_by), at=console_texts().moment(kpi.set_at))


def _read_query() -> Query:
    """Return the query in the form. Raises KpiRefused or FieldRefused."""
    count = form.needed_choice("count", COUNTED)
    words: dict[str, Any] = {"schema": SCHEMA, "count": count}
    for narrowing in COUNTED[count].narrowings:
        read = form.whole if narrowing.maximum else form.text
        value = read(narrowing.name)
        if value is not None:
            words[narrowing.name] = value
    window = form.whole("window_days", least=1, most=LONGEST_WINDOW_DAYS)
    return parse_query(words if window is None else words | {"window_days": window})


def _place(t: Texts, narrowing: Narrowing) -> Place:
    offered = _OFFERED.get(narrowing.name)
    listed = list(offered(t)) if offered is not None else []
    choices = [(each, _choice(t, each)) for each in narrowing.choices]
    if listed and narrowing.name not in TYPED:
        choices = listed
    return Place(
        narrowing.name,
        _names(t)[narrowing.name],
        [("", t("不限")), *choices] if choices else [],
        listed if narrowing.name in TYPED else [],
        narrowing.minimum,
        narrowing.maximum,
    )


def _choice(t: Texts, word: str) -> str:
    return {
        "times": t("算次數"),
        "sum": t("加總數值"),
        "view": t("看商品"),
        "cart": t("放入購物車"),
        "checkout": t("開始結帳"),
        "search": t("搜尋"),
    }.get(word, word)


def _items(_t: Texts) -> Iterable[tuple[str, str]]:
    rows = g.session.execute(
        select(CatalogueItem.sku, CatalogueItem.name)
        .where(CatalogueItem.archived_at.is_(None))
        .order_by(CatalogueItem.sku)
        .limit(MOST_OFFERED)
    )
    return [(sku, name) for sku, name in rows]


def _categories(_t: Texts) -> Iterable[tuple[str, str]]:
    rows = g.session.scalars(
        select(CatalogueItem.category)
        .where(CatalogueItem.category.is_not(None))
        .distinct()
        .order_by(CatalogueItem.category)
        .limit(MOST_OFFERED)
    )
    return [(name, name) for name in rows if name]


TYPED = ("sku", "category")
"""Any may be typed, for what was sold once may have left the catalogue."""
_OFFERED: Mapping[str, Callable[[Texts], Iterable[tuple[str, str]]]] = {
    "sku": _items,
    "category": _categories,
    "store": lambda t: [
        (store.code, in_language(store.name, t.language)) for store in list_stores(g.session)
    ],
    "gathering": lambda t: [
        (each.code, in_language(each.name, t.language))
        for each in g.session.scalars(select(Gathering).order_by(Gathering.id.desc()).limit(100))
    ],
    "mission": lambda t: [
        (each.code, in_language(each.name, t.language))
        for each in g.session.scalars(select(Mission).order_by(Mission.id).limit(100))
    ],
    "metric": lambda t: [
        (name, name + t("：") + meaning) for name, meaning in list_definitions(g.session).items()
    ],
}


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list and the forms."""
    blueprint.get("/reports/kpis", right="see", endpoint="reports_show_kpis")(show_list)
    form_path = "/reports/kpis/<code>"
    right = "reports.change"
    blueprint.get(form_path, right=right, endpoint="reports_show_kpi")(show_form)
    blueprint.post(form_path, right=right, endpoint="reports_keep_kpi")(keep)
    blueprint.post(f"{form_path}/preview", right=right, endpoint="reports_preview_kpi")(
        show_preview
    )
    blueprint.post(f"{form_path}/end", right=right, endpoint="reports_end_kpi")(end)
