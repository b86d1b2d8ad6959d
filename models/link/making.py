"""Making links: one row a sending and address, whoever it is sent to."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.link.table import TAP, TrackedLink

LONGEST_URL = 1000
"""LINE, Messaging API reference, URI action: so long an address may be."""
LONGEST_LABEL = 60
_UNFIT = re.compile(r"[\s\x00-\x1f\x7f\\]")
_TAP = re.compile(TAP + r"[a-z0-9_:-]{1,60}")


def is_trackable(url: str) -> bool:
    """Tell whether clicks on this can be counted: an https address with a host, or `tap:<word>`.

    Everything else (`tel:`, `https://line.me` with a space, …) stays in messages as it is.
    """
    if _TAP.fullmatch(url):
        return True
    if len(url) > LONGEST_URL or _UNFIT.search(url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def make_links(
    session: Session,
    source: str,
    urls: Iterable[str],
    *,
    labels: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Return the link of each address in the messages of `source`, made where it is new.

    Addresses that cannot be tracked are absent and go out as they are. `labels` say what the
    button reads, for reports. Safe to call again, and by two at once.
    """
    wanted = sorted({url for url in urls if is_trackable(url)})
    if not wanted:
        return {}
    told = labels or {}
    rows = [
        {"source": source, "url": url, "label": told.get(url, "")[:LONGEST_LABEL]} for url in wanted
    ]
    session.execute(insert(TrackedLink).values(rows).on_conflict_do_nothing())
    found = session.execute(
        select(TrackedLink.url, TrackedLink.id).where(
            TrackedLink.source == source, TrackedLink.url.in_(wanted)
        )
    )
    return dict(found.all())
