"""A rule in words: one sentence a language, as a marketer would say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from models.base import Texts, in_language, said
from models.segment.codes import Names
from models.segment.explaining import Answer
from models.segment.field import OPERATORS, Field, Leaf, Option, written_value
from models.segment.rule import Node, Not, Rule

MOST_SHOWN = 10
"""So many values of a list are named; of the rest only how many they are."""
_JOINED = {"all": said(" 且 ", " and ", " かつ "), "any": said(" 或 ", " or ", " または ")}
_NOT = said("非（{}）", "not ({})", "「{}」ではない")
_GROUPED = said("（{}）", "({})", "（{}）")
_LISTED = said("、", ", ", "、")
_AND_MORE = said("等 {} 項", " and others, {} in all", "など {} 件")
_RANGE = said("{}–{}", "{} and {}", "{}〜{}")
_NO = said("{}：否", "{}: no", "{}：いいえ")
_NOTHING = said("無資料", "nothing known", "情報なし")
_YES_OR_NO = {True: said("是", "yes", "はい"), False: said("否", "no", "いいえ")}
_ANSWERED = said("{asked}（實際：{found}）", "{asked} (found: {found})", "{asked}（実際：{found}）")


def describe(rule: Rule, language: str, names: Names | None = None) -> str:
    """Return the rule as a sentence; codes by what they are called where `names` tells it."""
    return _Speaker(language, names or {}).node(rule.where, is_outermost=True)


def describe_answer(answer: Answer, language: str, names: Names | None = None) -> str:
    """Return one answer of an explanation in words: what was asked, and what was found."""
    speaker = _Speaker(language, names or {})
    return in_language(_ANSWERED, language).format(
        asked=speaker.leaf(answer.leaf), found=speaker.found(answer.leaf.field, answer.found)
    )


@dataclass(frozen=True)
class _Speaker:
    """Says rules in one language."""

    language: str
    names: Names = field(default_factory=dict)

    def _in(self, texts: Texts) -> str:
        return in_language(texts, self.language)

    def node(self, node: Node, *, is_outermost: bool = False) -> str:
        if isinstance(node, Leaf):
            return self.leaf(node)
        if isinstance(node, Not):
            return self._in(_NOT).format(self.node(node.node, is_outermost=True))
        said_nodes = [self.node(each) for each in node.nodes]
        joined = self._in(_JOINED[node.word]).join(said_nodes)
        is_alone = is_outermost or len(said_nodes) == 1
        return joined if is_alone else self._in(_GROUPED).format(joined)

    def leaf(self, leaf: Leaf) -> str:
        asked, phrases = leaf.field, self._phrases(leaf)
        label = self._in(asked.labels)
        parts = [label, *phrases] if self.language == "en" else [*phrases, label]
        about = " ".join(parts) if self.language == "en" else "".join(parts)
        if asked.kind == "boolean":
            return about if leaf.value else self._in(_NO).format(about)
        compared = self._in(OPERATORS[leaf.operator].labels).format(self._value(leaf))
        return f"{about} {compared}" if self.language != "ja" else f"{about}{compared}"

    def found(self, asked: Field, found: Any) -> str:
        """Return a fact as it was found, with its unit."""
        if found is None or found == []:
            return self._in(_NOTHING)
        if isinstance(found, list):
            return self._list([self._named(asked, each) for each in found])
        text = self._named(asked, found)
        return self._in(asked.unit).format(text) if asked.unit else text

    def _phrases(self, leaf: Leaf) -> list[str]:
        """Return what narrows the field, in words; a boolean option only where it is set."""
        return [
            self._in(option.phrases).format(self._several(option, leaf.options[option.name]))
            for option in leaf.field.options
            if option.name in leaf.options and leaf.options[option.name] is not False
        ]

    def _value(self, leaf: Leaf) -> str:
        asked = leaf.field
        if OPERATORS[leaf.operator].takes == "pair" and isinstance(leaf.value, tuple):
            text = self._in(_RANGE).format(*(self._named(asked, each) for each in leaf.value))
        else:
            text = self._several(asked, leaf.value)
        return self._in(asked.unit).format(text) if asked.unit else text

    def _several(self, asked: Field | Option, value: Any) -> str:
        values = value if isinstance(value, tuple) else (value,)
        return self._list([self._named(asked, each) for each in values])

    def _list(self, words: list[str]) -> str:
        listed = self._in(_LISTED).join(words[:MOST_SHOWN])
        if len(words) <= MOST_SHOWN:
            return listed
        return listed + self._in(_AND_MORE).format(len(words))

    def _named(self, asked: Field | Option, value: Any) -> str:
        """Return one value in words: a code by its name, a number with its thousands marked."""
        if isinstance(value, bool):
            return self._in(_YES_OR_NO[value])
        if isinstance(value, int):
            return f"{value:,}"
        known: Mapping[str, Texts] = self.names.get(asked.choices, {}) if asked.choices else {}
        if value in known:
            return self._in(known[value])
        return str(written_value(value))
