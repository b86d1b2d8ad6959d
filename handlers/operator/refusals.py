"""What a rule's no says to whoever typed a command: its code, and a sentence where we have one."""

from collections.abc import Mapping

from models.base import BusinessError, in_language

LANGUAGE = "zh-TW"
SENTENCES: Mapping[str, str] = {
    "day_not_yet": "{on} 還沒到，今天是 {today}；請選今天或更早的日子。",
    "before_the_shop_opened": "{on} 還沒有會員；第一位在 {opened_on} 加入，請選之後的日子。",
    "not_a_member_then": "這位會員當時還沒加入，或已離開、已併入其他卡。",
    "unknown_model": "沒有「{model}」這個模型；可用：{known}。",
    "unknown_class": "模型 {model} 沒有「{found}」這一類；可用：{known}。",
    "cut_offs_out_of_order": "{dimension} 的切點 {values} 沒有由小到大排列，請改正後再存。",
}
"""For the refusals of questions that marketers ask; those of rules bring their own `advice`."""


def told(error: BusinessError) -> str:
    """Return the code of a refusal with its sentence, or with its facts where there is none."""
    advice = error.facts.get("advice")
    if isinstance(advice, dict):
        return f"{error.code}: {in_language(advice, LANGUAGE)}"
    shown = {name: _shown(value) for name, value in error.facts.items()}
    if error.code in SENTENCES:
        return f"{error.code}: {SENTENCES[error.code].format_map(shown)}"
    facts = ", ".join(f"{name}={value}" for name, value in shown.items())
    return f"{error.code}: {facts}" if facts else error.code


def _shown(value: object) -> str:
    return "、".join(map(str, value)) if isinstance(value, list) else str(value)
