"""Reports that come by mail: ordering one, listing and ending them, the link in each to end it."""

import structlog
from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES
from handlers import settings
from handlers.console import form, views
from handlers.console.door import OPEN, ConsoleDoor, console_texts, current_staff
from models.base import in_language
from models.link import derive_link_key
from models.report import (
    HOURS,
    RHYTHMS,
    LetterRefused,
    Order,
    end_letter,
    find_letter_by_token,
    get_letter,
    get_report,
    last_sendings,
    list_letters,
    order_letter,
)

LONGEST_EMAIL = 200
LONGEST_ASKED = 2_000

log = structlog.get_logger()


def show_letters() -> ResponseReturnValue:
    """Show which reports come by mail, to whom, when next, and what became of the last."""
    letters = list_letters(g.session)
    return views.show(
        "reports/letters",
        letters=letters,
        titles={
            each.id: in_language(get_report(each.report).title, _language()) for each in letters
        },
        last=last_sendings(g.session, letters),
    )


def _language() -> str:
    return console_texts().language


def order(code: str) -> ResponseReturnValue:
    """Have a report come by mail from its next day on."""
    t = console_texts()
    letter = order_letter(
        g.session,
        current_staff(),
        Order(
            report=code,
            asked=_asked(),
            email=form.needed("email", LONGEST_EMAIL),
            language=form.needed_choice("language", LANGUAGES),
            every=form.needed_choice("every", RHYTHMS),
            hour=form.needed_whole("hour", least=HOURS.start, most=HOURS.stop - 1),
            weekday=form.whole("weekday", least=1, most=7),
        ),
        g.now,
    )
    log.info("report_letter_ordered", letter=letter.id, report=code, by=current_staff().id)
    notice = t("第一封會在 {day} 寄出。", day=t.day(letter.next_on(g.now)))
    return views.go(url_for("console.reports_show_letters"), notice)


def _asked() -> dict[str, str]:
    told = form.decoded(request.form.get("asked", "{}"), "asked", LONGEST_ASKED)
    if not isinstance(told, dict) or not all(isinstance(each, str) for each in told.values()):
        raise LetterRefused(what="asked")
    return told


def end(letter_id: int) -> ResponseReturnValue:
    """Let a letter come no more."""
    t = console_texts()
    letter = get_letter(g.session, letter_id)
    end_letter(g.session, letter, g.now, by=current_staff())
    log.info("report_letter_ended", letter=letter_id, by=current_staff().id)
    return views.go(url_for("console.reports_show_letters"), t("不再寄送"))


def ask_to_stop(token: str) -> ResponseReturnValue:
    """Ask the reader of a letter whether it shall come no more; looking changes nothing."""
    letter = find_letter_by_token(g.session, derive_link_key(settings().secret_key), token)
    title = in_language(get_report(letter.report).title, _language())
    return views.show("reports/stop", title=title, token=token, is_ended=False)


def stop(token: str) -> ResponseReturnValue:
    """End the letter whose reader says so."""
    letter = find_letter_by_token(g.session, derive_link_key(settings().secret_key), token)
    title = in_language(get_report(letter.report).title, _language())
    end_letter(g.session, letter, g.now)
    log.info("report_letter_ended", letter=letter.id)
    return views.show("reports/stop", title=title, token=token, is_ended=True)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the list, the forms, and the page behind the link in a letter."""
    blueprint.get("/reports/letters", right="reports.change", endpoint="reports_show_letters")(
        show_letters
    )
    blueprint.post(
        "/reports/<code>/letters", right="reports.change", endpoint="reports_order_letter"
    )(order)
    blueprint.post(
        "/reports/letters/<int:letter_id>/end",
        right="reports.change",
        endpoint="reports_end_letter",
    )(end)
    blueprint.get("/reports/stop/<token>", right=OPEN, endpoint="reports_ask_to_stop")(ask_to_stop)
    blueprint.post("/reports/stop/<token>", right=OPEN, endpoint="reports_stop")(stop)
