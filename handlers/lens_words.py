"""The words of the clerk lens, as counter and console show it: what each figure counts, and why."""

from bot.texts import Texts
from models.fraud.figures import Figure


def titles(t: Texts) -> dict[str, tuple[str, str]]:
    """Return each figure's title, and what it counts, in a manager's words."""
    return {
        "manual_adds": (t("手動加點"), t("每筆結帳中，另外手動加點的次數")),
        "same_member": (t("同一張卡"), t("同一位會員佔這位店員結帳的比例")),
        "after_hours": (t("營業時間外"), t("開店前、打烊後的結帳")),
        "buy_returns": (t("買了又退"), t("一週內整筆退掉的結帳")),
        "staff_cards": (t("員工自己的卡"), t("記在員工會員卡上的結帳")),
    }


def percent(share: float) -> str:
    """Write a share as people say it: 16 %, and small ones with a digit more."""
    hundredths = share * 100
    return f"{hundredths:.1f} %" if 0 < hundredths < 10 else f"{hundredths:.0f} %"


def why(t: Texts, figure: Figure) -> str:
    """Say in plain words why a figure is an alarm, or is none."""
    if figure.verdict == "alone":
        return t("可以比較的店員還不夠，暫不判斷。")
    low, high = figure.others[0], figure.others[-1]
    peers = percent(high) if low == high else f"{percent(low)[:-2]}–{percent(high)}"
    if figure.verdict == "alarm":
        return t("其他店員 {peers}；差距遠超過平常的起伏，請看一下這幾筆。", peers=peers)
    if figure.verdict == "few":
        return t("其他店員 {peers}；比較高，但筆數太少，還說不準。", peers=peers)
    return t("其他店員 {peers}；在平常的範圍內。", peers=peers)
