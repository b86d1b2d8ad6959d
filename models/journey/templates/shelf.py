"""All templates by their codes, and those that every shop has from its first day."""

from collections.abc import Mapping

from models.base import BusinessError
from models.journey.templates.beginning import BEGINNING
from models.journey.templates.dates import DATES
from models.journey.templates.ladder import LADDER
from models.journey.templates.returning import RETURNING
from models.journey.templates.returning_home import RETURNING_HOME
from models.journey.templates.template import Template

TEMPLATES: Mapping[str, Template] = {
    template.code: template
    for template in (*BEGINNING, *RETURNING, *DATES, *LADDER, *RETURNING_HOME)
}
BASIC = (
    "birthday",
    "coupon-expiry",
    "dormant-90-days",
    "stamps-ending",
    "plan-renewal",
    "plan-renewal-last",
)
"""What a shop is owed without asking: gifts and reminders of what members have."""


class NoSuchTemplate(BusinessError):
    """No template has this code; `known` says which there are."""

    code = "no_such_journey_template"
