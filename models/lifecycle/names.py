"""The models and their classes by name, and the rule of each class in words.

A class is always written `<model>:<class>` beside its name, never as a letter: L is 忠誠 in one
article and 流失 in another.
"""

from dataclasses import dataclass

from models.base import Texts, in_language, said
from models.lifecycle.refusals import UnknownClass, UnknownModel

NASLD = "nasld"
NAPL_ARTICLE = "napl_article"
NAPL_91APP = "napl_91app"
RFM = "rfm"
PROSPECT = "prospect"

"""One text a language."""


@dataclass(frozen=True)
class ClassName:
    """One class of a model; the rule has `{near}`, `{far}`, `{window}` and `{loyal}` to fill."""

    code: str
    name: Texts
    rule: Texts


@dataclass(frozen=True)
class ModelName:
    """One model with its classes in the order in which a table shows them."""

    code: str
    name: Texts
    classes: tuple[ClassName, ...]

    def get_class(self, code: str) -> ClassName:
        """Return the class with this code. Raises UnknownClass."""
        for each in self.classes:
            if each.code == code:
                return each
        raise UnknownClass(model=self.code, found=code, known=[each.code for each in self.classes])


_NOT_YET = ClassName(
    PROSPECT,
    said("未購會員", "Not bought yet", "未購入会員"),
    said(
        "已加入會員，還沒有任何有效購買",
        "joined, and no purchase stands",
        "会員登録済みで、有効な購入がまだない",
    ),
)

MODELS: dict[str, ModelName] = {
    model.code: model
    for model in (
        ModelName(
            NASLD,
            said("NASLD 顧客活躍度", "NASLD customer activity", "NASLD 顧客アクティブ度"),
            (
                ClassName(
                    "active",
                    said("活躍客", "Active", "アクティブ客"),
                    said(
                        "近 {near}內買過 2 次以上",
                        "2 or more purchases within the last {near}",
                        "直近{near}以内に2回以上購入",
                    ),
                ),
                ClassName(
                    "new",
                    said("新鮮客", "Fresh", "新鮮客"),
                    said(
                        "近 {near}內買過 1 次",
                        "1 purchase within the last {near}",
                        "直近{near}以内に1回購入",
                    ),
                ),
                ClassName(
                    "sleep",
                    said("沈睡客", "Sleeping", "休眠客"),
                    said(
                        "近 {near}內沒有購買；再往前到 {far}，買過 2 次以上",
                        "none within the last {near}, but 2 or more purchases back to {far}",
                        "直近{near}以内の購入はなく、{far}までさかのぼると2回以上購入",
                    ),
                ),
                ClassName(
                    "lost",
                    said("流失客", "Lost", "離反客"),
                    said(
                        "近 {near}內沒有購買；再往前到 {far}，買過 1 次",
                        "none within the last {near}, but 1 purchase back to {far}",
                        "直近{near}以内の購入はなく、{far}までさかのぼると1回購入",
                    ),
                ),
                ClassName(
                    "deep",
                    said("封存客", "Archived", "長期離反客"),
                    said(
                        "買過，但近 {far}內沒有購買",
                        "bought once upon a time, but not within the last {far}",
                        "購入歴はあるが、直近{far}以内の購入がない",
                    ),
                ),
                _NOT_YET,
            ),
        ),
        ModelName(
            NAPL_ARTICLE,
            said("NAPL 會員分群（文章版）", "NAPL, the article's wording", "NAPL（記事版）"),
            (
                ClassName(
                    "new",
                    said("新客", "Newcomer", "新規客"),
                    said(
                        "已加入會員，還沒有任何有效購買",
                        "joined, and no purchase stands",
                        "会員登録済みで、有効な購入がまだない",
                    ),
                ),
                ClassName(
                    "active",
                    said("活躍客", "Active", "アクティブ客"),
                    said(
                        "近 {window} 天內買過，累計購買未滿 {loyal} 次",
                        "bought within {window} days, fewer than {loyal} purchases in all",
                        "直近{window}日以内に購入があり、累計{loyal}回未満",
                    ),
                ),
                ClassName(
                    "loyal",
                    said("忠誠客", "Loyal", "ロイヤル客"),
                    said(
                        "近 {window} 天內買過，累計購買 {loyal} 次以上",
                        "bought within {window} days, {loyal} or more purchases in all",
                        "直近{window}日以内に購入があり、累計{loyal}回以上",
                    ),
                ),
                ClassName(
                    "passout",
                    said("沉睡客", "Asleep", "休眠客"),
                    said(
                        "買過，但超過 {window} 天沒有購買",
                        "bought before, but not for more than {window} days",
                        "購入歴はあるが、{window}日を超えて購入がない",
                    ),
                ),
            ),
        ),
        ModelName(
            NAPL_91APP,
            said("NAPL 會員分群（91APP 版）", "NAPL, as 91APP has it", "NAPL（91APP版）"),
            (
                ClassName(
                    "new",
                    said("新客", "First-time buyer", "初回購入客"),
                    said(
                        "只買過 1 次，在近 {window} 天內",
                        "a single purchase, within {window} days",
                        "購入は1回だけで、直近{window}日以内",
                    ),
                ),
                ClassName(
                    "active",
                    said("主力客", "Core", "主力客"),
                    said(
                        "買過 2 次以上，最近一次在近 {window} 天內",
                        "2 or more purchases, the last within {window} days",
                        "2回以上購入し、最後の購入が直近{window}日以内",
                    ),
                ),
                ClassName(
                    "potential",
                    said("瞌睡客", "Dozing", "うたた寝客"),
                    said(
                        "買過 2 次以上，但超過 {window} 天沒有購買",
                        "2 or more purchases, but none for more than {window} days",
                        "2回以上購入したが、{window}日を超えて購入がない",
                    ),
                ),
                ClassName(
                    "lost",
                    said("沉睡客", "Asleep", "休眠客"),
                    said(
                        "只買過 1 次，而且是 {window} 天以前",
                        "a single purchase, more than {window} days ago",
                        "購入は1回だけで、{window}日より前",
                    ),
                ),
                _NOT_YET,
            ),
        ),
    )
}
"""The lifecycle models. RFM's groups stand in `models/rfm/`."""


def class_key(model: str, code: str) -> str:
    """Return a class as every outer text writes it: `nasld:lost`."""
    return f"{model}:{code}"


def get_model(model: str) -> ModelName:
    """Return a lifecycle model. Raises UnknownModel."""
    if model not in MODELS:
        raise UnknownModel(model=model, known=list(MODELS))
    return MODELS[model]


def get_class(model: str, code: str) -> ClassName:
    """Return a class of a lifecycle model. Raises UnknownModel or UnknownClass."""
    return get_model(model).get_class(code)


def class_name(model: str, code: str, language: str = "zh-TW") -> str:
    """Return the name of a class of a lifecycle model. Raises UnknownModel or UnknownClass."""
    return in_language(get_class(model, code).name, language)
