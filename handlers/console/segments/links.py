"""Where segments and the models' pages are, for whoever leads there."""

import json
from typing import Any

from flask import url_for


def segment_url(code: str) -> str:
    """Return the page of a kept segment."""
    return url_for("console.segments_looking_show_segment", code=code)


def builder_url(rule: dict[str, Any]) -> str:
    """Return the rule builder, begun with a rule that is not kept."""
    return url_for("console.segments_editing_show_new", rule=json.dumps(rule, ensure_ascii=False))


def class_url(model: str, code: str) -> str:
    """Return the page of one class of a model."""
    return url_for("console.segments_classes_show_class", model=model, code=code)


def campaign_url(segment: str, *, coupon: str | None = None) -> str:
    """Return the page of a new campaign, begun with a segment and perhaps a coupon."""
    return url_for("console.campaigns_editing_show_new", segment=segment, coupon=coupon)


def campaign_to_url(rule: dict[str, Any]) -> str:
    """Return the page of a new campaign, begun with a rule that is not kept."""
    asked = json.dumps(rule, ensure_ascii=False)
    return url_for("console.campaigns_editing_show_new", rule=asked)
