"""How the lifecycle models say no."""

from models.base import BusinessError


class DayNotYet(BusinessError):
    """The day asked about has not come; the facts carry it as `on`, and `today`."""

    code = "day_not_yet"


class BeforeTheShopOpened(BusinessError):
    """On the day asked about nobody was a member yet; the facts carry `on` and `opened_on`.

    `opened_on` is None where there has never been a member.
    """

    code = "before_the_shop_opened"


class NotAMemberThen(BusinessError):
    """The member was none on the day asked about: joined later, left, or became another card."""

    code = "not_a_member_then"


class UnknownCategory(BusinessError):
    """Nothing of this category was ever sold; the facts carry the catalogue's as `known`."""

    code = "unknown_category"


class UnknownModel(BusinessError):
    """There is no model of this name; the facts carry those there are as `known`."""

    code = "unknown_model"


class UnknownClass(BusinessError):
    """The model has no class of this name; the facts carry those it has as `known`."""

    code = "unknown_class"


class LifecycleRefused(BusinessError):
    """The settings make no sense; `why` names each that does not, with what it may be."""

    code = "lifecycle_refused"


class ActionRefused(BusinessError):
    """The action of a class cannot be kept; `why` says which part of it."""

    code = "action_refused"
