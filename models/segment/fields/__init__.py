"""The catalogue: every field a rule may ask for, one tuple a topic.

A topic's module imports tables and nothing that reads rules, for rules are read with it.
"""

from models.segment.field import Field
from models.segment.fields.activity import ACTIVITY
from models.segment.fields.browsing import BROWSING
from models.segment.fields.coupons import COUPONS
from models.segment.fields.engagement import ENGAGEMENT
from models.segment.fields.favourite import FAVOURITE
from models.segment.fields.lifecycle import LIFECYCLE
from models.segment.fields.metrics import METRICS
from models.segment.fields.person import PERSON
from models.segment.fields.points import POINTS
from models.segment.fields.prediction import PREDICTION
from models.segment.fields.purchases import PURCHASES
from models.segment.fields.reach import REACH
from models.segment.fields.surveys import SURVEYS
from models.segment.fields.tags import TAGS
from models.segment.fields.tier import TIER

TOPICS: tuple[tuple[Field, ...], ...] = (
    PURCHASES,
    FAVOURITE,
    LIFECYCLE,
    TIER,
    POINTS,
    COUPONS,
    PERSON,
    REACH,
    ACTIVITY,
    SURVEYS,
    BROWSING,
    TAGS,
    ENGAGEMENT,
    METRICS,
    PREDICTION,
)
FIELDS: dict[str, Field] = {field.name: field for topic in TOPICS for field in topic}
"""By name; each name is there once."""
