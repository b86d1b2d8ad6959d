"""The action of each class: what it starts with, and the shop's own (A-16, B-04)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.classification import get_any_model
from models.coupon import get_template
from models.favourite import MemberFavourite
from models.lifecycle import MODELS, NAPL_ARTICLE, NASLD, RFM
from models.lifecycle.action import (
    LONGEST_ADVICE,
    LONGEST_TITLE,
    get_action,
    list_actions,
    set_action,
    title_for,
)
from models.lifecycle.refusals import ActionRefused, UnknownClass, UnknownModel
from models.local_day import local_day
from models.member import Member
from tests.conftest import NOON

MakeMember = Callable[..., Member]
LANGUAGES = {"zh-TW", "en", "ja"}


def usually(session: Session, member: Member, item: str) -> None:
    """Let a member usually buy an item."""
    session.add(
        MemberFavourite(
            member_id=member.id,
            sku="LT-M",
            item_name=item,
            orders=4,
            category="茶拿鐵",
            category_orders=4,
            stale_on=local_day(NOON),
            at=NOON,
        )
    )
    session.flush()


def test_every_class_of_every_model_starts_with_an_action(session: Session) -> None:
    """A-16, B-04, B-07: in three languages, with coupons that there are, in the order shown."""
    for model in (*MODELS, RFM):
        actions = list_actions(session, model)
        codes = [each.code for each in get_any_model(model).classes]
        assert [action.code for action in actions] == codes
        for action in actions:
            assert {*action.title} == {*action.advice} == LANGUAGES
            assert max(map(len, action.title.values())) <= LONGEST_TITLE
            assert max(map(len, action.advice.values())) <= LONGEST_ADVICE
            assert action.version is None
            if action.template_code:
                assert get_template(session, action.template_code).is_active


def test_the_articles_examples_are_what_napl_starts_with(
    session: Session, make_member: MakeMember
) -> None:
    """A-16: 「你常點的拿鐵第二杯半價」 with the favourite filled in, 回娘家, the $100 coupon."""
    member, newcomer = make_member(), make_member()
    usually(session, member, "拿鐵")
    new, active, loyal, passout = list_actions(session, NAPL_ARTICLE)
    assert title_for(session, active, member.id) == "你常點的拿鐵第二杯半價"
    assert title_for(session, active, newcomer.id) == "你常點的飲品第二杯半價"
    assert title_for(session, active, newcomer.id, "en") == (
        "Your usual drink: the second at half price"
    )
    assert "Top 5" in new.title["zh-TW"]
    assert "首購" in new.title["zh-TW"]
    for right in ("升級禮", "預購權", "生日禮", "搶先試用"):
        assert right in loyal.title["zh-TW"]
    assert "專屬活動" in loyal.advice["zh-TW"]
    assert "回娘家" in passout.title["zh-TW"]
    assert "你有$100專屬折扣券即將到期" in passout.title["zh-TW"]
    assert title_for(session, passout, member.id) == passout.title["zh-TW"]


def test_nobody_pays_to_write_to_the_archived_unless_the_shop_chooses_so(
    session: Session,
) -> None:
    """B-04: `nasld:deep` is excluded from paid pushes, and can be let in."""
    assert [action.key for action in list_actions(session, NASLD) if not action.paid_push] == [
        "nasld:deep"
    ]
    set_action(session, NASLD, "deep", paid_push=True, by="owner", now=NOON)
    assert all(action.paid_push for action in list_actions(session, NASLD))


def test_a_shop_puts_its_own_action_in_the_place(session: Session) -> None:
    """A-16: editable; the rest stays, and every version says who and when."""
    title = {"zh-TW": "  回娘家：\n第二件 5 折 "}
    first = set_action(
        session, NASLD, "lost", title=title, template_code="birthday", by="owner", now=NOON
    )
    held = get_action(session, NASLD, "lost")
    assert held == first
    assert held.title == {"zh-TW": "回娘家： 第二件 5 折"}
    assert (held.template_code, held.set_by, held.set_at) == ("birthday", "owner", NOON)
    assert held.advice["zh-TW"].startswith("只來過一次")
    second = set_action(session, NASLD, "lost", template_code="", by="mei", now=NOON)
    assert second.version is not None
    assert first.version is not None
    assert second.version > first.version
    now = {action.code: action for action in list_actions(session, NASLD)}
    assert now["lost"] == second
    assert (now["lost"].template_code, now["lost"].title) == (None, held.title)
    assert now["sleep"].version is None


def test_rfm_groups_have_theirs_in_the_same_table(session: Session) -> None:
    """B-07: the eight groups too."""
    set_action(session, RFM, "sleeping", paid_push=False, by="owner", now=NOON)
    held = get_action(session, RFM, "sleeping")
    assert (held.key, held.paid_push) == ("rfm:sleeping", False)


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ({"title": {"zh-TW": " "}}, "title"),
        ({"title": {"en": "Only English"}}, "title"),
        ({"title": {"zh-TW": "好", "ko": "좋아요"}}, "title"),
        ({"title": {"zh-TW": "長" * (LONGEST_TITLE + 1)}}, "title"),
        ({"advice": {"zh-TW": "長" * (LONGEST_ADVICE + 1)}}, "advice"),
        ({"template_code": "no-such-coupon"}, "template_code"),
    ],
)
def test_an_action_that_cannot_be_kept_is_refused(
    session: Session, told: dict[str, Any], wrong: str
) -> None:
    """Bad input: each part is named; the action stays as it was."""
    with pytest.raises(ActionRefused) as refused:
        set_action(session, NASLD, "lost", **told, by="owner", now=NOON)
    assert list(refused.value.facts["why"]) == [wrong]
    assert get_action(session, NASLD, "lost").version is None


def test_only_classes_there_are_have_actions(session: Session) -> None:
    """T1: a bare letter is no class, and no model."""
    with pytest.raises(UnknownClass):
        get_action(session, NASLD, "L")
    with pytest.raises(UnknownClass):
        set_action(session, RFM, "lost", paid_push=True, by="owner", now=NOON)
    with pytest.raises(UnknownModel):
        list_actions(session, "napl")


@pytest.mark.parametrize("change", ["UPDATE class_action SET id = id", "DELETE FROM class_action"])
def test_versions_of_actions_are_never_changed(session: Session, change: str) -> None:
    set_action(session, NASLD, "deep", paid_push=True, by="owner", now=NOON)
    with pytest.raises(DBAPIError, match="is append-only"), session.begin_nested():
        session.execute(text(change))
