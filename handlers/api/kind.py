"""One way in which the API says no, as `codes.py` and its chapters list them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem, in words for the person who builds the till; both languages."""

    status: int
    title: str
    advice: str
    title_zh: str
    advice_zh: str
