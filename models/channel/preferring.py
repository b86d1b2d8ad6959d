"""The channel a member prefers: learned from what they clicked, unless they or staff chose one.

By night each marketing message that was accepted two days ago becomes one sign, clicked or not, in
the row of its member and channel; the last five of each channel are kept (B-15). Only members with
an address that may be written to are looked at: all others have LINE alone. A message without
anything to click says nothing, and neither does one that went to many at once under one link.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import BusinessError, squeezed
from models.channel.address import hold_channel
from models.channel.table import CONFIRMED, RECENT
from models.outbox import CHANNELS, EMAIL, LINE

CLICKED_WITHIN = timedelta(days=2)
"""A click later than this is no answer to the message any more."""
FEWEST = 3
"""So many messages of a channel have to be known before it is given up for the other."""
LOOK_BACK = timedelta(days=30)
"""So far back the first look at a member goes."""
BY_MEMBER = "member"


class NotAChannel(BusinessError):
    """There is no such channel to choose; `channels` lists those there are."""

    code = "not_a_channel"


@dataclass(frozen=True)
class Learned:
    """What one part did: through which member it came, and how many it looked at."""

    through_id: int
    members: int
    is_last: bool


def choose_channel(
    session: Session, member_id: int, channel: str | None, *, by: str, now: datetime
) -> None:
    """Let a member, or staff for them, have a channel of their choice; None: learn it again.

    It holds before what is learned. Raises NotAChannel.
    """
    if channel is not None and channel not in CHANNELS:
        raise NotAChannel(channels=list(CHANNELS))
    row = hold_channel(session, member_id)
    row.chosen = channel
    row.chosen_by, row.chosen_at = (by, now) if channel is not None else (None, None)
    session.flush()


def learn_channels(session: Session, now: datetime, *, after_id: int, limit: int) -> Learned:
    """Learn what the next members clicked, from messages old enough for an answer.

    Safe to repeat: each message becomes one sign, once.
    """
    through = now - CLICKED_WITHIN
    asked = {
        "after_id": after_id,
        "limit": limit,
        "through": through,
        "oldest": through - LOOK_BACK,
        "within": CLICKED_WITHIN,
    }
    members: Sequence[int] = session.scalars(_HEAR, asked).all()
    if members:
        session.execute(_JUDGE, {"ids": list(members), "now": now})
    return Learned(max(members, default=after_id), len(members), is_last=len(members) < limit)


_HEAR = text(
    squeezed(f"""
        WITH kept AS (
            SELECT member_id, greatest(coalesce(learned_through, :oldest), :oldest) AS since
            FROM member_channel
            WHERE email_state = '{CONFIRMED}' AND member_id > :after_id
                AND (learned_through IS NULL OR learned_through < :through)
            ORDER BY member_id LIMIT :limit FOR UPDATE
        ), sent AS (
            SELECT one.member_id, batch.channel, 'campaign:' || one.run_id AS source,
                coalesce(one.settled_at, batch.settled_at) AS at, batch.is_personal
            FROM kept JOIN campaign_recipient AS one ON one.member_id = kept.member_id
            JOIN campaign_batch AS batch ON batch.id = one.batch_id
            WHERE coalesce(one.state, batch.state) = 'accepted'
                AND coalesce(one.settled_at, batch.settled_at) > kept.since
                AND coalesce(one.settled_at, batch.settled_at) <= :through
            UNION ALL
            SELECT owed.member_id, owed.channel, owed.source, owed.settled_at, true
            FROM kept JOIN outbox AS owed ON owed.member_id = kept.member_id
            WHERE owed.is_marketing AND owed.state = 'accepted' AND owed.source IS NOT NULL
                AND owed.settled_at > kept.since AND owed.settled_at <= :through
        ), heard AS (
            SELECT sent.member_id, sent.channel, sent.at, sent.is_personal, EXISTS (
                SELECT FROM link_click AS click JOIN tracked_link AS link ON link.id = click.link_id
                WHERE click.member_id = sent.member_id AND click.at >= sent.at
                    AND click.at < sent.at + CAST(:within AS interval)
                    AND (link.source = sent.source OR starts_with(link.source, sent.source || ':'))
            ) AS is_clicked
            FROM sent WHERE EXISTS (
                SELECT FROM tracked_link AS link WHERE link.source = sent.source
                    OR (link.source >= sent.source || ':' AND link.source < sent.source || ';')
            )
        ), news AS (
            SELECT member_id,
                string_agg(CASE WHEN is_clicked THEN '1' ELSE '0' END, '' ORDER BY at, is_clicked)
                    FILTER (WHERE channel = '{LINE}') AS line,
                string_agg(CASE WHEN is_clicked THEN '1' ELSE '0' END, '' ORDER BY at, is_clicked)
                    FILTER (WHERE channel = '{EMAIL}') AS email
            FROM heard WHERE is_personal OR is_clicked GROUP BY member_id
        )
        UPDATE member_channel SET learned_through = :through,
            line_recent = right(line_recent || coalesce(news.line, ''), {RECENT}),
            email_recent = right(email_recent || coalesce(news.email, ''), {RECENT})
        FROM kept LEFT JOIN news ON news.member_id = kept.member_id
        WHERE member_channel.member_id = kept.member_id
        RETURNING member_channel.member_id
    """)  # noqa: S608  # Of our own words only.
)
_JUDGE = text(
    squeezed(f"""
        WITH counted AS (
            SELECT member_id, learned, length(line_recent) AS lines, length(email_recent) AS mails,
                length(replace(line_recent, '0', '')) AS line_clicks,
                length(replace(email_recent, '0', '')) AS mail_clicks
            FROM member_channel WHERE member_id = ANY(CAST(:ids AS bigint[]))
        ), judged AS (
            SELECT member_id, CASE
                WHEN line_clicks > 0 AND mail_clicks = 0 AND mails >= {FEWEST} THEN '{LINE}'
                WHEN mail_clicks > 0 AND line_clicks = 0 AND lines >= {FEWEST} THEN '{EMAIL}'
                WHEN least(lines, mails) < {FEWEST} THEN learned
                WHEN line_clicks * mails > mail_clicks * lines THEN '{LINE}'
                WHEN line_clicks * mails < mail_clicks * lines THEN '{EMAIL}'
                ELSE learned END AS channel
            FROM counted
        )
        UPDATE member_channel SET learned = judged.channel, learned_at = :now FROM judged
        WHERE member_channel.member_id = judged.member_id
            AND member_channel.learned IS DISTINCT FROM judged.channel
    """)  # noqa: S608  # Of our own words only.
)
