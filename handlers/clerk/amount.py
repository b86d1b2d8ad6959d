"""The amount as a clerk types it: `450`, `４５０`, `NT$1,200`, or small sums like `65×2+30`."""

import re
import unicodedata
from math import prod

from models.base import BusinessError
from models.purchase import LARGEST_AMOUNT_TWD, AmountRefused

LONGEST_TYPED = 40
_ORNAMENTS = re.compile(r"NT\$|TWD|元|[\s,$]", re.IGNORECASE)
_TIMES = str.maketrans({"×": "*", "x": "*", "X": "*", "✕": "*"})
_SUM = re.compile(r"\d{1,7}([*+]\d{1,7})*")


class AmountUnreadable(BusinessError):
    """What was typed is no whole number, and no sum or product of whole numbers."""

    code = "amount_unreadable"


class AmountMissing(BusinessError):
    """Nothing was typed yet."""

    code = "amount_missing"


def read_amount(typed: str) -> int:
    """Return the whole NT$ that were typed; full-width digits, commas, `+` and `×` are understood.

    Raises AmountMissing, AmountUnreadable, or AmountRefused for 0 and for too much.
    """
    text = unicodedata.normalize("NFKC", typed[:LONGEST_TYPED])
    text = _ORNAMENTS.sub("", text).translate(_TIMES).strip("+*")
    if not text:
        raise AmountMissing
    if len(typed) > LONGEST_TYPED or not text.isascii() or not _SUM.fullmatch(text):
        raise AmountUnreadable
    amount_twd = sum(prod(int(factor) for factor in term.split("*")) for term in text.split("+"))
    if not 0 < amount_twd <= LARGEST_AMOUNT_TWD:
        raise AmountRefused(largest_twd=LARGEST_AMOUNT_TWD)
    return amount_twd
