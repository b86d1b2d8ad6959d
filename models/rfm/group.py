"""The eight groups of RFM: what a member high or low in each of the three is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case

from models.base import BusinessError, in_language

SLEEPING = "sleeping"
MAINTAINING = "maintaining"
VIP = "vip"
_HIGH: Mapping[bool, Mapping[str, str]] = {
    True: {"zh-TW": "高", "en": "high", "ja": "高"},
    False: {"zh-TW": "低", "en": "low", "ja": "低"},
}
_LEVELS: Mapping[str, str] = {
    "zh-TW": "最近消費{recency}・消費頻率{frequency}・消費金額{monetary}",
    "en": "recency {recency}, frequency {frequency}, spend {monetary}",
    "ja": "直近の購入{recency}・購入頻度{frequency}・購入金額{monetary}",
}


@dataclass(frozen=True)
class Group:
    """One of the eight: who is in it by high (True) or low, and its name."""

    code: str
    recency: bool
    frequency: bool
    monetary: bool
    names: dict[str, str]

    def levels(self, language: str) -> str:
        """Return the three levels in words, such as 最近消費高・消費頻率高・消費金額低."""
        words = {
            name: in_language(dict(_HIGH[is_high]), language)
            for name, is_high in (
                ("recency", self.recency),
                ("frequency", self.frequency),
                ("monetary", self.monetary),
            )
        }
        return in_language(dict(_LEVELS), language).format(**words)


class NoSuchGroup(BusinessError):
    """There is no RFM group with this code."""

    code = "no_such_rfm_group"


GROUPS: Sequence[Group] = (
    Group(
        VIP,
        recency=True,
        frequency=True,
        monetary=True,
        names={"zh-TW": "VIP會員", "en": "VIP members", "ja": "VIP会員"},
    ),
    Group(
        "attention",
        recency=True,
        frequency=False,
        monetary=True,
        names={"zh-TW": "關注會員", "en": "Members to watch", "ja": "注目会員"},
    ),
    Group(
        "promising",
        recency=True,
        frequency=True,
        monetary=False,
        names={"zh-TW": "潛力常客", "en": "Promising regulars", "ja": "有望な常連"},
    ),
    Group(
        "developing",
        recency=True,
        frequency=False,
        monetary=False,
        names={"zh-TW": "一般發展客", "en": "Developing members", "ja": "育成会員"},
    ),
    Group(
        "retaining",
        recency=False,
        frequency=True,
        monetary=True,
        names={"zh-TW": "保持型會員", "en": "Members to retain", "ja": "維持したい優良会員"},
    ),
    Group(
        MAINTAINING,
        recency=False,
        frequency=True,
        monetary=False,
        names={"zh-TW": "維持型會員", "en": "Members to maintain", "ja": "関係継続会員"},
    ),
    Group(
        "returning",
        recency=False,
        frequency=False,
        monetary=True,
        names={
            "zh-TW": "重點回頭客",
            "en": "Key members to bring back",
            "ja": "呼び戻したい高額会員",
        },
    ),
    Group(
        SLEEPING,
        recency=False,
        frequency=False,
        monetary=False,
        names={"zh-TW": "沉睡會員", "en": "Sleeping members", "ja": "休眠会員"},
    ),
)
"""In the order of B-06."""
_BY_CODE = {group.code: group for group in GROUPS}


def get_group(code: str) -> Group:
    """Return the group with this code. Raises NoSuchGroup."""
    if code not in _BY_CODE:
        raise NoSuchGroup(group=code)
    return _BY_CODE[code]


def group_sql(
    recency: ColumnElement[bool], frequency: ColumnElement[bool], monetary: ColumnElement[bool]
) -> ColumnElement[str]:
    """Return the code of the group as SQL, of three conditions that are true where it is high."""
    place = (
        case((recency, 4), else_=0) + case((frequency, 2), else_=0) + case((monetary, 1), else_=0)
    )
    return case(
        {group.recency * 4 + group.frequency * 2 + group.monetary: group.code for group in GROUPS},
        value=place,
    )
