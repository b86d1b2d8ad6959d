"""Surveys: a question with scores or reasons to tap, and thanks for what was answered."""

from dataclasses import dataclass
from typing import Final, Literal

from bot import Message
from bot.cards.colour import EDGE, LEAF, QUIET, TEA
from bot.cards.parts import (
    Part,
    bubble,
    button,
    clip,
    column,
    flex_message,
    member_replies,
    paragraph,
    postback,
    quick_reply,
    row,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import View

MAX_QUESTION: Final = 240
NPS_SCORES: Final = (range(6), range(6, 11))
_FACES: Final = ("😞", "🙁", "😐", "🙂", "😍")


@dataclass(frozen=True)
class SurveyView(View):
    """What one person is asked: which asking it is, and the taps offered."""

    answer: int
    kind: Literal["csat", "nps", "exit"]
    question: str
    reasons: tuple[tuple[str, str], ...] = ()
    """Code and name of each reason."""


def survey_question(t: Texts, view: SurveyView) -> list[Message]:
    """Ask: the answers stand in the card, which stays, and as quick replies, which are nearer."""
    drawers = {"csat": _faces, "nps": _scale, "exit": _reasons}
    body = titled(clip(view.question, MAX_QUESTION), *drawers[view.kind](t, view))
    card = flex_message(clip(view.question, MAX_QUESTION), bubble(body))
    return with_quick_replies([card], [quick_reply(tap) for tap in _taps(t, view)])


def _taps(t: Texts, view: SurveyView) -> list[Part]:
    if view.kind == "exit":
        return _reason_taps(view)
    if view.kind == "nps":
        return [_tap(view, str(score), score) for scores in NPS_SCORES for score in scores]
    labels = (t("很不滿意"), t("不太滿意"), t("普通"), t("滿意"), t("非常滿意"))
    return [
        _tap(view, f"{face} {label}", score)
        for score, (face, label) in enumerate(zip(_FACES, labels, strict=True), start=1)
    ]


def _tap(view: SurveyView, label: str, score: int) -> Part:
    return postback(label, Action.ANSWER_SURVEY, answer=view.answer, score=score)


def _reason_taps(view: SurveyView) -> list[Part]:
    return [
        postback(name, Action.GIVE_REASON, answer=view.answer, reason=code)
        for code, name in view.reasons
    ]


def _faces(t: Texts, view: SurveyView) -> list[Part]:
    cells = [
        column(
            text(face, size="xxl", align="center"),
            text(str(score), size="xs", color=QUIET, align="center"),
            flex=1,
            paddingAll="4px",
            action=tap,
        )
        for score, (face, tap) in enumerate(zip(_FACES, _taps(t, view), strict=True), start=1)
    ]
    return [row(*cells, spacing="xs"), _ends(t("很不滿意"), t("非常滿意"))]


def _scale(t: Texts, view: SurveyView) -> list[Part]:
    rows = [row(*(_cell(view, score) for score in scores), spacing="sm") for scores in NPS_SCORES]
    return [column(*rows, spacing="sm"), _ends(t("0 完全不會"), t("10 一定會"))]


def _cell(view: SurveyView, score: int) -> Part:
    return column(
        text(str(score), size="md", weight="bold", color=TEA, align="center"),
        flex=1,
        paddingAll="8px",
        cornerRadius="8px",
        borderWidth="1px",
        borderColor=EDGE,
        backgroundColor=LEAF,
        action=_tap(view, str(score), score),
    )


def _ends(low: str, high: str) -> Part:
    return row(
        text(low, size="xxs", color=QUIET),
        text(high, size="xxs", color=QUIET, align="end"),
    )


def _reasons(t: Texts, view: SurveyView) -> list[Part]:
    look = {"style": "secondary", "color": LEAF}
    return [
        paragraph(t("點一下最接近的原因就好，我們會認真改進。"), size="xs", color=QUIET),
        *(button(tap, **look) for tap in _reason_taps(view)),
    ]


def survey_thanks(
    t: Texts, view: SurveyView, *, points: int, asks_reason: bool, asks_words: bool
) -> list[Message]:
    """Thank for a tap; ask for the reason or for a sentence, where one is still asked for."""
    thanks = t("收到，謝謝您！")
    if points:
        thanks += t("送您 {points} 點。", points=t.number(points))
    skip = quick_reply(postback(t("先不用"), Action.CANCEL))
    if asks_reason:
        words = t("最主要的原因是什麼呢？點一個，或直接輸入想說的話。")
        taps = [quick_reply(tap) for tap in _reason_taps(view)]
        return with_quick_replies([text_message(thanks + words)], [*taps, skip])
    if asks_words:
        words = t("想多說一句嗎？直接輸入文字就可以；不想說就點「先不用」。")
        return with_quick_replies([text_message(thanks + words)], [skip])
    return with_quick_replies([text_message(thanks)], member_replies(t))


def survey_heard(t: Texts) -> list[Message]:
    """Thank for the sentence."""
    words = t("謝謝您告訴我們，我們會仔細看！")
    return with_quick_replies([text_message(words)], member_replies(t))


def survey_refused(
    t: Texts, code: str, *, score: int | None = None, longest: int = 0
) -> list[Message]:
    """Say why a tap or a sentence was not taken."""
    answered = (
        t("這份問卷您已經回答過了，謝謝您！")
        if score is None
        else t("這份問卷您已經回答過了（{score} 分），謝謝您！", score=score)
    )
    words = {
        "survey_answered": answered,
        "survey_closed": t("這份問卷已經結束了，謝謝您還記得我們！"),
        "survey_words_too_long": t(
            "有點太長了，請縮短到 {count} 個字以內，再輸入一次。", count=longest
        ),
    }.get(code, t("這份問卷現在不能回答。"))
    return with_quick_replies([text_message(words)], member_replies(t))
