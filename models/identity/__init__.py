"""Identity: who a member is, apart from the LINE account and the phone they have today.

A phone is proved by a code (`otp`), a card moves to another LINE account (`rebinding`), two cards
of one person become one and can be parted again (`merging`), and what looks like two cards of one
person is found (`duplicates`). The history of LINE accounts is `models/line_binding.py`.
"""

from models.identity.duplicates import Likely, find_duplicates_of, likely_duplicates
from models.identity.merge import (
    MemberMerge,
    MergeOver,
    MergeRefused,
    Preview,
    forget_merged_person,
    forget_personal,
    preview_merge,
)
from models.identity.merging import merge_members
from models.identity.otp import (
    Answer,
    Otp,
    SentCode,
    TooManyCodes,
    check_code,
    derive_pepper,
    forget_codes,
    send_code,
)
from models.identity.rebinding import (
    ReasonMissing,
    find_member_by_phone,
    rebind_by_clerk,
    rebind_by_otp,
    verify_phone,
)
from models.identity.request import (
    BindingRequest,
    NoSuchRequest,
    forget_requests,
    get_binding_request,
    request_binding,
)
from models.identity.text_message import (
    TextMessage,
    claim_texts,
    forget_texts,
    owe_text,
    settle_text,
    try_text_again,
)
from models.identity.unmerging import find_standing_merge, undo_merge

__all__ = [
    "Answer",
    "BindingRequest",
    "Likely",
    "MemberMerge",
    "MergeOver",
    "MergeRefused",
    "NoSuchRequest",
    "Otp",
    "Preview",
    "ReasonMissing",
    "SentCode",
    "TextMessage",
    "TooManyCodes",
    "check_code",
    "claim_texts",
    "derive_pepper",
    "find_duplicates_of",
    "find_member_by_phone",
    "find_standing_merge",
    "forget_codes",
    "forget_merged_person",
    "forget_personal",
    "forget_requests",
    "forget_texts",
    "get_binding_request",
    "likely_duplicates",
    "merge_members",
    "owe_text",
    "preview_merge",
    "rebind_by_clerk",
    "rebind_by_otp",
    "request_binding",
    "send_code",
    "settle_text",
    "try_text_again",
    "undo_merge",
    "verify_phone",
]
