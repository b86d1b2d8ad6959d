"""Clicks and taps on what was sent, in all and by variant or step."""

from collections.abc import Sequence

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.insight.report import Clicks
from models.link.table import TAP, TrackedLink


def clicks_by_part(session: Session, sources: Sequence[str]) -> tuple[Clicks, dict[str, Clicks]]:
    """Return what was clicked in the messages of these sources, and the same by part.

    A source is `campaign:<run id>` or `journey:<code>`; the part is what its links name last: the
    variant, the step.
    """
    if not sources:
        return Clicks(), {}
    links = session.execute(
        select(TrackedLink.id, TrackedLink.source, TrackedLink.url).where(
            or_(
                *(
                    TrackedLink.source.startswith(f"{source}:", autoescape=True)
                    for source in sources
                )
            )
        )
    ).all()
    asked = {
        "ids": [link.id for link in links],
        "parts": [link.source.rpartition(":")[2] for link in links],
        "taps": [link.url.startswith(TAP) for link in links],
    }
    total, by_part = Clicks(), {}
    for part, *figures in session.execute(_CLICKS, asked):
        if part is None:
            total = Clicks(*figures)
        else:
            by_part[part] = Clicks(*figures)
    return total, by_part


_CLICKS = text(
    squeezed("""
        SELECT link.part, count(*) FILTER (WHERE NOT link.is_tap),
            count(DISTINCT click.member_id) FILTER (WHERE NOT link.is_tap),
            count(*) FILTER (WHERE NOT link.is_tap AND click.member_id IS NULL),
            count(*) FILTER (WHERE link.is_tap),
            count(DISTINCT click.member_id) FILTER (WHERE link.is_tap),
            count(DISTINCT click.member_id)
        FROM unnest(CAST(:ids AS bigint[]), CAST(:parts AS text[]), CAST(:taps AS boolean[]))
            AS link(id, part, is_tap)
        JOIN link_click AS click ON click.link_id = link.id
        GROUP BY GROUPING SETS ((), (link.part))
    """)
)
