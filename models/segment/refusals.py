"""How a rule is refused: where in it, what was found there, and what would be possible."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, ClassVar

from models.base import BusinessError, Texts, said

MOST_NAMED = 20
"""So many possibilities are told at most; the nearest ones come first."""
LONGEST_FOUND = 60


class RuleRefused(BusinessError):
    """A rule says something that cannot be asked.

    `path` says where, `found` what stands there, `possible` what might, `advice` all of it in a
    sentence a language.
    """

    code = "rule_refused"
    texts: ClassVar[Texts] = said(
        "{path}：這裡不能這樣寫。",
        "{path}: this cannot stand here.",
        "{path}：この指定はできません。",
    )

    def __init__(
        self, path: str, found: Any = None, possible: Sequence[Any] = (), **facts: Any
    ) -> None:
        told = {
            "path": path,
            "found": shown(found),
            "possible": [str(each) for each in possible][:MOST_NAMED],
        } | facts
        listed = {language: _listed(told["possible"], language) for language in self.texts}
        advice = {
            language: text.format(**told | {"possible": listed[language]})
            for language, text in self.texts.items()
        }
        super().__init__(**told, advice=advice)


class NotARule(RuleRefused):
    """The rule is no JSON object of the form `{"schema": 1, "where": …}`."""

    code = "not_a_rule"
    texts = said(
        "{path}：看不懂的規則（{found}）。需要：{possible}。",
        "{path}: not a rule ({found}). Wanted: {possible}.",
        "{path}：ルールとして読めません（{found}）。必要な形：{possible}。",
    )


class SchemaUnknown(RuleRefused):
    """The rule is written in another version of the language."""

    code = "rule_schema_unknown"
    texts = said(
        "{path}：不支援的規則版本 {found}；可用：{possible}。",
        "{path}: the rule language has no version {found}; known: {possible}.",
        "{path}：ルールのバージョン {found} には対応していません。対応：{possible}。",
    )


class RuleTooLarge(RuleRefused):
    """The rule has more bytes than one may have."""

    code = "rule_too_large"
    texts = said(
        "規則共 {found} 位元組，上限 {limit}。",
        "The rule has {found} bytes; at most {limit} are allowed.",
        "ルールは {found} バイトあります。上限は {limit} です。",
    )


class TooDeep(RuleRefused):
    """Groups stand in groups more often than anybody can follow."""

    code = "rule_too_deep"
    texts = said(
        "{path}：條件群組超過 {limit} 層，請簡化或拆成兩個分群。",
        "{path}: groups are nested more than {limit} levels deep; simplify, or make two segments.",
        "{path}：条件グループの入れ子が {limit} 段を超えています。簡素化するか分けてください。",
    )


class TooManyLeaves(RuleRefused):
    """The rule asks more questions than one may."""

    code = "rule_too_many_conditions"
    texts = said(
        "條件超過 {limit} 個。",
        "There are more than {limit} conditions.",
        "条件が {limit} 個を超えています。",
    )


class TooManyValues(RuleRefused):
    """A list has more values than one may have."""

    code = "rule_too_many_values"
    texts = said(
        "{path}：清單有 {found} 個值，上限 {limit}；請改用標籤。",
        "{path}: the list has {found} values, at most {limit} are allowed; use a tag instead.",
        "{path}：値が {found} 個あります。上限は {limit} 個です。タグをご利用ください。",
    )


class EmptyList(RuleRefused):
    """A group or a list of values is empty."""

    code = "rule_empty_list"
    texts = said(
        "{path}：清單是空的，至少需要一項。",
        "{path}: the list is empty; it needs at least one entry.",
        "{path}：リストが空です。1 件以上必要です。",
    )


class UnknownKey(RuleRefused):
    """A part of a rule has a word that means nothing there, or lacks one that it needs."""

    code = "rule_unknown_key"
    texts = said(
        "{path}：不認得或缺少的項目「{found}」；可用：{possible}。",
        "{path}: {found} is not known here, or is missing; possible: {possible}.",
        "{path}：「{found}」は使えないか、不足しています。使えるもの：{possible}。",
    )


class DuplicateKey(RuleRefused):
    """An object says one thing twice, so that nobody knows which one holds."""

    code = "rule_duplicate_key"
    texts = said(
        "同一組內「{found}」出現兩次。",
        "{found} stands twice in one object.",
        "同じオブジェクトに「{found}」が 2 回あります。",
    )


class UnknownField(RuleRefused):
    """No field has this name."""

    code = "rule_unknown_field"
    texts = said(
        "{path}：沒有「{found}」這個欄位；相近的有：{possible}。",
        "{path}: there is no field {found}; the nearest are: {possible}.",
        "{path}：「{found}」という項目はありません。近いもの：{possible}。",
    )


class UnknownOperator(RuleRefused):
    """The field cannot be compared that way."""

    code = "rule_unknown_operator"
    texts = said(
        "{path}：這個欄位不能用「{found}」比較；可用：{possible}。",
        "{path}: this field cannot be compared by {found}; possible: {possible}.",
        "{path}：この項目に「{found}」は使えません。使えるもの：{possible}。",
    )


class UnknownOption(RuleRefused):
    """The option does not belong to the field, or a needed one is missing."""

    code = "rule_unknown_option"
    texts = said(
        "{path}：選項「{found}」不屬於這個欄位或缺少；可用：{possible}。",
        "{path}: the option {found} does not belong to this field, or is missing; "
        "possible: {possible}.",
        "{path}：オプション「{found}」はこの項目にないか、不足しています。使えるもの：{possible}。",
    )


class OptionsConflict(RuleRefused):
    """Two options contradict each other."""

    code = "rule_options_conflict"
    texts = said(
        "{path}：{found} 不能同時使用，請擇一。",
        "{path}: {found} cannot stand together; keep one.",
        "{path}：{found} は同時に使えません。いずれかにしてください。",
    )


class WrongType(RuleRefused):
    """A value is of another type than the field's."""

    code = "rule_wrong_type"
    texts = said(
        "{path}：{found} 的型別不對，需要：{possible}。",
        "{path}: {found} is of the wrong type; wanted: {possible}.",
        "{path}：{found} の型が違います。必要な型：{possible}。",
    )


class OutOfRange(RuleRefused):
    """A number is below or above what the field can be, or a range ends before it begins."""

    code = "rule_out_of_range"
    texts = said(
        "{path}：{found} 超出範圍，可用：{possible}。",
        "{path}: {found} is out of range; possible: {possible}.",
        "{path}：{found} は範囲外です。指定できる範囲：{possible}。",
    )


class NoSuchDay(RuleRefused):
    """The text is no day of the calendar."""

    code = "rule_no_such_day"
    texts = said(
        "{path}：沒有 {found} 這一天；請寫成 2026-11-22。",
        "{path}: there is no day {found}; write it as 2026-11-22.",
        "{path}：{found} という日はありません。2026-11-22 の形で書いてください。",
    )


class TextRefused(RuleRefused):
    """A text is empty, too long, or has characters that no text of ours has."""

    code = "rule_text_refused"
    texts = said(
        "{path}：文字需為 1 至 {limit} 字，且不含控制字元。",
        "{path}: a text has 1 to {limit} characters and no control characters.",
        "{path}：1〜{limit} 文字で、制御文字を含まない文字列にしてください。",
    )


class UnknownCode(RuleRefused):
    """The shop has nothing of this code: no such tier, store, coupon."""

    code = "rule_unknown_code"
    texts = said(
        "{path}：店內沒有「{found}」；可用：{possible}。",
        "{path}: the shop has no {found}; there are: {possible}.",
        "{path}：「{found}」は登録されていません。指定できるもの：{possible}。",
    )


def shown(found: Any) -> Any:
    """Return what was found, short enough to be repeated, as JSON takes it."""
    if found is None or isinstance(found, bool | int | float):
        return found
    text = "".join(c if c.isprintable() else "�" for c in str(found)[: LONGEST_FOUND + 1])
    return text if len(text) <= LONGEST_FOUND else text[:LONGEST_FOUND] + "…"


def nearest(found: object, known: Sequence[str]) -> list[str]:
    """Return the known words most like the one found, else all of them in order."""
    close = get_close_matches(str(found)[:LONGEST_FOUND], known, n=5, cutoff=0.5)
    return close or sorted(known)


def _listed(possible: Sequence[str], language: str) -> str:
    return (", " if language == "en" else "、").join(possible)
