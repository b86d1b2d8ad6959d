"""The system's state: what waits, who works, which job ran when; for whoever asks what is wrong."""

from flask import g
from flask.typing import ResponseReturnValue

from bot.texts import Texts
from handlers.console import views
from handlers.console.door import ConsoleDoor, console_texts
from models.queue_health import MOST_COUNTED, read_health


def show_health() -> ResponseReturnValue:
    """Show how the work behind the pages goes."""
    t = console_texts()
    return views.show(
        "settings/health",
        health=read_health(g.session, g.now),
        jobs=_job_words(t),
        waits=_waiting_words(t),
        most=MOST_COUNTED,
    )


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the address of the system's state."""
    blueprint.get("/settings/health", right="settings.see")(show_health)


def _waiting_words(t: Texts) -> dict[str, str]:
    return {
        "line_event": t("收到、還沒處理的 LINE 事件"),
        "outbox": t("該送、還沒送出的訊息"),
        "webhook_delivery": t("該送、還沒送到的事件通知"),
    }


def _job_words(t: Texts) -> dict[str, str]:
    return {
        "end_plans": t("結束到期的付費會員"),
        "evaluate_tiers": t("評定會員等級"),
        "activate_points": t("點數生效"),
        "expire_points": t("點數到期"),
        "expire_stamps": t("集點卡到期"),
        "make_birthday_cards": t("列出手寫生日卡"),
        "measure_value_factors": t("計算等級分數"),
        "measure_kpis": t("計算指標"),
        "learn_channels": t("學習會員偏好的通路"),
        "keep_favourites": t("更新會員最愛的商品"),
        "rebuild_classes": t("重新分類會員"),
        "apply_tag_rules": t("依規則貼標籤"),
        "fit_forecasts": t("預測"),
        "seal_ledger": t("封存點數帳"),
        "forget_old": t("刪除過期紀錄"),
        "forget_identity": t("刪除過期驗證資料"),
        "want_figures": t("準備報表"),
        "tidy_counters": t("整理櫃台資料"),
        "settle_referrals": t("結算推薦獎勵"),
    }
