"""How a member is reached: their e-mail address, what was learned of them, what they chose."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, one_of
from models.outbox import CHANNELS

UNCONFIRMED, CONFIRMED, STOPPED, UNUSABLE = EMAIL_STATES = (
    "unconfirmed",
    "confirmed",
    "stopped",
    "unusable",
)
_KNOWN = "('" + "', '".join(CHANNELS) + "')"
RECENT = 5
"""So many of the last marketing messages of each channel are learned from."""


class MemberChannel(Base):
    """One member's address and preference; no row: LINE alone, nothing learned.

    The address's life: unconfirmed → confirmed (its owner followed the link we sent there, or the
    shop stated their consent in an import) → stopped (they unsubscribed) or unusable (their mail
    server knows nobody of that name). Only a confirmed one is written to.
    """

    __tablename__ = "member_channel"
    __table_args__ = (
        CheckConstraint(one_of("email_state", EMAIL_STATES), name="email_state_known"),
        CheckConstraint(
            "num_nonnulls(email, email_state, email_source, email_at) IN (0, 4)",
            name="email_whole",
        ),
        CheckConstraint("email = lower(email)", name="email_in_small_letters"),
        CheckConstraint(f"learned IN {_KNOWN} AND chosen IN {_KNOWN}", name="channels_known"),
        CheckConstraint(
            "num_nonnulls(chosen, chosen_by, chosen_at) IN (0, 3)", name="chosen_whole"
        ),
        CheckConstraint(
            f"line_recent ~ '^[01]{{0,{RECENT}}}$' AND email_recent ~ '^[01]{{0,{RECENT}}}$'",
            name="recent_of_five",
        ),
    )

    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.id"), primary_key=True, autoincrement=False
    )
    email: Mapped[str | None] = mapped_column(index=True)
    email_state: Mapped[str | None]
    email_source: Mapped[str | None]
    """Who told it: `chat` or `import`."""
    email_at: Mapped[datetime | None]
    """When the state became what it is."""
    line_recent: Mapped[str] = mapped_column(default="", server_default=text("''"))
    """Of each of the last marketing messages in LINE, the oldest first, whether it was clicked."""
    email_recent: Mapped[str] = mapped_column(default="", server_default=text("''"))
    learned_through: Mapped[datetime | None]
    """Messages through this moment are in the two above."""
    learned: Mapped[str | None]
    """The channel they answer in; None while nothing can be said."""
    learned_at: Mapped[datetime | None]
    chosen: Mapped[str | None]
    """The channel they, or staff for them, chose; it goes before what was learned."""
    chosen_by: Mapped[str | None]
    """`member`, or the account that chose for them."""
    chosen_at: Mapped[datetime | None]
