"""Models of members: counted on any day, explained, set side by side; analyses and forecasts."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.calls import language
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS
from handlers.api.schemas.segment_models import (
    ActionTold,
    AlertsTold,
    AlertTold,
    AnalysesTold,
    AnalysisAsked,
    AnalysisListed,
    AnalysisPath,
    AnalysisTold,
    CellTold,
    ClassTold,
    CrossQuery,
    CrossTold,
    CycleTold,
    ForecastTold,
    MatrixQuery,
    MatrixTold,
    MemberClassTold,
    ModelMemberPath,
    ModelPath,
    ModelQuery,
    ModelTold,
    MoveTold,
    ParameterTold,
    PredictionTold,
    ProspectsTold,
)
from handlers.api.tags import SEGMENTS
from handlers.class_words import class_rule_in_words, group_in_words, reading_in_words
from models.analysis import ANALYSES, get_analysis
from models.analysis.refusals import (
    EdgesRefused,
    MarginUnknown,
    NoSuchAnalysis,
    NoSuchTier,
    ParameterRefused,
)
from models.api_key import READ_SEGMENTS
from models.base import in_language
from models.classification import (
    ClassAlert,
    ClassCounts,
    DaysOutOfOrder,
    MemberClass,
    count_classes,
    cross_table,
    get_any_class,
    get_any_model,
    list_alerts,
    migration_matrix,
)
from models.lifecycle import NASLD, PROSPECT, RFM, Cycle, LifecycleSettings, class_key, get_settings
from models.lifecycle.action import Action, list_actions
from models.lifecycle.explaining import explain_class
from models.lifecycle.refusals import BeforeTheShopOpened, DayNotYet, NotAMemberThen
from models.lifecycle.wording import cycle_text
from models.local_day import day_text
from models.member import Member, NoSuchMember, get_member_by_number
from models.prediction import (
    MemberForecast,
    NoForecastYet,
    NotEnoughToPredict,
    get_fit,
    list_likeliest,
)
from models.rfm import get_rfm_settings

DAY_REFUSALS = (DayNotYet, BeforeTheShopOpened)
MOST_LIKELIEST = 100


def count_model(path: ModelPath, query: ModelQuery) -> ModelTold:
    """Count a model's classes, now or at a past day's end, with rules, cycle and actions.

    `nasld` and both `napl` are live; `rfm` is as of last night.
    """
    counts = count_classes(g.session, path.model, now=g.now, on=query.on)
    settings, spoken = get_settings(g.session, counts.on), language()
    version = get_rfm_settings(g.session, counts.on).version if path.model == RFM else None
    return ModelTold(
        model=path.model,
        name=in_language(get_any_model(path.model).name, spoken),
        on=counts.on,
        as_of=counts.as_of,
        members=counts.members,
        net_twd=counts.net_twd,
        classes=_tell_classes(counts, settings, spoken),
        prospects=_tell_prospects(counts, spoken),
        cycle=_tell_cycle(settings.cycle, spoken) if path.model == NASLD else None,
        settings_version=version if path.model == RFM else settings.version,
        reading=reading_in_words(g.session, path.model, counts.on, spoken),
    )


def _tell_classes(counts: ClassCounts, settings: LifecycleSettings, spoken: str) -> list[ClassTold]:
    actions = {action.code: action for action in list_actions(g.session, counts.model)}
    return [
        ClassTold(
            key=class_key(counts.model, each.code),
            name=in_language(get_any_class(counts.model, each.code).name, spoken),
            rule=class_rule_in_words(counts.model, each.code, settings, spoken),
            members=each.members,
            share=counts.share(each.code),
            net_twd=each.net_twd,
            net_share=counts.net_share(each.code),
            action=_tell_action(actions[each.code], spoken),
        )
        for each in counts.classes
    ]


def _tell_action(action: Action, spoken: str) -> ActionTold:
    return ActionTold(
        title=in_language(action.title, spoken),
        advice=in_language(action.advice, spoken),
        coupon=action.template_code,
        paid_push=action.paid_push,
        set_by=action.set_by,
    )


def _tell_prospects(counts: ClassCounts, spoken: str) -> ProspectsTold | None:
    if counts.prospects is None:
        return None
    key, name = _key_and_name(counts.model, PROSPECT, spoken)
    return ProspectsTold(key=key, name=name, members=counts.prospects)


def _key_and_name(model: str, code: str, spoken: str) -> tuple[str, str]:
    """Return a class by key and name; beside RFM, who never bought goes by NASLD's."""
    named = NASLD if (model, code) == (RFM, PROSPECT) else model
    return class_key(named, code), in_language(get_any_class(named, code).name, spoken)


def _tell_cycle(cycle: Cycle, spoken: str) -> CycleTold:
    return CycleTold(
        days=cycle.days,
        level=cycle.level,
        source=cycle.source,
        members=cycle.members,
        intervals=cycle.intervals,
        measured_on=cycle.measured_on,
        by_category=dict(cycle.by_category),
        text=cycle_text(cycle, spoken),
    )


def tell_migration(path: ModelPath, query: MatrixQuery) -> MatrixTold:
    """Count who went from which class to which between the ends of two days."""
    found = migration_matrix(g.session, path.model, query.from_day, query.to_day, now=g.now)
    return MatrixTold(
        model=path.model,
        from_day=found.from_day,
        to_day=found.to_day,
        moves=[
            MoveTold(
                from_key=None if move.from_class is None else _key(path.model, move.from_class),
                to_key=_key(path.model, move.to_class),
                members=move.members,
            )
            for move in found.moves
        ],
    )


def _key(model: str, code: str) -> str:
    return _key_and_name(model, code, language())[0]


def cross_models(query: CrossQuery) -> CrossTold:
    """Count the members in each pair of classes of two models, now or at a past day's end."""
    found = cross_table(g.session, query.a, query.b, now=g.now, on=query.on)
    return CrossTold(
        a=query.a,
        b=query.b,
        on=found.on,
        cells=[
            CellTold(
                a=_key(query.a, cell.a),
                b=_key(query.b, cell.b),
                members=cell.members,
                net_twd=cell.net_twd,
            )
            for cell in found.cells
        ],
    )


def explain_member_class(path: ModelMemberPath, query: ModelQuery) -> MemberClassTold:
    """Say in which class of a model a member is, and why: the deciding facts, rule, version, day.

    `rfm` is as of last night, and knows no other day.
    """
    member = get_member_by_number(g.session, path.number)
    if path.model == RFM:
        return _tell_group(member)
    found, spoken = explain_class(g.session, member, path.model, now=g.now, on=query.on), language()
    return MemberClassTold(
        number=member.number,
        key=found.key,
        name=in_language(get_any_class(path.model, found.code).name, spoken),
        as_of=found.as_of,
        settings_version=found.settings.version,
        facts=found.as_json()["facts"] | found.as_json()["thresholds"],
        text=found.lines(spoken),
    )


def _tell_group(member: Member) -> MemberClassTold:
    """Return a member's RFM group of last night. Raises NotAMemberThen before their first."""
    found, spoken = g.session.get(MemberClass, member.id), language()
    if found is None:
        raise NotAMemberThen
    key, name = _key_and_name(RFM, found.rfm_group or PROSPECT, spoken)
    return MemberClassTold(
        number=member.number,
        key=key,
        name=name,
        as_of=found.as_of,
        settings_version=None,
        facts={
            "last_on": day_text(found.last_on),
            "frequency": found.frequency,
            "monetary_twd": found.monetary_twd,
            "recency_score": found.r_score,
            "frequency_score": found.f_score,
            "monetary_score": found.m_score,
        },
        text=group_in_words(found, spoken),
    )


def list_class_alerts() -> AlertsTold:
    """List the classes whose share has moved further than the shop wants to overlook."""
    return AlertsTold(items=[_tell_alert(alert) for alert in list_alerts(g.session)])


def _tell_alert(alert: ClassAlert) -> AlertTold:
    key, name = _key_and_name(alert.model, alert.class_code, language())
    return AlertTold(
        id=alert.id,
        day=alert.day,
        key=key,
        name=name,
        kind=alert.kind,
        compared_with=alert.before_on,
        share_before=alert.before_members / alert.before_total,
        share=alert.members / alert.total,
        rules_changed=alert.rules_changed,
    )


def list_analyses() -> AnalysesTold:
    """List the analyses there are, with what each may be asked."""
    spoken = language()
    return AnalysesTold(
        items=[
            AnalysisListed(
                name=analysis.name,
                title=in_language(dict(analysis.title), spoken),
                parameters=[
                    ParameterTold(
                        name=parameter.name,
                        title=in_language(dict(parameter.title), spoken),
                        possible=parameter.possible,
                    )
                    for parameter in analysis.parameters
                ],
            )
            for analysis in ANALYSES.values()
        ]
    )


def run_analysis(path: AnalysisPath, body: AnalysisAsked) -> AnalysisTold:
    """Run an analysis; what is left out is as the list of analyses says. Nothing is kept."""
    analysis = get_analysis(path.name)
    return AnalysisTold(
        name=analysis.name,
        title=in_language(dict(analysis.title), language()),
        as_of=g.now,
        result=analysis.run(g.session, g.now, body.parameters).as_json(),
    )


def tell_prediction() -> PredictionTold:
    """Tell the newest fit, how good it was, and the hundred likeliest to buy in 14 days.

    A rule asks the forecasts by their own fields; see `GET /segments/fields`.
    """
    fit = get_fit(g.session)
    return PredictionTold(
        as_of=fit.as_of,
        fitted_at=fit.fitted_at,
        buyers=fit.buyers,
        repeaters=fit.repeaters,
        parameters=fit.parameters or {},
        back_test=fit.back_test,
        likeliest=[
            _tell_forecast(member, forecast)
            for member, forecast in list_likeliest(g.session, limit=MOST_LIKELIEST)
        ],
    )


def _tell_forecast(member: Member, forecast: MemberForecast) -> ForecastTold:
    return ForecastTold(
        number=member.number,
        likely=forecast.likely,
        top_percent=forecast.likely_top,
        risk=forecast.risk,
        expected_orders_90=forecast.orders_90,
        expected_net_twd_90=forecast.value_90_twd,
        next_on=forecast.next_on,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of models, analyses and forecasts."""
    _add_models(blueprint)
    _add_others(blueprint)


def _add_models(blueprint: APIBlueprint) -> None:
    one = "/segments/models/<model>"
    declare(
        blueprint,
        "GET",
        one,
        count_model,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: ModelTold},
        refusals=DAY_REFUSALS,
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        f"{one}/matrix",
        tell_migration,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: MatrixTold},
        refusals=(*DAY_REFUSALS, DaysOutOfOrder),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        f"{one}/members/<number>",
        explain_member_class,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: MemberClassTold},
        refusals=(*DAY_REFUSALS, NoSuchMember, NotAMemberThen),
        limit=LOOKUPS,
    )
    declare(
        blueprint,
        "GET",
        "/segments/cross",
        cross_models,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: CrossTold},
        refusals=DAY_REFUSALS,
        limit=LOOKUPS,
    )


def _add_others(blueprint: APIBlueprint) -> None:
    declare(
        blueprint,
        "GET",
        "/segments/alerts",
        list_class_alerts,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: AlertsTold},
    )
    declare(
        blueprint,
        "GET",
        "/segments/analyses",
        list_analyses,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: AnalysesTold},
    )
    declare(
        blueprint,
        "POST",
        "/segments/analyses/<name>",
        run_analysis,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: AnalysisTold},
        refusals=(
            *DAY_REFUSALS,
            NoSuchAnalysis,
            ParameterRefused,
            EdgesRefused,
            MarginUnknown,
            NoSuchTier,
        ),
        limit=LOOKUPS,
        once=False,
    )
    declare(
        blueprint,
        "GET",
        "/segments/prediction",
        tell_prediction,
        tag=SEGMENTS,
        scope=READ_SEGMENTS,
        answers={200: PredictionTold},
        refusals=(NoForecastYet, NotEnoughToPredict),
        limit=LOOKUPS,
    )
