"""What tells two contents apart: a form says from which one it was filled, who saves compares."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

FINGERPRINT_LENGTH = 16


def fingerprint(values: Mapping[str, Any]) -> str:
    """Return what differs once any of the values, all fit for JSON, has changed."""
    text = json.dumps(dict(values), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]
