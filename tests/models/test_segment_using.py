"""What uses a segment: told before somebody archives it (U17)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from models.coupon import list_templates
from models.coupon_handout import begin_handout
from models.report import Order, order_letter
from models.segment.keeping import get_version, rule_of
from models.segment.using import CAMPAIGN, HANDOUT, JOURNEY, LETTER, TAG, uses_of
from models.staff import Staff
from models.tag import keep_tag
from models.tag.ruling import follow_segment
from tests.conftest import NOON
from tests.models.campaign_shop import EVERYBODY, NOBODY, RICH, make, open_office, variant
from tests.models.journey_shop import begin, wait


def test_all_that_names_a_segment_is_told(
    session: Session, make_staff: Callable[..., Staff]
) -> None:
    open_office(session)
    make(session, "one")
    parted = [variant("A", 100), variant("B", 100, segment=EVERYBODY)]
    make(session, "two", segment=RICH, variants=parted)
    steps = [wait("week", None)]
    begin(session, "into", steps, on={"on": "segment", "segment": EVERYBODY})
    begin(session, "out", steps, exit_when=[{"on": "left_segment", "segment": EVERYBODY}])
    tag = keep_tag(session, "regular", {"zh-TW": "常客"}, now=NOON)
    follow_segment(session, tag, EVERYBODY)
    owner = make_staff("owner")
    order = Order("metrics", {"segment": EVERYBODY}, "a@example.com", "zh-TW", "day", 8)
    order_letter(session, owner, order, NOON)
    rule = rule_of(get_version(session, EVERYBODY))
    begin_handout(session, list_templates(session)[0], rule, staff=owner, key="a", now=NOON)

    assert [(use.kind, use.code) for use in uses_of(session, EVERYBODY)][:5] == [
        (CAMPAIGN, "two"),
        (CAMPAIGN, "one"),
        (JOURNEY, "into"),
        (JOURNEY, "out"),
        (TAG, "regular"),
    ]
    assert [use.kind for use in uses_of(session, EVERYBODY)][5:] == [HANDOUT, LETTER]
    assert uses_of(session, NOBODY) == []
