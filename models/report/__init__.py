"""Reports: each answers one question of the shop, tells how it was worked out, and how sure it is.

`catalogue` lists them; `findings` is the one shape in which each tells what it found, so that a
page, a file and a mail draw all of them alike. They are worked out by night (`models/prepared.py`)
and may come by mail (`letter`).
"""

from models.report.catalogue import (
    REPORTS,
    find_findings,
    get_report,
    kept_findings,
)
from models.report.findings import FEW, Findings
from models.report.letter import (
    DAILY,
    HOURS,
    MONTHLY,
    RHYTHMS,
    WEEKLY,
    Order,
    ReportLetter,
    ReportSending,
    end_letter,
    find_letter_by_token,
    get_letter,
    is_late,
    last_sendings,
    letter_token,
    list_due_sendings,
    list_letters,
    order_letter,
    plan_sendings,
    put_sending_off,
    settle_sending,
)
from models.report.refusals import LetterRefused, NoSuchLetter, NoSuchReport, TooManyLetters
from models.report.report import TOPICS, Report

__all__ = [
    "DAILY",
    "FEW",
    "HOURS",
    "MONTHLY",
    "REPORTS",
    "RHYTHMS",
    "TOPICS",
    "WEEKLY",
    "Findings",
    "LetterRefused",
    "NoSuchLetter",
    "NoSuchReport",
    "Order",
    "Report",
    "ReportLetter",
    "ReportSending",
    "TooManyLetters",
    "end_letter",
    "find_findings",
    "find_letter_by_token",
    "get_letter",
    "get_report",
    "is_late",
    "kept_findings",
    "last_sendings",
    "letter_token",
    "list_due_sendings",
    "list_letters",
    "order_letter",
    "plan_sendings",
    "put_sending_off",
    "settle_sending",
]
