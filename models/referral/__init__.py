"""Referrals: a member invites a friend, and both are rewarded once the friend's order stands.

One level only, and nothing here ever looks further: who was invited by B earns B something, and
never A who invited B. More levels would make the shop a multi-level marketing scheme, which in
Taiwan must be reported (多層次傳銷管理法).
"""

from models.referral.claiming import (
    CODE_LENGTH,
    SOURCE,
    Claim,
    claim_referral,
    claimed_code,
    find_invitation,
    find_referrer,
    normal_code,
    referral_code_of,
)
from models.referral.qualifying import after_purchase, after_refund
from models.referral.questions import (
    Invited,
    count_invited,
    count_month,
    list_invited,
    list_referrals,
)
from models.referral.settling import list_due, settle_referral
from models.referral.table import (
    CLAIMED,
    CLAWED_BACK,
    QUALIFIED,
    REFUSED,
    REWARDED,
    Referral,
    ReferralMonth,
    ReferralRefused,
)

__all__ = [
    "CLAIMED",
    "CLAWED_BACK",
    "CODE_LENGTH",
    "QUALIFIED",
    "REFUSED",
    "REWARDED",
    "SOURCE",
    "Claim",
    "Invited",
    "Referral",
    "ReferralMonth",
    "ReferralRefused",
    "after_purchase",
    "after_refund",
    "claim_referral",
    "claimed_code",
    "count_invited",
    "count_month",
    "find_invitation",
    "find_referrer",
    "list_due",
    "list_invited",
    "list_referrals",
    "normal_code",
    "referral_code_of",
    "settle_referral",
]
