"""How many a rule has right now, how many of them can be written to, and what that would cost."""

import math
from dataclasses import dataclass

from flask import g, request
from flask.typing import ResponseReturnValue

from handlers.console.door import ConsoleDoor, console_texts
from handlers.console.members.links import members_url
from handlers.console.segments.links import builder_url
from handlers.console.segments.typed import is_anything_typed, typed_rule
from handlers.console.segments.words import freshness_words, rule_words
from handlers.console.views import show
from models.base import in_language
from models.classification import get_any_class
from models.prepared import PreparedFigure
from models.quota import Cost, cost_of
from models.segment import Rule, Size, parse_rule, size_of
from models.segment.codes import check_codes
from models.segment.counting import find_count, want_count
from models.segment.keeping import get_version, rule_of
from models.segment.opening import class_rule
from models.segment.refusals import EmptyList, RuleRefused, shown


@dataclass(frozen=True)
class Sized:
    """A rule with its size and what writing to all of them once costs this month."""

    rule: Rule
    words: str
    size: Size
    cost: Cost
    freshness: tuple[str, str]
    counted: PreparedFigure | None
    """What was counted of the rule where its size is a sample's, or how far that is."""

    @property
    def more_twd(self) -> int:
        """Return what the messages add to the month's bill, in whole NT$, rounded up."""
        return math.ceil(self.cost.more_twd)

    @property
    def people(self) -> str:
        """Return where its members are listed."""
        return members_url(self.rule.as_json())

    @property
    def builder(self) -> str:
        """Return the builder, begun with this rule."""
        return builder_url(self.rule.as_json())


def sized(rule: Rule) -> Sized:
    """Size a rule. Raises UnknownCode where it names what the shop does not have."""
    check_codes(g.session, rule)
    return sized_as_kept(rule)


def sized_as_kept(rule: Rule) -> Sized:
    """Size a rule that is kept: what it names may have been archived since."""
    size = size_of(g.session, rule, g.now)
    cost = cost_of(g.session, size.reachable, g.now)
    counted = counted_of(rule, size)
    return Sized(rule, rule_words(rule), size, cost, freshness_words(size.freshness), counted)


def counted_of(rule: Rule, size: Size) -> PreparedFigure | None:
    """Return what was counted of a rule whose size is a sample's, or how far that is."""
    return find_count(g.session, rule) if size.sampled else None


def show_size() -> ResponseReturnValue:
    """Size what stands in the form right now; an unfinished rule is told what it still needs."""
    t = console_texts()
    if not is_anything_typed():
        return _show_unfinished(t("點左邊的格子，這裡就會算出人數與費用。"))
    try:
        found = sized(typed_rule())
    except EmptyList:
        return _show_unfinished(t("先加一個條件，這裡就會算出人數與費用。"))
    except RuleRefused as refused:
        return _show_unfinished(advice_on(refused), refused.facts["path"])
    is_cells = bool(request.form.get("cell"))
    return show("segments/size", fragment="segments/_size", sized=found, is_kept=not is_cells)


def advice_on(refused: RuleRefused) -> str:
    """Return what a rule still needs: a value that is not typed yet is no mistake."""
    t = console_texts()
    if refused.facts["found"] == shown(None):
        return t("有一格還沒填，填好就會算出人數。")
    return in_language(refused.facts["advice"], t.language)


def _show_unfinished(advice: str, path: str = "") -> ResponseReturnValue:
    return show("segments/size", fragment="segments/_size", advice=advice, path=path)


def count() -> ResponseReturnValue:
    """Have the rule of an open form counted one and all; its page asks how far that is."""
    rule = _typed_known_rule()
    want_count(g.session, rule, g.now)
    return _show_count(rule)


def show_count() -> ResponseReturnValue:
    """Tell what was counted of the rule of an open form, or how far that is."""
    return _show_count(_typed_known_rule())


def _typed_known_rule() -> Rule:
    rule = typed_rule()
    check_codes(g.session, rule)
    return rule


def _show_count(rule: Rule) -> ResponseReturnValue:
    return show(
        "segments/count",
        fragment="segments/_count",
        rule=rule.as_json(),
        counted=find_count(g.session, rule),
    )


def show_kept_size(code: str) -> ResponseReturnValue:
    """Size a kept segment as it is now, by its newest version."""
    found = sized_as_kept(rule_of(get_version(g.session, code)))
    return show("segments/size", fragment="segments/_size", sized=found, is_kept=True)


def show_class_size(model: str, code: str) -> ResponseReturnValue:
    """Size a class of a model as it is now. Raises UnknownModel or UnknownClass."""
    get_any_class(model, code)
    found = sized(parse_rule(class_rule(model, code)))
    return show("segments/size", fragment="segments/_size", sized=found)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses that size rules."""
    blueprint.post("/segments/size", right="see")(show_size)
    blueprint.post("/segments/count", right="see")(count)
    blueprint.post("/segments/count/state", right="see")(show_count)
    blueprint.get("/segments/of/<code>/size", right="see")(show_kept_size)
    blueprint.get("/models/<model>/<code>/size", right="see")(show_class_size)
