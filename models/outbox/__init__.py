"""The outbox: what we owe a person in LINE, a row written with the fact that made it true.

A row's life: waiting → accepted (LINE took it), refused (LINE said no, and why), skipped (we did
not send it, and why) or unknown (a day of tries without a clear answer). Its id is LINE's retry
key, so it exists before the first try. A claim is a lease: `next_try_at` moves into the future,
and a worker that dies simply lets it come round again.

A nudge has a `push_at`: until then it waits for a reply that carries it for nothing
(`models/outreach/riding.py`), and only at that moment does it become a push.
"""

from models.outbox.claiming import (
    STRANGER,
    Claim,
    Receiver,
    claim_owed,
    count_due,
    receivers_of,
    release_by_hand,
    release_claims,
)
from models.outbox.owing import owe, owe_many, owe_reply, withdraw, withdraw_visits
from models.outbox.settling import (
    DELIVERED,
    MONTH,
    WAY,
    WAYS,
    become_push,
    forget_settled,
    put_off,
    settle,
    try_again_at,
)
from models.outbox.table import (
    CHANNELS,
    EMAIL,
    HIGHEST_PRIORITY,
    KEPT_DAYS,
    LEASE,
    LINE,
    MENU_KIND,
    REPLY_KIND,
    REPLY_TOKEN_LIFE,
    RETRY_KEY_LIFE,
    STATES,
    DeliveryMonth,
    Owed,
)

__all__ = [
    "CHANNELS",
    "DELIVERED",
    "EMAIL",
    "HIGHEST_PRIORITY",
    "KEPT_DAYS",
    "LEASE",
    "LINE",
    "MENU_KIND",
    "MONTH",
    "REPLY_KIND",
    "REPLY_TOKEN_LIFE",
    "RETRY_KEY_LIFE",
    "STATES",
    "STRANGER",
    "WAY",
    "WAYS",
    "Claim",
    "DeliveryMonth",
    "Owed",
    "Receiver",
    "become_push",
    "claim_owed",
    "count_due",
    "forget_settled",
    "owe",
    "owe_many",
    "owe_reply",
    "put_off",
    "receivers_of",
    "release_by_hand",
    "release_claims",
    "settle",
    "try_again_at",
    "withdraw",
    "withdraw_visits",
]
