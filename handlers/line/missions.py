"""Missions and badges, and the day's check-in."""

from bot import Message
from bot.activity_views import BadgeView, MissionsView, MissionView
from bot.cards.missions import badge_card, check_in_closed, checked_in, mission_carousel
from bot.postback import Action
from handlers.line import Turn, on_member
from models.badge import list_badges, list_own_badges
from models.base import in_language
from models.local_day import local_day
from models.member import Member
from models.mission import CheckInClosed, check_in, has_checked_in, list_missions


@on_member("postback", Action.SHOW_MISSIONS)
def show_missions(turn: Turn, member: Member) -> list[Message]:
    """A member taps 任務: what to do, how far they are, and what it brings."""
    return mission_carousel(turn.texts, _missions(turn, member))


@on_member("postback", Action.CHECK_IN)
def take_check_in(turn: Turn, member: Member) -> list[Message]:
    """A member taps 每日簽到: once a Taipei day."""
    try:
        is_first = check_in(turn.session, member, turn.now)
    except CheckInClosed:
        return check_in_closed(turn.texts)
    return checked_in(turn.texts, _missions(turn, member), is_first=is_first)


@on_member("postback", Action.SHOW_BADGES)
def show_badges(turn: Turn, member: Member) -> list[Message]:
    """A member taps 徽章: those they won, and how many more there are."""
    won = {badge.badge_code: badge for badge in list_own_badges(turn.session, member.id)}
    views = [
        BadgeView(
            in_language(badge.name, member.language),
            badge.sign,
            local_day(won[badge.code].given_at) if badge.code in won else None,
        )
        for badge in list_badges(turn.session)
    ]
    return badge_card(turn.texts, sorted(views, key=lambda view: view.won_on is None))


def _missions(turn: Turn, member: Member) -> MissionsView:
    standings = list_missions(turn.session, member, turn.now)
    views = [MissionView.from_words(s.words(turn.session, member.language)) for s in standings]
    return MissionsView(tuple(views), has_checked_in(turn.session, member.id, turn.now))
