"""How a campaign is refused: where in it, what was found there, and what would do."""

from models.base import BusinessError, said
from models.segment.refusals import RuleRefused


class CampaignRefused(RuleRefused):
    """Something a campaign says will not do; `path` says where, `possible` what would."""

    code = "campaign_refused"
    texts = said(
        "{path}：「{found}」不能用；需要：{possible}。",
        "{path}: {found} will not do; wanted: {possible}.",
        "{path}：「{found}」は使えません。必要なもの：{possible}。",
    )


class ScheduleInPast(CampaignRefused):
    """The moment to send is over, its grace included."""

    code = "campaign_schedule_in_past"
    texts = said(
        "{path}：{found} 已經過了；請選未來的時間。",
        "{path}: {found} is over; choose a moment to come.",
        "{path}：{found} は過ぎています。これからの日時を選んでください。",
    )


class NoSuchCampaign(BusinessError):
    """No campaign has this code."""

    code = "no_such_campaign"


class CampaignExists(BusinessError):
    """A campaign of this code is there already."""

    code = "campaign_exists"


class CampaignChangedMeanwhile(BusinessError):
    """Somebody changed the campaign after the asker saw it: `by` whom, `at`, and its new `base`."""

    code = "campaign_changed_meanwhile"


class NotInThisState(BusinessError):
    """The campaign's `state` does not allow what was asked; `wanted` lists those that would."""

    code = "campaign_not_in_this_state"


class NotTheirCampaign(BusinessError):
    """The person's role does not include this, or one person would be two; `why` says which."""

    code = "campaign_not_allowed"


class EmptyAudience(BusinessError):
    """Nobody is in the audience who could be written to."""

    code = "campaign_empty_audience"


class CannotTest(BusinessError):
    """Some of the members cannot get a test: `unknown` or `not_friends` lists their ids."""

    code = "campaign_cannot_test"


class NotMovable(BusinessError):
    """A campaign has no day that could be moved: it recurs, is under way, or is over."""

    code = "campaign_not_movable"
