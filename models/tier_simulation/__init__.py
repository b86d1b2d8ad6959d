"""The tier simulator (X3): the shop's last two years once more, under rules nobody has published.

The members' sales are replayed under the rules there were and under those of a draft; the
difference is who would stand elsewhere, what it would cost, what points the shop would owe, and
how many messages it would send. Nothing is changed. Identical rules give everybody's present tier.
"""

from models.tier_simulation.history import MOST_MEMBERS, History
from models.tier_simulation.hits import FIGURE as HITS
from models.tier_simulation.replaying import Life, ladder_with, live
from models.tier_simulation.simulating import FIGURE as SIMULATION
from models.tier_simulation.simulating import WINDOW_MONTHS, simulate

__all__ = [
    "HITS",
    "MOST_MEMBERS",
    "SIMULATION",
    "WINDOW_MONTHS",
    "History",
    "Life",
    "ladder_with",
    "live",
    "simulate",
]
