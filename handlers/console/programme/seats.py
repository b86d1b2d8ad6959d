"""An event's own part: who comes, waits and came; and next month's birthday cards (C-13)."""

from typing import Any

from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, current_staff
from handlers.console.noting import note_deed
from handlers.console.programme import pages
from handlers.console.programme.desk import Desk, this_desk
from models.birthday_card import list_birthday_cards, tick_birthday_card
from models.gathering import Gathering, list_seats, note_attendance
from models.local_day import first_of_month_after, local_day
from models.offering import Row
from models.offering.kinds import EVENT


def note_came(code: str) -> ResponseReturnValue:
    """Note that a member with a seat came."""
    desk = this_desk()
    row: Gathering = EVENT.get(g.session, code)
    member_id = form.needed_whole("member_id", least=1)
    if note_attendance(g.session, row.id, member_id):
        note_deed("event.attend", f"event:{code}", after={"member_id": member_id})
    url = url_for("console.programme_pages_show_one", slug="events", code=code)
    return views.go(f"{url}#seats", desk.t("已記下出席"))


def show_cards() -> ResponseReturnValue:
    """Show the birthday cards to write by hand, to be printed and ticked off."""
    month = first_of_month_after(local_day(g.now), 1)
    desk = this_desk()
    return views.show(
        "programme/cards",
        month=month,
        cards=list_birthday_cards(g.session, month),
        tiers={tier.id: desk.name(tier.name) for tier in desk.programme.tiers},
    )


def tick_card(card_id: int) -> ResponseReturnValue:
    """Tick a card off as written."""
    tick_birthday_card(g.session, card_id, current_staff(), is_done=True, now=g.now)
    url = url_for("console.programme_seats_show_cards")
    return views.go(url, this_desk().t("已寫好一張"))


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of seats and of birthday cards."""
    blueprint.post("/loyalty/events/<code>/came", right="members.change")(note_came)
    blueprint.get("/loyalty/birthday-cards", right="members.correct")(show_cards)
    blueprint.post("/loyalty/birthday-cards/<int:card_id>", right="members.correct")(tick_card)


def _extra(desk: Desk, row: Row) -> dict[str, Any]:
    seats = list_seats(desk.session, row.id)
    names = {
        "going": desk.t("會來"),
        "waiting": desk.t("候補"),
        "attended": desk.t("來了"),
    }
    return {
        "seats": [(seat, member, names[seat.state]) for seat, member in seats],
        "counts": {
            words: sum(seat.state == state for seat, _ in seats) for state, words in names.items()
        },
    }


pages.adds("event", _extra)
