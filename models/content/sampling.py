"""Facts of nobody: what a page draws content from while it is written, so that all of it is seen.

The texts say the variables' examples, coupons are specimens, and a survey takes no answers.
"""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.content.content import GIVEN, Content
from models.content.facts import NO_SURVEY, Facts
from models.content.gallery import WAY
from models.content.variable import VARIABLES
from models.coupon import get_template, list_templates
from models.coupon.bulk import specimen_of
from models.survey import Survey

EXAMPLE_WAY_PERCENT = 64


def sample_facts(session: Session, content: Content, language: str, now: datetime) -> Facts:
    """Return facts that fill every place of checked content, of a member there is not.

    A coupon given by an earlier step is shown as some coupon of the shop's; a survey that is
    archived by now as it was.
    """
    coupons = {code: _specimen(session, code, language, now) for code in content.coupons}
    values: dict[str, str | int] = {
        name: variable.example for name, variable in VARIABLES.items() if name in content.variables
    }
    values |= {name: name for name in content.variables - VARIABLES.keys() - {WAY}}
    if WAY in content.variables:
        values[WAY] = EXAMPLE_WAY_PERCENT
    if coupons:
        words = coupons[content.coupons[0]]
        values |= {
            "coupon": words["name"],
            "coupon_code": words["code"],
            "coupon_ends": words["valid_until"],
        }
    surveys = {
        code: session.get_one(Survey, code).words(NO_SURVEY, language) for code in content.surveys
    }
    return Facts(language, values, coupons, surveys)


def _specimen(session: Session, code: str, language: str, now: datetime) -> dict[str, Any]:
    template = list_templates(session)[-1] if code == GIVEN else get_template(session, code)
    return specimen_of(template, language, now)
