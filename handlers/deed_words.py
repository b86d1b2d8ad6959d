"""What was done, in a clerk's words: the names of deeds, and of the figures that changed."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts

_NOTHING: tuple[Any, ...] = (0, None, "", [], {})


def deed_title(t: Texts, what: str) -> str:
    """Return what a deed is called; one that has no words goes by its code."""
    known = _counter(t).get(what) or _office(t).get(what) or _console(t).get(what)
    return known or _programme(t, what) or what


def noun_title(t: Texts, noun: str) -> str:
    """Return what all that is done to one kind of thing is called; `noun` ends with a dot."""
    return {
        "purchase.": t("結帳與退款"),
        "coupon.": t("優惠券"),
        "points.": t("點數調整"),
        "receipt_code.": t("收據碼"),
        "member.": t("會員"),
        "staff.": t("人員"),
        "device.": t("裝置"),
        "campaign.": t("行銷活動"),
        "journey.": t("旅程"),
        "segment.": t("分群"),
        "tier.": t("等級"),
        "shop.": t("商店"),
        "exchange.": t("匯入與匯出"),
        "api_key.": t("API 金鑰"),
        "webhook.": t("事件通知"),
    }[noun]


def _counter(t: Texts) -> dict[str, str]:
    """Name what is done with customers."""
    return {
        "purchase": t("結帳"),
        "purchase.record": t("結帳"),
        "refund": t("退款"),
        "purchase.refund": t("退款"),
        "refund.allow": t("同意退款"),
        "redemption": t("使用優惠券"),
        "coupon.redeem": t("使用優惠券"),
        "coupon.cancel": t("取消使用優惠券"),
        "coupon.staff": t("作廢優惠券"),
        "asked": t("申請店長核准"),
        "approval.approved": t("核准結帳"),
        "approval.refused": t("退回結帳"),
        "points.adjustment_asked": t("申請調整點數"),
        "points.adjustment_posted": t("調整點數"),
        "points.adjustment_refused": t("退回點數調整"),
        "adjustment.allow": t("同意調整點數"),
        "points.reverse": t("點數更正"),
        "points.activate": t("提前開放點數"),
        "stamps.move": t("調整集點"),
        "plan.pay": t("收取會費"),
        "plan.refund": t("退還會費"),
        "plan.step": t("變更付費會員"),
        "receipt_code.issue": t("開立收據碼"),
        "receipt_code.cancel": t("取消收據碼"),
        "offline_sale.open": t("離線消費待處理"),
        "offline_sale.recorded": t("離線消費補入帳"),
        "offline_sale.accepted": t("離線消費：店長知悉"),
        "offline_sale.dismissed": t("離線消費：不入帳"),
    }


def _office(t: Texts) -> dict[str, str]:
    """Name what is done about members, people and devices."""
    return {
        "sign_in": t("登入"),
        "shift.start": t("登入"),
        "sign_out": t("登出"),
        "member.register": t("新增會員"),
        "member.freeze": t("凍結會員卡"),
        "member.unfreeze": t("解除凍結"),
        "member.merge": t("合併會員"),
        "member.unmerge": t("取消合併"),
        "binding.move": t("更換 LINE 綁定"),
        "tier.grant": t("給予等級"),
        "tier.grant_undo": t("取消給予的等級"),
        "contact.settle": t("聯絡會員"),
        "birthday_card.done": t("寫好生日卡"),
        "birthday_card.reopen": t("生日卡改回未寫"),
        "care_task.done": t("聯絡關懷會員"),
        "care_task.reopen": t("關懷會員改回未聯絡"),
        "lens.look": t("查看異常"),
        "staff.role": t("變更職務"),
        "staff.admit": t("恢復登入"),
        "staff.shut_out": t("停止登入"),
        "staff.pin_choose": t("設定 PIN"),
        "staff.pin_change": t("更換 PIN"),
        "staff.pin_reset": t("重設 PIN"),
        "staff.pin_unlock": t("解除 PIN 鎖定"),
        "staff.pin_wrong": t("PIN 輸入錯誤"),
        "staff.pin_lock": t("PIN 已鎖定"),
        "device.enrol": t("啟用裝置"),
        "device.revoke": t("停用裝置"),
        "device.code": t("產生裝置啟用碼"),
        "webhook.disable": t("停用事件通知"),
    }


def _console(t: Texts) -> dict[str, str]:
    """Name what is done about the shop itself."""
    return {
        "shop.change": t("變更商店資料"),
        "store.add": t("新增門市"),
        "store.rename": t("門市改名"),
        "notice.publish": t("發布個資告知"),
        "setup.choose": t("設定精靈"),
        "preset.apply": t("套用產業範本"),
        "staff.add": t("新增人員"),
        "staff.invite": t("發出密碼連結"),
        "staff.password_set": t("設定密碼"),
        "staff.password_change": t("更換密碼"),
        "staff.sessions_end": t("登出其他裝置"),
        "staff.office_login": t("登入後台"),
        "staff.totp_set": t("啟用兩步驟驗證"),
        "staff.totp_reset": t("重設兩步驟驗證"),
        "staff.totp_lock": t("驗證碼已鎖定"),
        "staff.totp_paper": t("使用備用碼"),
        "api_key.add": t("新增 API 金鑰"),
        "api_key.rotate": t("更換 API 金鑰"),
        "api_key.revoke": t("停用 API 金鑰"),
        "exchange.upload": t("上傳匯入檔"),
        "exchange.write": t("匯入資料"),
        "exchange.undo": t("復原匯入"),
        "exchange.export": t("匯出資料"),
        "exchange.fetch": t("下載匯出檔"),
        "exchange.stop": t("停止匯入或匯出"),
        "exchange.drop": t("刪除檔案"),
        "journey.add": t("新增旅程"),
        "journey.change": t("修改旅程"),
        "journey.rename": t("旅程改名"),
        "journey.activate": t("啟用旅程"),
        "journey.pause": t("暫停旅程"),
        "journey.archive": t("封存旅程"),
        "segment.add": t("新增分群"),
        "segment.change": t("修改分群"),
        "segment.rename": t("分群改名"),
        "segment.export": t("匯出分群名單"),
        "tier.publish": t("發布等級規則"),
        "tier.change": t("修改等級"),
        "tier.propose": t("提出等級規則"),
        "tier.change_proposal": t("修改等級提案"),
        "tier.drop_proposal": t("放棄等級提案"),
        "member.note": t("寫下備註"),
        "member.note_removed": t("刪除備註"),
        "member.export": t("匯出會員資料"),
        "member.erase": t("刪除會員資料"),
        "member.stop_marketing": t("停止行銷訊息"),
        "campaign.export": t("匯出發送名單"),
        "journey.move": t("搬移旅程中的會員"),
        "journey.give_up": t("結束會員的旅程"),
        "report.letter": t("定期寄送報表"),
        "report.letter_end": t("停止寄送報表"),
        "webhook.add": t("新增事件通知"),
        "webhook.enable": t("恢復事件通知"),
        "webhook.rotate": t("更換事件通知的密鑰"),
        "webhook.delete": t("刪除事件通知"),
        "coupon.hand_out": t("發送優惠券給分群"),
        "coupon.hand_out_stop": t("停止發送優惠券"),
    }


def _programme(t: Texts, what: str) -> str | None:
    """Name what is done about the programme's rules and offers, each in the same few ways."""
    noun, _, verb = what.partition(".")
    name = {
        "coupon": t("優惠券"),
        "earn_rule": t("集點規則"),
        "points_rule": t("點數設定"),
        "stamp_card": t("集點卡"),
        "reward": t("兌換品"),
        "mission": t("任務"),
        "badge": t("徽章"),
        "plan": t("付費方案"),
        "lottery": t("抽獎活動"),
        "event": t("聚會"),
        "sale": t("優先購"),
        "page": t("專屬內容"),
        "referral_rule": t("推薦規則"),
        "community": t("會員社群"),
        "activity_rule": t("互動獎勵"),
        "benefit": t("等級權益"),
        "review": t("評論"),
    }.get(noun)
    if name is None:
        return None
    return {
        "add": t("新增{thing}", thing=name),
        "change": t("修改{thing}", thing=name),
        "refuse": t("不採用{thing}的變更", thing=name),
        "restock": t("調整{thing}的數量", thing=name),
        "end": t("結束{thing}", thing=name),
        "attend": t("記下{thing}的出席", thing=name),
        "moderate": t("審核{thing}", thing=name),
        "add_prize": t("{thing}加獎項", thing=name),
    }.get(verb)


def figure_words(t: Texts, values: Mapping[str, Any] | None) -> str:
    """Write what an entry of the audit holds, one figure after the other."""
    names = _figure_names(t)
    told = {key: value for key, value in (values or {}).items() if value not in _NOTHING}
    ordered = [key for key in names if key in told] + [key for key in told if key not in names]
    return " · ".join(f"{names.get(key, key)} {_value(t, told[key])}" for key in ordered)


def _value(t: Texts, value: Any) -> str:
    if isinstance(value, bool):
        return t("是") if value else t("否")
    if isinstance(value, dict):
        return t("（") + figure_words(t, value) + t("）")
    if isinstance(value, list):
        return t("、").join(_value(t, one) for one in value)
    return t.number(value) if isinstance(value, int) else str(value)


def _figure_names(t: Texts) -> dict[str, str]:
    """Name the figures, in the order in which they are told."""
    return {
        "amount_twd": t("金額"),
        "discount_twd": t("折抵"),
        "points_twd": t("點數折抵"),
        "paid_twd": t("實收"),
        "points_earned": t("獲得點數"),
        "points_taken": t("收回點數"),
        "points_given_back": t("退還點數"),
        "stamps_added": t("集點"),
        "stamps": t("集點"),
        "points": t("點數"),
        "state": t("狀態"),
        "role": t("職務"),
        "months": t("月數"),
        "is_full": t("整筆退款"),
        "device": t("裝置"),
        "version": t("版本"),
        "kind": t("種類"),
        "size_bytes": t("位元組"),
        "key": t("金鑰"),
        "scopes": t("權限"),
        "preset": t("範本"),
        "effective_on": t("生效日"),
        "code": t("代碼"),
        "left": t("剩下"),
        "tier": t("等級"),
        "kept_until": t("等級重新評估"),
        "draft": t("規則"),
        "name": t("名稱"),
        "basis": t("怎麼算"),
        "thresholds": t("門檻"),
        "grace_days": t("寬限天數"),
        "warn_days": t("提醒天數"),
        "rights_kept_until": t("權益保留到"),
        "note": t("說明"),
        "benefits": t("權益"),
        "ended": t("停止的權益"),
        "frozen_reason": t("原因"),
    }
