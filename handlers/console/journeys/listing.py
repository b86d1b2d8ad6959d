"""The list of journeys: who is on the way, who left, and what came of it."""

from collections import Counter
from dataclasses import dataclass

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.journeys.words import TONES, names_in_shop, state_name
from models.insight.journey_prepared import RESULTS, Result, results_of
from models.journey import Journey, definition_of, list_journeys
from models.journey.counted import find_states
from models.journey.keeping import list_newest
from models.journey.table import ACTIVE, ARCHIVED, DRAFT, PAUSED
from models.journey.wording import cause_text
from models.prepared import find_prepared

FILTERS = (ACTIVE, PAUSED, DRAFT, ARCHIVED)


@dataclass(frozen=True)
class Line:
    """One journey in the list."""

    journey: Journey
    cause: str
    counts: Counter[str]
    result: Result | None


def show_list() -> ResponseReturnValue:
    """Show the journeys, those in one state where it is asked."""
    t = console_texts()
    asked = request.args.get("state")
    journeys = list_journeys(g.session, with_archived=True)
    shown = [each for each in journeys if asked == each.state or _is_usual(each, asked)]
    newest, names = list_newest(g.session), names_in_shop(g.session, t.language)
    states, figure = find_states(g.session, g.now), find_prepared(g.session, RESULTS)
    results = results_of(figure)
    lines = [
        Line(
            journey,
            cause_text(definition_of(newest[journey.code]).cause, t.language, names),
            states.counts.get(journey.code, Counter()),
            results.get(journey.code),
        )
        for journey in shown
    ]
    return views.show(
        "journeys/list",
        lines=lines,
        asked=asked,
        filters=[(state, state_name(t, state)) for state in FILTERS],
        numbers_as_of=states.as_of,
        figure=figure,
        figure_name=RESULTS,
        tones=TONES,
        state_name=lambda state: state_name(t, state),
    )


def _is_usual(journey: Journey, asked: str | None) -> bool:
    """Tell whether a journey is shown where no state, or none there is, is asked for."""
    return asked not in FILTERS and journey.state != ARCHIVED


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list."""
    blueprint.get("/journeys", right="see", endpoint="journeys_show_list")(show_list)
