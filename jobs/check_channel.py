"""Looking at the LINE channel for somebody who waits on a page; rung, never on the timetable."""

from dataclasses import asdict

from bot.channel_check import check_channel as look_at
from jobs.context import JobContext
from models.channel_check import conclude_check, expected_of_channel, find_open_check


async def check_channel(context: JobContext) -> int:
    """Look at the channel if somebody asked; return how many looks were taken.

    Safe to run twice: a look changes nothing at LINE, and the first to end is kept.
    """
    now = context.clock()
    with context.sessions() as session:
        check_id = find_open_check(session, now)
        expected = expected_of_channel(session, now)
    if check_id is None:
        return 0
    findings = await look_at(context.line, expected, context.links.base_url)
    with context.sessions.begin() as session:
        conclude_check(session, check_id, [asdict(each) for each in findings], context.clock())
    return 1
