"""What stands in files and what came of them, in words."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts
from models.exchange import MEMBERS, Problem


def platform_words(t: Texts) -> list[tuple[str, str]]:
    """Return where a file may come from."""
    return [
        ("generic", t("一般 CSV 或 Excel（自動辨認）")),
        ("shopline", "SHOPLINE"),
        ("cyberbiz", "CYBERBIZ"),
        ("91app", "91APP"),
        ("easystore", "EasyStore"),
        ("own", t("自己對應欄位")),
    ]


def field_words(t: Texts, kind: str) -> dict[str, str]:
    """Return what each field of a file is called."""
    return _member_fields(t) if kind == MEMBERS else _purchase_fields(t)


def _member_fields(t: Texts) -> dict[str, str]:
    return {
        "phone": t("手機"),
        "name": t("姓名"),
        "first_name": t("名"),
        "last_name": t("姓"),
        "email": t("電子郵件"),
        "number": t("原系統的會員編號"),
        "birthday": t("生日"),
        "joined": t("入會日"),
        "marketing": t("行銷同意"),
        "points": t("點數"),
        "points_expire_on": t("點數到期日"),
        "tier": t("等級"),
        "tier_until": t("等級到期日"),
    }


def _purchase_fields(t: Texts) -> dict[str, str]:
    return {
        "order": t("訂單編號"),
        "moment": t("消費時間"),
        "amount": t("金額"),
        "refunded": t("退款金額"),
        "phone": t("手機"),
        "email": t("電子郵件"),
        "member": t("會員編號"),
        "status": t("訂單狀態"),
        "payment": t("付款狀態"),
        "store": t("門市"),
        "channel": t("通路"),
    }


def outcome_words(t: Texts) -> dict[str, str]:
    """Return what the counts of an import or its undoing are called, in their order."""
    return {
        "rows": t("資料列"),
        "new": t("新的"),
        "made_before": t("上次已寫入"),
        "known": t("系統已有"),
        "double": t("檔案內重複"),
        "items": t("同一訂單的其他品項列"),
        "passed_over": t("不計入（取消、全額退款、零元）"),
        "overtaken": t("匯入期間已由其他管道入帳"),
        "refused": t("有錯誤，未匯入"),
        "lifted": t("升等的會員"),
        "points": t("點數"),
        "stamps": t("集點"),
        "marketing": t("有行銷同意紀錄"),
        "made": t("本批次共建立"),
        "purchases": t("已沖銷的消費"),
        "members": t("已清空的會員"),
        "kept_members": t("匯入後有活動而保留的會員"),
        "spent_points": t("已被用掉、無法收回的點數"),
        "tiers": t("恢復原等級的會員"),
    }


def problem_words(t: Texts, kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a problem that a file's row keeps: `row`, `column`, `severity`, `what`, `remedy`."""
    if "what" in kept:
        return kept  # Of before, when a row held the words themselves, in Chinese.
    problem = Problem.from_words(kept)
    return {
        "row": problem.row,
        "column": problem.column,
        "severity": problem.severity,
        "what": problem.what(t.language),
        "remedy": problem.remedy(t.language),
    }
