"""The demo shop's tags and KPI: one of each kind, each on somebody (B-08, E-14)."""

from __future__ import annotations

from sqlalchemy import func, select

from models.engagement import Engagement
from models.kpi import list_kpis, list_values
from models.local_day import local_day
from models.tag import list_triggers, list_used_tags
from tests.conftest import NOON, Committed


def test_the_demo_has_a_tag_by_hand_one_by_a_rule_and_one_by_an_event(
    committed_demo: Committed,
) -> None:
    """B-08: 喜歡設計師聯名 (manual), 本月新註冊 (rule), 購物車未結帳 (event)."""
    with committed_demo.sessions() as session:
        used = {each.tag.name["zh-TW"]: each for each in list_used_tags(session, NOON)}
        assert {"喜歡設計師聯名", "本月新註冊", "購物車未結帳"} <= set(used)
        assert all(each.members > 0 for each in used.values())
        assert used["本月新註冊"].tag.segment_code == "joined-lately"
        assert [each.event for each in list_triggers(session, "unpaid-cart")] == ["cart"]
        assert (session.scalar(select(func.count()).select_from(Engagement)) or 0) > 0
        (kpi,) = list_kpis(session)
        values = list_values(session, kpi.code, since=local_day(NOON).replace(day=1), limit=9)
        assert all(value.total > 0 for value in values)
        assert len(values) == 3
