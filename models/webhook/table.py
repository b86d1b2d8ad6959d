"""The tables of webhooks: who listens, what happened, what is to be brought to whom, how far."""

import uuid
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BusinessError, Identifier, Moment, one_of

JOINED = "member.joined"
TIER_CHANGED = "tier.changed"
POINTS_CHANGED = "points.changed"
COUPON_REDEEMED = "coupon.redeemed"
REDEMPTION_CANCELLED = "coupon.redemption_cancelled"
EVENT_TYPES = (JOINED, TIER_CHANGED, POINTS_CHANGED, COUPON_REDEEMED, REDEMPTION_CANCELLED)
TEST_TYPE = "webhook.test"
"""Sent only where somebody asks for it; nobody subscribes to it."""
ENDPOINT_STATES = ("active", "disabled")
DISABLED_BECAUSE = ("by_hand", "gone", "failing")
DELIVERY_STATES = ("waiting", "delivered", "failed")


class WebhookEndpoint(Base):
    """An address that wants to hear of events. Its secret is derived, never stored.

    Life: active ⇄ disabled, by hand, because it answered 410, or because it failed for days.
    While it is disabled nothing is gathered for it.
    """

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        CheckConstraint(one_of("state", ENDPOINT_STATES), name="state_known"),
        CheckConstraint(
            "(state = 'disabled') = (disabled_at IS NOT NULL)"
            " AND (state = 'disabled') = (disabled_because IS NOT NULL)",
            name="disabled_when",
        ),
        CheckConstraint(
            one_of("disabled_because", DISABLED_BECAUSE),
            name="disabled_because_known",
        ),
        CheckConstraint("cardinality(events) > 0", name="wants_something"),
        CheckConstraint("generation > 0 AND failures >= 0", name="counts_up"),
        CheckConstraint("(failures > 0) = (failing_since IS NOT NULL)", name="failing_since_when"),
    )

    id: Mapped[Identifier]
    url: Mapped[str]
    description: Mapped[str] = mapped_column(default="", server_default="")
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    state: Mapped[str] = mapped_column(default="active", server_default="active")
    salt: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4)
    """Part of what its secrets are derived from, so that no other row ever has the same."""
    generation: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    """Which of its secrets is in force; each rotation raises it."""
    rotated_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many tries in a row have failed, of whichever deliveries."""
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    """Until then it is left in peace, because it failed too often in a row."""
    delivered_at: Mapped[datetime | None]
    """When it last took something."""
    disabled_at: Mapped[datetime | None]
    disabled_because: Mapped[str | None]
    created_at: Mapped[Moment]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """None where another system asked for it, or an operator's command."""
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    """Of the page that asked for it, where one did."""
    rotation_key: Mapped[str | None]
    """Of the page that asked for its newest secret."""

    @property
    def is_active(self) -> bool:
        """Tell whether it hears of events."""
        return self.state == "active"


class WebhookEvent(Base):
    """One thing that happened, as it is told to others; `body` is what is signed and sent.

    `fact` names the row it was made of, so that each fact has one event. It stays as it was said
    until it is forgotten.
    """

    __tablename__ = "webhook_event"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(), unique=True)
    fact: Mapped[str] = mapped_column(unique=True)
    """`points_entry:12`, `tier_change:3`, `coupon_event:7`, `member:5`, `test:<uuid>`."""
    event_type: Mapped[str]
    occurred_at: Mapped[Moment]
    created_at: Mapped[Moment]
    body: Mapped[str]

    @property
    def name(self) -> str:
        """Return the event's id as receivers see it, in the header and in the body."""
        return event_name(self.id)


class WebhookDelivery(Base):
    """One event on its way to one endpoint: waiting → delivered, or failed after days of tries.

    A claim is a lease: `next_try_at` moves into the future while a try is under way, and where
    its worker dies it simply comes round again. `member_id` keeps a member's events in order.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint(one_of("state", DELIVERY_STATES), name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint("claimed_at IS NULL OR state = 'waiting'", name="only_waiting_is_claimed"),
        UniqueConstraint("endpoint_id", "event_id"),
        Index(
            "ix_webhook_delivery_due",
            "endpoint_id",
            "next_try_at",
            "id",
            postgresql_where="state = 'waiting'",
        ),
        Index(
            "ix_webhook_delivery_in_order",
            "endpoint_id",
            "member_id",
            "id",
            postgresql_where="state = 'waiting'",
        ),
        Index(None, "endpoint_id", "id"),
        Index(None, "event_id"),
        Index(
            "ix_webhook_delivery_settled_at",
            "settled_at",
            postgresql_where="settled_at IS NOT NULL",
        ),
    )

    id: Mapped[Identifier]
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook_event.id"))
    member_id: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(default="waiting", server_default="waiting")
    tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    give_up_at: Mapped[Moment]
    """A try that fails at or after this is the last one."""
    claimed_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    status: Mapped[int | None]
    """What the receiver answered last, where it answered at all."""
    reason: Mapped[str | None]
    """Why the last try failed: `http_500`, `timeout`, `address_refused`, …"""
    milliseconds: Mapped[int | None]
    """How long the last try took."""

    event: Mapped[WebhookEvent] = relationship(lazy="joined", innerjoin=True)


class WebhookCursor(Base):
    """How far one table has been made into events: everything through `settled_id` is done.

    `awaited_id` is the next such place, good as soon as none of the transactions in `awaited` is
    at work any more.
    """

    __tablename__ = "webhook_cursor"
    __table_args__ = (
        CheckConstraint("(awaited_id IS NULL) = (awaited IS NULL)", name="awaits_somebody"),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    settled_id: Mapped[int] = mapped_column(BigInteger)
    awaited_id: Mapped[int | None] = mapped_column(BigInteger)
    awaited: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class NoSuchEndpoint(BusinessError):
    """No endpoint has this number."""

    code = "no_such_endpoint"


class NoSuchDelivery(BusinessError):
    """No delivery has this number; settled ones are forgotten after a month."""

    code = "no_such_delivery"


class EndpointRefused(BusinessError):
    """The address or the wishes will not do; the facts carry `why`."""

    code = "endpoint_refused"


class TooManyEndpoints(BusinessError):
    """The shop has as many endpoints as it may."""

    code = "too_many_endpoints"


class EndpointDisabled(BusinessError):
    """A disabled endpoint is sent nothing: enable it first."""

    code = "endpoint_disabled"


class DeliveryUnderWay(BusinessError):
    """The delivery waits for its next try by itself."""

    code = "delivery_under_way"


def event_name(event_id: uuid.UUID) -> str:
    """Return an event's id as receivers see it."""
    return f"evt_{event_id.hex}"
