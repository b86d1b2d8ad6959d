"""How a journey is refused: where in its definition, what stands there, what would be possible."""

from typing import Any, TypeVar

from models.base import BusinessError, said
from models.segment.refusals import RuleRefused


class DefinitionRefused(RuleRefused):
    """A definition says something that no journey can do; `path` says where."""

    code = "journey_definition_refused"


class NotADefinition(DefinitionRefused):
    """The definition, or a part of it, is not of the form that is wanted there."""

    code = "journey_not_a_definition"
    texts = said(
        "{path}：看不懂的寫法（{found}）。需要：{possible}。",
        "{path}: cannot be read ({found}). Wanted: {possible}.",
        "{path}：読み取れません（{found}）。必要な形：{possible}。",
    )


class WordUnknown(DefinitionRefused):
    """A word means nothing there, or one that is needed is missing."""

    code = "journey_unknown_word"
    texts = said(
        "{path}：不認得或缺少「{found}」；可用：{possible}。",
        "{path}: {found} is not known here, or is missing; possible: {possible}.",
        "{path}：「{found}」は使えないか、不足しています。使えるもの：{possible}。",
    )


class ValueRefused(DefinitionRefused):
    """A value is of the wrong type, or out of its range."""

    code = "journey_wrong_value"
    texts = said(
        "{path}：不能是 {found}；可用：{possible}。",
        "{path}: cannot be {found}; possible: {possible}.",
        "{path}：{found} は指定できません。指定できるもの：{possible}。",
    )


class MissingNext(DefinitionRefused):
    """A step does not say where it leads; the end is written `null`."""

    code = "journey_missing_next"
    texts = said(
        "{path}：沒有寫「{found}」；請填下一步的代碼，旅程到此結束就填 null。",
        "{path}: {found} is missing; name the next step, or null where the journey ends.",
        "{path}：「{found}」がありません。次のステップを指定し、終わりなら null としてください。",
    )


class UnknownStep(DefinitionRefused):
    """A step leads to one that is not there."""

    code = "journey_unknown_step"
    texts = said(
        "{path}：沒有「{found}」這個步驟；有：{possible}。",
        "{path}: there is no step {found}; there are: {possible}.",
        "{path}：ステップ「{found}」はありません。あるもの：{possible}。",
    )


class DuplicateStep(DefinitionRefused):
    """Two steps have one id."""

    code = "journey_duplicate_step"
    texts = said(
        "{path}：步驟代碼「{found}」重複了。",
        "{path}: the step id {found} stands twice.",
        "{path}：ステップ「{found}」が重複しています。",
    )


class UnreachableStep(DefinitionRefused):
    """No way leads to a step."""

    code = "journey_unreachable_step"
    texts = said(
        "{path}：沒有任何步驟會走到「{found}」。",
        "{path}: no way leads to the step {found}.",
        "{path}：「{found}」へ進むステップがありません。",
    )


class LoopWithoutWait(DefinitionRefused):
    """A way leads back to itself, and nothing on it waits."""

    code = "journey_loop_without_wait"
    texts = said(
        "{path}：「{possible}」繞成一圈卻沒有等待，會永遠停不下來。",
        "{path}: {possible} go round in a circle without a wait, and would never end.",
        "{path}：「{possible}」が待機なしで循環しており、終わりません。",
    )


class WaitTooLong(DefinitionRefused):
    """A wait is longer than anybody remembers why."""

    code = "journey_wait_too_long"
    texts = said(
        "{path}：等待 {found} 天太久，最多 {limit} 天。",
        "{path}: a wait of {found} days is too long; at most {limit}.",
        "{path}：{found} 日の待機は長すぎます。最長 {limit} 日です。",
    )


class TooManySteps(DefinitionRefused):
    """There are more steps than anybody can follow."""

    code = "journey_too_many_steps"
    texts = said(
        "{path}：共 {found} 個步驟，最多 {limit} 個。",
        "{path}: {found} steps; at most {limit} are allowed.",
        "{path}：ステップが {found} 個あります。上限は {limit} 個です。",
    )


class NameUnknown(DefinitionRefused):
    """The shop has nothing of this code: no such segment, coupon, tag, survey."""

    code = "journey_unknown_code"
    texts = said(
        "{path}：店內沒有「{found}」；可用：{possible}。",
        "{path}: the shop has no {found}; there are: {possible}.",
        "{path}：「{found}」は登録されていません。指定できるもの：{possible}。",
    )


class NoSuchJourney(BusinessError):
    """No journey has this code, or not this version."""

    code = "no_such_journey"


class NoSuchVisit(BusinessError):
    """No visit of this journey has this id."""

    code = "no_such_journey_visit"


class JourneyExists(BusinessError):
    """A journey of this code is there; a new definition for it is a new version."""

    code = "journey_exists"


class JourneyRefused(BusinessError):
    """A code, name or note will not do; `what` says which, `wanted` what would."""

    code = "journey_refused"


class JourneyChanged(BusinessError):
    """Somebody made a newer version meanwhile; `version` says which."""

    code = "journey_changed"


class WrongState(BusinessError):
    """The journey cannot do that as it stands; `state` says how, `possible` from where one may."""

    code = "journey_wrong_state"


class TooManyJourneys(BusinessError):
    """There are as many journeys as anybody can oversee; archive one first."""

    code = "too_many_journeys"


class StepsMissing(BusinessError):
    """Members stand at steps that the new version does not have; `steps` says which."""

    code = "journey_steps_missing"


_Refused = TypeVar("_Refused", bound=RuleRefused)


def moved_under(path: str, refused: _Refused) -> _Refused:
    """Return the refusal of an inner part with its place in the whole."""
    facts: dict[str, Any] = dict(refused.facts)
    facts.pop("advice")
    inner, found, possible = facts.pop("path"), facts.pop("found"), facts.pop("possible")
    return type(refused)(".".join(filter(None, (path, inner))), found, possible, **facts)
