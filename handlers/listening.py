"""Who hears of events from us: an endpoint as a list shows it, and how all of it is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bot.texts import Texts
from models.webhook import BOTH_SIGN_FOR, WebhookDelivery, WebhookEndpoint

GOOD, WARN, BAD, QUIET = "good", "warn", "bad", "quiet"
DELIVERY_STATES = ("waiting", "delivered", "failed")
Toned = tuple[str, str]
"""Words, and how they are meant: each asker has a colour for that."""


@dataclass(frozen=True)
class Listener:
    """An endpoint with what waits for it and what failed."""

    endpoint: WebhookEndpoint
    host: str
    waiting: int
    failed: int
    both_until: datetime | None
    """Until when, after a rotation, two secrets sign."""


def listener_of(
    endpoint: WebhookEndpoint, counts: Mapping[tuple[int, str], int], now: datetime
) -> Listener:
    """Return an endpoint with its part of the counts by endpoint and state."""
    both_until = endpoint.rotated_at + BOTH_SIGN_FOR if endpoint.rotated_at else None
    return Listener(
        endpoint,
        urlsplit(endpoint.url).netloc,
        counts.get((endpoint.id, "waiting"), 0),
        counts.get((endpoint.id, "failed"), 0),
        both_until if both_until and both_until > now else None,
    )


def event_name(t: Texts, event_type: str) -> str:
    """Return what an event is called."""
    return {
        "member.joined": t("新會員加入"),
        "tier.changed": t("會員等級變動"),
        "points.changed": t("點數變動"),
        "coupon.redeemed": t("優惠券使用"),
        "coupon.redemption_cancelled": t("優惠券使用取消"),
        "webhook.test": t("測試通知"),
    }.get(event_type, event_type)


def endpoint_state(t: Texts, endpoint: WebhookEndpoint) -> Toned:
    """Return how an endpoint does."""
    if endpoint.disabled_because == "gone":
        return t("已停用：對方回覆不再使用"), WARN
    if endpoint.disabled_because == "failing":
        return t("已停用：三天都送不到"), BAD
    if not endpoint.is_active:
        return t("已停用"), QUIET
    return (t("送不到，重試中"), WARN) if endpoint.failures else (t("運作中"), GOOD)


def delivery_state(t: Texts, state: str) -> Toned:
    """Return what became of a delivery."""
    return {
        "waiting": (t("等待傳送"), QUIET),
        "delivered": (t("已送達"), GOOD),
        "failed": (t("失敗"), BAD),
    }[state]


def reason_words(t: Texts, delivery: WebhookDelivery) -> str:
    """Return why a delivery did not arrive; nothing where it did."""
    said = {
        "timeout": t("對方十秒內沒有回應"),
        "no_such_host": t("找不到這個網域"),
        "no_connection": t("連不上對方"),
        "tls": t("對方的憑證有問題"),
        "address_refused": t("網域指向內部網路，不予傳送"),
        "endpoint_disabled": t("網址停用時未送出"),
    }
    if delivery.reason in said:
        return said[delivery.reason]
    if delivery.status:
        return f"HTTP {delivery.status}"
    return t("連線中斷") if delivery.reason else ""
