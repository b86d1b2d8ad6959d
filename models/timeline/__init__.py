"""A member's whole story on one line of time, read from the facts themselves (B-09, U13).

What they bought, how their points moved and why, coupons, stamps, what we sent and what became of
it, what they tapped and looked at, tiers, tags, consents, who changed something: every table keeps
its own rows, and the line is made when somebody looks. Cards that were merged into this one tell
their part too.
"""

from models.timeline.moment import KINDS, MOST_AT_ONCE, Happening, Place
from models.timeline.reading import list_happenings

__all__ = ["KINDS", "MOST_AT_ONCE", "Happening", "Place", "list_happenings"]
