"""Messages as the product sends them, for looking at: cards, coupons, quick replies."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def text(words: str, **look: Any) -> Json:
    """Return a Flex text."""
    return {"type": "text", "text": words, **look}


def box(layout: str, *contents: Json, **look: Any) -> Json:
    """Return a Flex box."""
    return {"type": "box", "layout": layout, "contents": list(contents), **look}


def postback(label: str, data: str, **also: str) -> Json:
    """Return a postback action."""
    return {"type": "postback", "label": label, "data": data, **also}


def flex(contents: Json) -> Json:
    """Return a flex message."""
    return {"type": "flex", "altText": "茶日子", "contents": contents}


def member_card() -> Json:
    """Return a card with a gradient, a progress bar and two buttons."""
    bar = box("vertical", width="63%", height="8px", backgroundColor="#2f7a5f", cornerRadius="4px")
    green = {
        "type": "linearGradient",
        "angle": "135deg",
        "startColor": "#2f7a5f",
        "endColor": "#14453a",
    }
    header = box(
        "vertical",
        box(
            "horizontal",
            text("茶日子 Tea Days", color="#FFFFFF", weight="bold", size="sm"),
            text("金卡會員", color="#FFFFFF", size="xs", align="end", gravity="center"),
        ),
        text("林雅婷", color="#FFFFFF", size="xxl", weight="bold", margin="lg"),
        text("TD 8823 1094", color="#FFFFFFB3", size="sm"),
        background=green,
    )
    body = box(
        "vertical",
        box(
            "baseline",
            text("可用點數", size="sm", color="#888888", flex=0),
            text("1,280", size="3xl", weight="bold", align="end"),
            text("點", size="sm", flex=0, margin="sm"),
        ),
        {"type": "separator", "margin": "lg"},
        text("距離白金卡還差 NT$1,850（63%）", size="xs", color="#555555", margin="lg"),
        box(
            "vertical",
            bar,
            height="8px",
            backgroundColor="#e6eee9",
            cornerRadius="4px",
            margin="sm",
        ),
    )
    primary = {"type": "button", "style": "primary", "color": "#2f7a5f", "height": "sm"}
    second = {"type": "button", "style": "secondary", "height": "sm"}
    footer = box(
        "horizontal",
        {**primary, "action": postback("出示會員碼", "action=show_code")},
        {**second, "action": postback("點數明細", "action=points", displayText="我的點數明細")},
        spacing="sm",
    )
    return flex({"type": "bubble", "header": header, "body": body, "footer": footer})


def coupons(image_url: str) -> Json:
    """Return a row of three coupons."""
    bubbles = [
        {
            "type": "bubble",
            "size": "kilo",
            "hero": {
                "type": "image",
                "url": image_url,
                "size": "full",
                "aspectRatio": "20:13",
                "aspectMode": "cover",
            },
            "body": box("vertical", text(name, weight="bold", wrap=True)),
            "footer": box(
                "vertical",
                {
                    "type": "button",
                    "style": "primary",
                    "action": postback(f"使用{name}", f"use={name}"),
                },
            ),
        }
        for name in ("買一送一", "九折券", "升級大杯")
    ]
    return flex({"type": "carousel", "contents": bubbles})


def quick_replies(*actions: Json) -> Json:
    """Return the quickReply part of a message."""
    return {"items": [{"type": "action", "action": action} for action in actions]}
