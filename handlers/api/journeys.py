"""Journeys by API key: definitions in versions, switching, who is on the way, the numbers."""

from collections import Counter
from typing import Any

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.answering import Answer
from handlers.api.calls import language
from handlers.api.campaigns import CONTENT_REFUSALS
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.door import LOOKUPS, caller
from handlers.api.schemas.journeys import (
    JourneyAsked,
    JourneyLanguageTold,
    JourneyNumbersQuery,
    JourneyNumbersTold,
    JourneyPath,
    JourneyQuery,
    JourneyStepTold,
    JourneysTold,
    JourneyTold,
    JourneyTrialTold,
    JourneyTryAsked,
    JourneyVersionAsked,
    JourneyVisitsQuery,
    JourneyVisitsTold,
    JourneyVisitTold,
    JourneyWithDefinition,
    SignalTold,
    TriedStepTold,
    WordTold,
)
from handlers.api.segments import RULE_REFUSALS
from handlers.api.tags import JOURNEYS
from models.api_key import READ_JOURNEYS, WRITE_JOURNEYS
from models.base import in_language
from models.journey import (
    EXITS,
    TRIGGERS,
    Exit,
    Journey,
    Trigger,
    activate_journey,
    add_journey,
    archive_journey,
    change_journey,
    definition_of,
    get_journey,
    get_version,
    list_journeys,
    parse_definition,
    pause_journey,
)
from models.journey.numbers import (
    JourneyNumbers,
    Listed,
    count_by_state,
    count_journey,
    list_visits,
)
from models.journey.refusals import (
    DuplicateStep,
    JourneyChanged,
    JourneyExists,
    JourneyRefused,
    LoopWithoutWait,
    MissingNext,
    NameUnknown,
    NoSuchJourney,
    NotADefinition,
    TooManyJourneys,
    TooManySteps,
    UnknownStep,
    UnreachableStep,
    ValueRefused,
    WaitTooLong,
    WordUnknown,
    WrongState,
)
from models.journey.trying import try_journey
from models.journey.wording import cause_text, step_text
from models.member import NoSuchMember, get_member_by_number

NAMES_REFUSED = (*RULE_REFUSALS, *CONTENT_REFUSALS, NameUnknown)
DEFINITION_REFUSALS = (
    *NAMES_REFUSED,
    NotADefinition,
    WordUnknown,
    ValueRefused,
    MissingNext,
    UnknownStep,
    DuplicateStep,
    UnreachableStep,
    LoopWithoutWait,
    WaitTooLong,
    TooManySteps,
    JourneyRefused,
)
RESERVED = frozenset({"language"})
"""Words that stand in an address where a journey's code would."""
URL = "/api/v1/journeys"
LIST = "journey-visits"


def list_all_journeys() -> JourneysTold:
    """List the journeys that are not archived, each with how many visits stand how."""
    counts = count_by_state(g.session)
    return JourneysTold(
        items=[_tell(each, counts.get(each.code, Counter())) for each in list_journeys(g.session)]
    )


def get_one_journey(path: JourneyPath, query: JourneyQuery) -> JourneyWithDefinition:
    """Read a journey with its definition, the newest version unless told."""
    return _tell_whole(get_journey(g.session, path.code), query.version)


def create_journey(body: JourneyAsked) -> Answer:
    """Keep a journey with its first version, as a draft that starts nobody."""
    if body.code in RESERVED:
        raise JourneyRefused(what="code", found=body.code, wanted="another word")
    journey = add_journey(
        g.session,
        body.code,
        body.name.by_language(),
        parse_definition(body.definition),
        by=_who(),
        now=g.now,
        note=body.note,
    )
    return Answer(_tell_whole(journey), location=f"{URL}/{journey.code}")


def add_journey_version(path: JourneyPath, body: JourneyVersionAsked) -> Answer:
    """Give a journey a new version. Who is on the way finishes on theirs.

    `made_from` says which version you started from. Where somebody has made a newer one since,
    nothing is overwritten: the call is refused, and `facts` say by whom. The same definition again
    makes no version.
    """
    journey = change_journey(
        g.session,
        path.code,
        parse_definition(body.definition),
        made_from=body.made_from,
        by=_who(),
        now=g.now,
        note=body.note,
    )
    return Answer(_tell_whole(journey), location=f"{URL}/{journey.code}")


def activate_one_journey(path: JourneyPath) -> JourneyWithDefinition:
    """Switch a journey on: causes from now on start members, older ones nobody."""
    return _tell_whole(activate_journey(g.session, path.code, now=g.now))


def pause_one_journey(path: JourneyPath) -> JourneyWithDefinition:
    """Stop a journey where it stands: nobody starts, moves on or is sent anything by it."""
    return _tell_whole(pause_journey(g.session, path.code, now=g.now))


def archive_one_journey(path: JourneyPath) -> JourneyWithDefinition:
    """End a journey for good; who is on the way is taken off within minutes."""
    return _tell_whole(archive_journey(g.session, path.code, now=g.now))


def count_one_journey(path: JourneyPath, query: JourneyNumbersQuery) -> JourneyNumbersTold:
    """Count who came to each step, waits there, and left it, by which way."""
    get_journey(g.session, path.code)
    version = get_version(g.session, path.code, query.version)
    numbers = count_journey(g.session, path.code, query.version)
    steps = definition_of(version).steps
    others = [step_id for step_id in numbers.steps if step_id not in steps]
    does = {step_id: step_text(step, language()) for step_id, step in steps.items()}
    return JourneyNumbersTold(
        code=path.code,
        version=query.version,
        visits=dict(numbers.states),
        exits=dict(numbers.exits),
        steps=[_tell_step(numbers, each, does.get(each)) for each in (*steps, *others)],
    )


def list_journey_visits(path: JourneyPath, query: JourneyVisitsQuery) -> JourneyVisitsTold:
    """List who is, or was, on a journey, page by page; members by number alone."""
    get_journey(g.session, path.code)
    name = f"{LIST}:{path.code}:{query.state}:{query.step}"
    last = read_cursor(name, query.cursor)
    found = list_visits(
        g.session,
        path.code,
        state=query.state,
        step=query.step,
        after_id=last[0] if last else 0,
        limit=query.limit + 1,
    )
    shown = found[: query.limit]
    is_more = len(found) > len(shown)
    return JourneyVisitsTold(
        items=[_tell_visit(each) for each in shown],
        next=write_cursor(name, shown[-1].visit.id) if is_more else None,
    )


def try_one_journey(path: JourneyPath, body: JourneyTryAsked) -> JourneyTrialTold:
    """Say what a journey would do for a member, from their last cause on; nothing is done."""
    member = get_member_by_number(g.session, body.member)
    trial = try_journey(g.session, path.code, member.id, g.now, version=body.version)
    steps = definition_of(get_version(g.session, path.code, body.version)).steps
    return JourneyTrialTold(
        number=body.member,
        cause_at=trial.cause_at,
        kept_from=list(trial.kept_from),
        state=trial.state,
        reason=trial.exit_reason,
        steps=[
            TriedStepTold(
                at=each.at,
                step=each.step,
                next=each.aim,
                why=each.why,
                does=step_text(steps[each.step], language()),
                channel=each.channel,
            )
            for each in trial.steps
        ],
    )


def tell_journey_language() -> JourneyLanguageTold:
    """Tell what a definition may name: triggers with their words and facts, and exits."""
    return JourneyLanguageTold(
        triggers=[_tell_entry(each, each.facts) for each in TRIGGERS.values()],
        exits=[_tell_entry(each) for each in EXITS.values()],
    )


def _tell_entry(entry: Trigger | Exit, facts: tuple[str, ...] = ()) -> SignalTold:
    return SignalTold(
        code=entry.code,
        name=in_language(entry.names, language()),
        words=[
            WordTold(
                name=param.name,
                label=in_language(param.labels, language()),
                kind=param.kind,
                required=param.required,
            )
            for param in entry.params
        ],
        facts=list(facts),
    )


def _who() -> str:
    return f"api:{caller().key_id}"


def _tell(journey: Journey, counted: Counter[str]) -> JourneyTold:
    cause = definition_of(get_version(g.session, journey.code)).cause
    return JourneyTold(
        code=journey.code,
        name=in_language(journey.name, language()),
        state=journey.state,
        version=journey.version,
        trigger=cause_text(cause, language()),
        created_at=journey.created_at,
        active_since=journey.active_since,
        visits=dict(counted),
    )


def _tell_whole(journey: Journey, number: int | None = None) -> JourneyWithDefinition:
    version = get_version(g.session, journey.code, number)
    counted = count_by_state(g.session, journey.code).get(journey.code, Counter())
    told: dict[str, Any] = _tell(journey, counted).model_dump()
    return JourneyWithDefinition(
        **told,
        shown_version=version.version,
        definition=definition_of(version).as_json(),
        note=version.note,
        made_by=version.made_by,
        made_at=version.made_at,
    )


def _tell_step(numbers: JourneyNumbers, step_id: str, does: str | None) -> JourneyStepTold:
    counted = numbers.step(step_id)
    return JourneyStepTold(
        step=step_id,
        does=does,
        came=counted.came,
        waiting=counted.waiting,
        set_aside=counted.set_aside,
        gone=counted.gone,
        left_by=dict(counted.left),
    )


def _tell_visit(listed: Listed) -> JourneyVisitTold:
    visit = listed.visit
    return JourneyVisitTold(
        visit=visit.id,
        number=listed.number,
        version=visit.version,
        state=visit.state,
        step=visit.step,
        due_at=visit.due_at,
        cause_at=visit.cause_at,
        started_at=visit.started_at,
        ended_at=visit.ended_at,
        reason=visit.exit_reason,
    )


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the journeys' addresses."""
    _add_reading(blueprint)
    _add_writing(blueprint)


def _add_reading(blueprint: APIBlueprint) -> None:
    one, gone = "/journeys/<code>", (NoSuchJourney,)
    for rule, view, told, refusals in (
        ("/journeys", list_all_journeys, JourneysTold, ()),
        ("/journeys/language", tell_journey_language, JourneyLanguageTold, ()),
        (one, get_one_journey, JourneyWithDefinition, gone),
        (f"{one}/numbers", count_one_journey, JourneyNumbersTold, gone),
        (f"{one}/visits", list_journey_visits, JourneyVisitsTold, (*gone, "bad_cursor")),
    ):
        declare(
            blueprint,
            "GET",
            rule,
            view,
            tag=JOURNEYS,
            scope=READ_JOURNEYS,
            answers={200: told},
            refusals=refusals,
        )
    declare(
        blueprint,
        "POST",
        f"{one}/try",
        try_one_journey,
        tag=JOURNEYS,
        scope=READ_JOURNEYS,
        answers={200: JourneyTrialTold},
        refusals=(*gone, NoSuchMember),
        limit=LOOKUPS,
        once=False,
    )


def _add_writing(blueprint: APIBlueprint) -> None:
    one = "/journeys/<code>"
    declare(
        blueprint,
        "POST",
        "/journeys",
        create_journey,
        tag=JOURNEYS,
        scope=WRITE_JOURNEYS,
        answers={201: JourneyWithDefinition},
        refusals=(*DEFINITION_REFUSALS, JourneyExists, TooManyJourneys),
    )
    declare(
        blueprint,
        "POST",
        f"{one}/versions",
        add_journey_version,
        tag=JOURNEYS,
        scope=WRITE_JOURNEYS,
        answers={201: JourneyWithDefinition},
        refusals=(*DEFINITION_REFUSALS, NoSuchJourney, JourneyChanged, WrongState),
    )
    for name, view in (
        ("activate", activate_one_journey),
        ("pause", pause_one_journey),
        ("archive", archive_one_journey),
    ):
        declare(
            blueprint,
            "POST",
            f"{one}/{name}",
            view,
            tag=JOURNEYS,
            scope=WRITE_JOURNEYS,
            answers={200: JourneyWithDefinition},
            refusals=(*NAMES_REFUSED, NoSuchJourney, WrongState),
        )
