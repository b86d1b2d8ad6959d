"""What may tell a clerk that the wrong person, or the same sale again, is on the screen."""

from datetime import date, timedelta

from bot.texts import Texts
from handlers.clerk.visit import Visit
from models.fraud import is_own_card
from models.member import Member
from models.staff import Staff

LONG_AGO = timedelta(days=365)


def hints(t: Texts, visit: Visit, member: Member, staff: Staff, today: date) -> list[str]:
    """Return what the clerk should look at before going on; asks the database nothing."""
    found = []
    if is_own_card(staff, member):
        found.append(t("這是您自己的會員卡：請由同事結帳。"))
    if visit.is_typed and member.purchase_count == 0:
        found.append(t("這個號碼還沒有消費過，請再核對一次。"))
    elif visit.is_typed and member.last_purchase_on and member.last_purchase_on < today - LONG_AGO:
        found.append(t("上次消費是 {day}，請核對是不是本人。", day=t.date(member.last_purchase_on)))
    if member.day_on == today and member.day_purchases:
        found.append(t("今天已有 {count} 筆，請確認沒有重複結帳。", count=member.day_purchases))
    return found
