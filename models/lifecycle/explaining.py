"""Why a member is in their class on a day: the deciding facts, the rule, its version (X5)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from models.base import Texts, in_language
from models.lifecycle.classes import class_of
from models.lifecycle.cycle import cycle_of
from models.lifecycle.figures import MemberFigures, get_figures
from models.lifecycle.names import NASLD, PROSPECT, class_key, class_name, get_model
from models.lifecycle.setting import LifecycleSettings, get_settings
from models.lifecycle.wording import cycle_text, rule_text, version_text
from models.local_day import day_text, local_day
from models.member import Member

_HEAD: Texts = {
    "zh-TW": "{name}（{key}），{as_of} 的狀態",
    "en": "{name} ({key}), as of {as_of}",
    "ja": "{name}（{key}）、{as_of}時点",
}
_ORDERS: Texts = {
    "zh-TW": "有效購買 {orders} 次",
    "en": "{orders} purchases that stand",
    "ja": "有効な購入 {orders}回",
}
_LAST: Texts = {
    "zh-TW": "最近一次購買 {day}（{age} 天前）",
    "en": "last purchase on {day} ({age} days before)",
    "ja": "最後の購入は{day}（{age}日前）",
}
_PREVIOUS: Texts = {
    "zh-TW": "再前一次 {day}（{age} 天前）",
    "en": "the one before on {day} ({age} days before)",
    "ja": "その前は{day}（{age}日前）",
}
_RULE: Texts = {"zh-TW": "規則：{rule}", "en": "Rule: {rule}", "ja": "ルール：{rule}"}
_BETWEEN: Texts = {"zh-TW": "；", "en": "; ", "ja": "、"}


@dataclass(frozen=True)
class ClassExplanation:
    """The facts that put a member into a class on a day, by one version of the settings."""

    model: str
    code: str
    as_of: date
    figures: MemberFigures
    settings: LifecycleSettings
    cycle_days: int
    """The cycle that held for this member."""

    @property
    def key(self) -> str:
        """Return the class as every outer text writes it: `nasld:lost`."""
        return class_key(self.model, self.code)

    def lines(self, language: str = "zh-TW") -> list[str]:
        """Return the explanation in words: the class, the facts, the rule, what it rests on."""
        head = in_language(_HEAD, language).format(
            name=class_name(self.model, self.code, language), key=self.key, as_of=self.as_of
        )
        rule = in_language(_RULE, language).format(rule=self.rule(language))
        rests_on = [version_text(self.settings, language)]
        if self.model == NASLD and self.code != PROSPECT:
            rests_on.insert(0, cycle_text(self.settings.cycle, language))
        between = in_language(_BETWEEN, language)
        return [head, between.join(self._facts(language)), rule, between.join(rests_on)]

    def rule(self, language: str = "zh-TW") -> str:
        """Return the rule of the class in words, with the numbers that held for this member."""
        return rule_text(self.model, self.code, self.settings, language, cycle_days=self.cycle_days)

    def _facts(self, language: str) -> list[str]:
        figures = self.figures
        facts = [in_language(_ORDERS, language).format(orders=figures.orders)]
        for words, day in ((_LAST, figures.last_on), (_PREVIOUS, figures.previous_on)):
            if day is not None:
                facts.append(in_language(words, language).format(day=day, age=self._age(day)))
        return facts

    def _age(self, day: date) -> int:
        return (self.as_of - day).days

    def as_json(self) -> dict[str, Any]:
        """Return the explanation as an API tells it; ages and cycles are whole days."""
        figures, settings = self.figures, self.settings
        cycle = settings.cycle
        return {
            "model": self.model,
            "class": self.key,
            "name": class_name(self.model, self.code),
            "as_of": self.as_of.isoformat(),
            "rule": self.rule(),
            "settings_version": settings.version,
            "facts": {
                "orders": figures.orders,
                "purchase_days": figures.days,
                "first_on": day_text(figures.first_on),
                "previous_on": day_text(figures.previous_on),
                "previous_age_days": self._age_or_none(figures.previous_on),
                "last_on": day_text(figures.last_on),
                "last_age_days": self._age_or_none(figures.last_on),
                "usual_category": figures.category,
            },
            "thresholds": self._thresholds(),
            "cycle": {
                "days": self.cycle_days,
                "level": cycle.level,
                "source": cycle.source,
                "members": cycle.members,
                "intervals": cycle.intervals,
                "measured_on": day_text(cycle.measured_on),
            }
            if self.model == NASLD
            else None,
        }

    def _age_or_none(self, day: date | None) -> int | None:
        return self._age(day) if day is not None else None

    def _thresholds(self) -> dict[str, int]:
        settings = self.settings
        if self.model == NASLD:
            return {
                "near_days": settings.near_cycles * self.cycle_days,
                "far_days": settings.far_cycles * self.cycle_days,
            }
        return {"window_days": settings.window_days, "loyal_orders": settings.loyal_orders}


def explain_class(
    session: Session, member: Member, model: str, *, now: datetime, on: date | None = None
) -> ClassExplanation:
    """Gather why a member is in their class of a model today, or on a past day; three queries.

    Raises UnknownModel, DayNotYet, BeforeTheShopOpened, or NotAMemberThen.
    """
    get_model(model)
    as_of = on if on is not None else local_day(now)
    figures = get_figures(session, member.id, as_of, now)
    settings = get_settings(session, as_of)
    return ClassExplanation(
        model=model,
        code=class_of(model, figures, settings, as_of),
        as_of=as_of,
        figures=figures,
        settings=settings,
        cycle_days=cycle_of(settings.cycle, figures),
    )
