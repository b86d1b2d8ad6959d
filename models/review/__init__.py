"""Reviews: stars and a sentence for a purchase, read by the shop before all members may.

Writing one counts as engagement, as events and feedback do: points, so many times a day.
"""

from models.review.engaging import note_activity, set_activity_rule
from models.review.questions import (
    Posted,
    Rateable,
    find_community,
    find_purchase_to_rate,
    list_recent_purchases,
    list_reviews,
    list_wall,
    rating,
    set_community,
)
from models.review.table import (
    APPROVED,
    HIDDEN,
    MOST_STARS,
    PENDING,
    ActivityEvent,
    NotReviewable,
    Review,
    ReviewClosed,
    ReviewTooLong,
)
from models.review.writing import LONGEST_WORDS, moderate, rate_purchase, write_words

__all__ = [
    "APPROVED",
    "HIDDEN",
    "LONGEST_WORDS",
    "MOST_STARS",
    "PENDING",
    "ActivityEvent",
    "NotReviewable",
    "Posted",
    "Rateable",
    "Review",
    "ReviewClosed",
    "ReviewTooLong",
    "find_community",
    "find_purchase_to_rate",
    "list_recent_purchases",
    "list_reviews",
    "list_wall",
    "moderate",
    "note_activity",
    "rate_purchase",
    "rating",
    "set_activity_rule",
    "set_community",
    "write_words",
]
