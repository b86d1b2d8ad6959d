"""What reports refuse."""

from models.base import BusinessError


class NoSuchReport(BusinessError):
    """There is no report of this name."""

    code = "no_such_report"


class LetterRefused(BusinessError):
    """A report's letter makes no sense; `what` names the part."""

    code = "report_letter_refused"


class TooManyLetters(BusinessError):
    """The shop sends as many letters as it may; `most` says how many."""

    code = "too_many_report_letters"


class NoSuchLetter(BusinessError):
    """There is no such letter, or it ended."""

    code = "no_such_report_letter"
