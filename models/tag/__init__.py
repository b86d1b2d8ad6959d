"""Tags: words the shop says of its members, each with its source, its moment and its end (B-08).

By hand or by the API (`giving`), by a segment at night (`ruling`), or by what members look at and
buy (`triggering`). One that has ended counts nowhere from that moment on, whether or not it was
tidied away (`ending`). How each came and went is history that is never changed.
"""

from models.tag.ending import drop_ended, end_bought, forget_tags, tidy_expired
from models.tag.giving import API_PREFIX, BY_OPERATOR, BY_STAFF, give_tag, take_tag
from models.tag.keeping import (
    add_trigger,
    archive_tag,
    end_triggers,
    get_tag,
    keep_tag,
    list_triggers,
)
from models.tag.moving import merge_tags, unmerge_tags
from models.tag.questions import (
    Held,
    Used,
    counts_at,
    list_member_tags,
    list_tag_history,
    list_tagged,
    list_tags,
    list_used_tags,
)
from models.tag.table import (
    EVENTS,
    WHYS,
    MemberTag,
    NoSuchTag,
    Tag,
    TagEvent,
    TagIsByRule,
    TagNameTaken,
    TagRefused,
    TagTrigger,
    TooManyTags,
)
from models.tag.triggering import apply_events

__all__ = [
    "API_PREFIX",
    "BY_OPERATOR",
    "BY_STAFF",
    "EVENTS",
    "WHYS",
    "Held",
    "MemberTag",
    "NoSuchTag",
    "Tag",
    "TagEvent",
    "TagIsByRule",
    "TagNameTaken",
    "TagRefused",
    "TagTrigger",
    "TooManyTags",
    "Used",
    "add_trigger",
    "apply_events",
    "archive_tag",
    "counts_at",
    "drop_ended",
    "end_bought",
    "end_triggers",
    "forget_tags",
    "get_tag",
    "give_tag",
    "keep_tag",
    "list_member_tags",
    "list_tag_history",
    "list_tagged",
    "list_tags",
    "list_triggers",
    "list_used_tags",
    "merge_tags",
    "take_tag",
    "tidy_expired",
    "unmerge_tags",
]
