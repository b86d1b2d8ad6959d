"""Every way the counter can say no, in the clerk's language: what happened, and how to go on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bot.texts import Texts
from handlers.notice import Notice
from models.base import BusinessError

Facts = dict[str, Any]


def explain(t: Texts, error: BusinessError) -> Notice:
    """Return the notice for a refusal; one we have no words for is shown in general ones."""
    return explain_code(t, error.code, error.facts)


def explain_code(t: Texts, code: str, facts: Facts) -> Notice:
    """Return the notice for a refusal that was kept: its code and its facts."""
    words = _NOTICES.get(code, _unknown)
    return replace(words(t, facts), code=code)


def pace_words(t: Texts, codes: Sequence[str]) -> list[str]:
    """Return what the limits of pace say, each in a clerk's words."""
    known = {
        "card_frozen": t("這張卡已凍結：可以累點，不能使用優惠券與點數。"),
        "member_day": t("這位會員今天消費次數偏多。"),
        "member_points_day": t("這位會員今天累積的點數偏多。"),
        "member_redemptions_day": t("這位會員今天使用優惠的次數偏多。"),
        "staff_10_minutes": t("您十分鐘內記錄的筆數偏多。"),
        "staff_points_sale": t("這一筆給的點數超過店員的上限。"),
        "staff_points_day": t("您今天給的點數超過店員的上限。"),
        "staff_coupon_sale": t("這一筆的優惠券折抵超過店員的上限。"),
        "device_hour": t("這台裝置一小時內記錄的筆數偏多。"),
        "store_hour": t("本店一小時內記錄的筆數偏多。"),
        "staff_adjustments_day": t("您今天手動調整點數的次數偏多。"),
    }
    return [known.get(code, t("短時間內的次數偏多。")) for code in codes]


def coupon_words(t: Texts, error: BusinessError) -> str:
    """Return in few words why a ticked coupon does not count."""
    facts = error.facts
    if error.code == "coupon_needs_more":
        return t("未滿 {least}", least=t.money(facts["min_spend_twd"]))
    known = {
        "coupon_not_here": t("這裡不適用"),
        "coupons_do_not_combine": t("不能和別張一起用"),
    }
    return known.get(error.code, t("不能使用"))


def _unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這樣不行"), t("沒有記錄任何消費。請再試一次，或請店長協助。"))


def _nothing_asked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還沒有會員資料"), t("請掃描會員條碼，或輸入會員編號、手機號碼。"))


def _not_a_member_code(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這不是我們的會員條碼"),
        t("請客人打開 LINE，在選單點「會員卡」，再掃描卡片上的條碼。"),
    )


def _member_code_forged(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("條碼無法驗證"),
        t("這個條碼不是本店發出的。請客人當場在 LINE 重新打開會員卡；若仍不行，改輸入會員編號。"),
    )


def _member_code_expired(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("條碼已過期"),
        t("條碼每分鐘更新，截圖不能使用。請客人在 LINE 重新打開會員卡，再掃一次。"),
    )


def _code_already_used(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個條碼已經用過"),
        t("一個條碼只能記錄一次消費。請客人更新會員卡，再掃新的條碼。"),
    )


def _no_such_member(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("找不到這位會員"),
        t("請核對號碼，或改掃條碼。會員退出後資料會刪除；客人可以在 LINE 重新加入。"),
    )


def _name_unchecked(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("請先核對姓名"),
        t("號碼是手動輸入的。請問客人姓名，符合後勾選「已核對姓名」，再按一次確認。"),
    )


def _amount_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請輸入金額"), t("用數字鍵輸入消費金額，再按確認。"))


def _amount_unreadable(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("看不懂這個金額"), t("請只輸入整數，例如 120、65+80 或 65×2。"))


def _amount_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額超出範圍"),
        t(
            "金額須介於 NT$1 與 {largest} 之間。請修改後再按確認。",
            largest=t.money(facts["largest_twd"]),
        ),
    )


def _coupon_not_usable(t: Texts, facts: Facts) -> Notice:
    titles = {
        "redeemed": t("這張優惠券剛剛用掉了"),
        "expired": t("這張優惠券已過期"),
        "void": t("這張優惠券已作廢"),
    }
    return Notice(
        titles.get(facts.get("state", ""), t("這張優惠券不能使用")),
        t("沒有記錄消費。請取消勾選這張，再按一次確認。"),
    )


def _coupon_needs_more(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額未達優惠券門檻"),
        t(
            "這張優惠券須消費滿 {least}。請修改金額，或取消勾選這張。",
            least=t.money(facts["min_spend_twd"]),
        ),
    )


def _coupons_do_not_combine(t: Texts, facts: Facts) -> Notice:
    if facts.get("alone"):
        return Notice(
            t("其中有優惠券不能和別張一起用"),
            t("請只留下那一張，或取消勾選它，再按一次確認。"),
        )
    return Notice(t("這些優惠券不能一起用"), t("同一組一次只能用一張，請取消勾選其中一張。"))


def _coupon_not_here(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張優惠券在這裡不能用"),
        t("它只限指定的分店、通路或會員等級。請取消勾選，或改用其他優惠券。"),
    )


def _coupon_needs_sale(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張優惠券要在結帳時用"),
        t("它折抵的是消費金額。請先掃描會員，輸入金額，再勾選這張優惠券。"),
    )


def _redemption_not_cancellable(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這次兌換不能取消"),
        t("單獨兌換在十分鐘內可以取消；在結帳中用掉的，請到那筆消費辦理退款。"),
    )


def _points_not_usable(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("點數折抵太多"),
        t("這筆最多可折 {points} 點。請修改後再按確認。", points=t.number(facts.get("most", 0))),
    )


def _points_unreadable(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("看不懂點數"), t("點數請輸入整數；不折抵就留白。"))


def _insufficient_points(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("點數不足"),
        t("會員目前有 {points} 點。請修改點數再試一次。", points=t.number(facts.get("balance", 0))),
    )


def _card_frozen(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張卡已凍結"),
        t("可以累點，不能使用優惠券與點數。請取消優惠後再確認；店長可在「會員服務」解除凍結。"),
    )


def _approval_needed(t: Texts, facts: Facts) -> Notice:
    return Notice(t("需要店長核准"), " ".join(pace_words(t, facts.get("reasons", ()))))


def _approval_not_usable(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("店長還沒有核准，或核准已失效"),
        t("核准只適用同一位會員、同一個金額，15 分鐘內有效。請店長核准後再按一次確認。"),
    )


def _second_person_needed(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("須由另一位店長處理"), t("自己提出的不能自己核准。請另一位店長或老闆處理。"))


def _idempotency_key_reused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這一頁已經記錄過一筆消費"),
        t("沒有重複入帳。可到「今日」核對；若還有另一筆，請按「取消」重新掃描。"),
    )


def _visit_over(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("距離掃描已超過 15 分鐘"),
        t("為了安全，請重新掃描同一位會員；已輸入的金額會保留。"),
    )


def _visit_not_ours(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這一頁已失效"),
        t("頁面可能由其他店員打開。請重新掃描會員；已輸入的金額會保留。"),
    )


def _no_such_purchase(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這筆消費"), t("請回到「今日」，或查詢會員後從最近消費打開。"))


def _nothing_left(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆已經全部退完"), t("沒有再退款。可在消費明細查看退款紀錄。"))


def _refund_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("退款超出可退範圍"),
        t("這筆最多還能退 {left}。請修改金額或數量。", left=t.money(facts.get("left_twd", 0))),
    )


def _nothing_picked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還沒有選品項"), t("請選擇要退的品項與數量，再試算一次。"))


def _reason_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請填寫原因"), t("選一個原因；選「其他」時請用幾個字說明。"))


def _manager_needed(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這一步需要店長同意"), t("請店長選自己的名字、輸入 PIN，再按一次確認。"))


def _manager_login_wrong(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("店長的 PIN 或密碼不對"),
        t("須由店長或老闆本人輸入，不能用您自己的。請再試一次。"),
    )


def _own_card(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這是您自己的會員卡"), t("自己的卡請由同事操作。沒有記錄任何變動。"))


def _binding_code_scanned(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這是綁定 LINE 的條碼"),
        t("請先輸入會員的手機號碼，打開「會員服務」的「綁定 LINE」，再掃一次。"),
    )


def _count_unreadable(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請輸入數量"), t("請輸入大於零的整數，再按一次。"))


def _adjustment_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請填寫原因與點數"),
        t(
            "原因客人看得到，最多 {longest} 個字；一次最多 {largest} 點。",
            longest=facts.get("longest", 200),
            largest=t.number(facts.get("largest", 0)),
        ),
    )


def _adjustment_settled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆調整已有人處理"), t("請重新整理「待處理」。"))


def _stamps_refused(t: Texts, facts: Facts) -> Notice:
    if "held" in facts:
        return Notice(t("章數不足"), t("會員目前只有 {stamps} 章。", stamps=facts["held"]))
    return Notice(
        t("請填寫原因與章數"),
        t("一次最多 {largest} 章，並請寫下原因。", largest=facts.get("largest", 20)),
    )


def _no_such_stamp_programme(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這張集點卡"), t("它可能剛剛停辦。請重新打開「會員服務」。"))


def _no_such_binding_request(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("綁定碼不對或已過期"),
        t("綁定碼十分鐘內有效。請客人在 LINE 重新點「我以前是會員」→「請店員協助」，再掃一次。"),
    )


def _already_member(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個 LINE 已有另一張會員卡"),
        t("一個 LINE 只能有一張卡。若兩張都是這位客人的，請店長合併會員。"),
    )


def _no_such_renewal_request(t: Texts, facts: Facts) -> Notice:
    if facts.get("state") == "paid":
        return Notice(t("這個繳費碼已經付過了"), t("沒有重複收款。可在會員服務查看會籍。"))
    return Notice(t("繳費碼不對或已過期"), t("請客人在 LINE 重新打開付費會籍，再掃一次。"))


def _plan_not_sold(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個會籍已停售"), t("請改選其他會籍；已付費的會員不受影響。"))


def _plan_held(t: Texts, facts: Facts) -> Notice:
    until = facts.get("until")
    return Notice(
        t("會員已有其他會籍"),
        t("到 {day} 為止，之後才能換。", day=t.date(until)) if until else t("到期後才能換。"),
    )


def _plan_barred(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這位會員的會籍曾被終止"), t("須由店長重新核准後才能付費。沒有收款。"))


def _payment_reference_used(t: Texts, facts: Facts) -> Notice:
    if facts.get("reference") is None:
        return Notice(t("請填寫轉帳單號"), t("轉帳須有銀行的單號或末五碼。"))
    return Notice(t("這個單號已經用過"), t("沒有重複收款。請核對單號，或查看先前的紀錄。"))


def _needs_manager(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("只有店長可以這樣做"), t("請店長登入後操作。沒有記錄任何變動。"))


def _nothing_to_refund(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆會費沒有可退的"), t("會籍已到期，或這筆已經退過。"))


def _method_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請選擇付款方式"), t("選好後再按一次。"))


def _not_a_mobile_number(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("手機號碼不對"), t("請輸入十位數的手機號碼，例如 0912 345 678。"))


def _phone_taken(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這支手機已經是會員"), t("不必重新加入：回到掃描頁，輸入手機號碼即可。"))


def _name_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("姓名不能這樣寫"),
        t("最多 {longest} 個字，也可不填。", longest=facts.get("longest", 40)),
    )


def _consent_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請先告知並取得同意"), t("唸出告知內容，客人同意後勾選，再按一次。"))


def _managers_only(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這一頁給店長使用"), t("請店長登入後打開。"))


def _alert_settled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這件事已有人處理"), t("請重新整理「待處理」。"))


def _no_such_figure(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這段期間沒有這個數字"), t("請回到「異常檢視」，換一段期間再看。"))


def _nothing_said(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還沒有寫結果"), t("請用幾個字寫下您看過的結果，再按一次。"))


def _no_such_person(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這個人"), t("請從「人員」或「異常檢視」重新選擇。"))


def _no_such_birthday_card(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("沒有這張生日卡"), t("會員可能已退出。請重新整理清單。"))


def _no_such_care_task(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這位會員不在關懷名單上"), t("會員可能已退出。請重新整理名單。"))


def _outcome_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("還沒有選擇聯絡結果"),
        t("請選一個結果再記錄；備註最多 {count} 個字。", count=facts["longest"]),
    )


def _wrong_login(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("帳號或密碼不對"), t("請再輸入一次。忘記密碼請找店長重設。"))


def _not_for_counter(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個帳號不能使用櫃台"), t("請改用店員或店長的帳號登入。"))


def _line_taken(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這個 LINE 帳號剛剛綁定了別張卡"),
        t("請重新查詢會員，核對後再試一次。"),
    )


def _merge_refused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這兩張卡不能合併"),
        t("可能已合併、已退出、凍結中或點數為負。請店長確認。"),
    )


def _merge_over(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這次合併不能復原"),
        t("已經復原過，或超過 30 天了。"),
    )


def _pin_asked(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("店員請用 PIN 登入"), t("點選自己的名字，輸入 PIN。密碼只給店長與老闆使用。"))


def _wrong_pin(t: Texts, facts: Facts) -> Notice:
    left = facts.get("left")
    advice = t("還可以再試 {count} 次。", count=left) if left else t("請再輸入一次。")
    return Notice(t("PIN 不對"), " ".join((advice, t("忘記了請店長重設。"))))


def _pin_locked(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("PIN 已鎖定"),
        t(
            "錯了太多次。請等 {minutes} 分鐘，或請店長在「人員」解除鎖定。",
            minutes=facts.get("minutes", 0),
        ),
    )


def _pin_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("這個 PIN 不能用"),
        t(
            "須 {shortest} 到 {longest} 位數字，不能是 1234、0000 這類容易猜的，也不能和舊的相同。",
            shortest=facts.get("shortest", 4),
            longest=facts.get("longest", 8),
        ),
    )


def _pins_differ(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("兩次輸入的不一樣"), t("請把新的 PIN 再輸入兩次。"))


def _pin_to_choose(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請先設定自己的 PIN"), t("臨時 PIN 只能用來設定新的 PIN。請重新整理這一頁。"))


def _code_refused(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("啟用碼不對或已失效"),
        t("啟用碼 15 分鐘內有效，只能用一次。請店長在「裝置」再產生一個。"),
    )


def _device_name_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請替這台裝置取個名字"),
        t("例如「櫃台平板」，最多 {longest} 個字。", longest=facts.get("longest", 30)),
    )


def _no_such_device(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這台裝置已經停用"), t("請重新整理清單。"))


def _store_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("請選擇門市"), t("選好後再按一次。"))


def _not_theirs_to_manage(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這一位不歸您管理"),
        t("店長管理店員；店長的 PIN 與職務由老闆管理。沒有任何變動。"),
    )


def _staff_name_refused(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("請輸入姓名"),
        t("同事看得懂的名字，最多 {longest} 個字。", longest=facts.get("longest", 30)),
    )


def _no_such_staff(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這位同事"), t("請重新整理「人員」。"))


def session_locked(t: Texts) -> Notice:
    """Return the notice for a request whose session rested too long."""
    return Notice(t("櫃台已鎖定"), t("輸入 PIN 後再按一次即可，已輸入的內容會保留。"))


def _coupon_of_another(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("這張優惠券不是這位會員的"),
        t("它不屬於 {name}，沒有勾選。請客人出示自己的優惠券。", name=facts.get("name", "")),
    )


def _item_unreadable(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("第 {row} 項品項看不懂", row=facts.get("row", 1)),
        t("請填寫品名，單價與數量請填整數；不需要就刪除這一項。"),
    )


def _item_unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("商品目錄沒有這個條碼"), t("可在「品項」手動輸入品名與單價，或直接輸入金額。"))


def _items_do_not_add_up(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("金額和品項合計不同"),
        t(
            "品項合計 {sum}，金額輸入 {amount}。請修改其中一個。",
            sum=t.money(facts["sum_twd"]),
            amount=t.money(facts["amount_twd"]),
        ),
    )


def _not_voidable(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這筆不能直接作廢"),
        t("只能作廢自己十分鐘內的最後一筆。其他請從消費明細辦理退款。"),
    )


def _receipt_code_limit(t: Texts, facts: Facts) -> Notice:
    why = {
        "many": t("您今天已開立 {most} 組收據碼。", most=facts.get("most", 0)),
        "large": t("這筆金額較大。"),
    }
    told = "".join(why[one] for one in facts.get("why", ()))
    return Notice(t("這組收據碼需要店長同意"), told + t("請店長輸入後再按一次。"))


def _receipt_code_claimed(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這組收據碼已被補登"), t("不能再取消；需要的話，請從消費明細辦理退款。"))


def _receipt_code_unknown(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這組收據碼"), t("它可能是其他分店開立的。請重新整理清單。"))


def _invoice_number_refused(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("發票號碼不對"), t("兩個英文字母加八個數字，例如 AB-12345678；也可以不填。"))


def _invoice_known(t: Texts, _facts: Facts) -> Notice:
    return Notice(
        t("這張發票已經開過收據碼"),
        t("一張發票只能補登一次。要重開，請先取消前一組。"),
    )


def _offline_settled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆已有人處理"), t("請重新整理「待上傳」。"))


def _offline_member_missing(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("還不知道是哪位會員"), t("請輸入會員編號或手機號碼，再按一次補登。"))


def _sold_too_long_ago(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("消費時間超出範圍"),
        t("只能補登 {days} 天內、而且已經發生的消費。", days=facts.get("most_days", 7)),
    )


def _endpoint_refused(t: Texts, facts: Facts) -> Notice:
    advice = {
        "scheme": t("網址須以 https:// 開頭，內容才不會被偷看。"),
        "private_address": t("不能是內部網路的位址。請填對方系統在網際網路上的網址。"),
        "events": t("請至少勾選一種事件。"),
        "description": t("說明最多 {longest} 個字。", longest=facts.get("longest", 100)),
    }
    return Notice(
        t("這個網址不能用"),
        advice.get(facts.get("why", ""), t("請核對網址，例如 https://pos.example/hooks。")),
    )


def _too_many_endpoints(t: Texts, facts: Facts) -> Notice:
    return Notice(
        t("網址已達上限"),
        t("最多 {most} 個。請先刪除不需要的。", most=facts.get("most", 20)),
    )


def _no_such_endpoint(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("找不到這筆"), t("可能剛剛被刪除。請回到「連線」重新打開。"))


def _endpoint_disabled(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這個網址已停用"), t("請先啟用，再補送。"))


def _delivery_under_way(t: Texts, _facts: Facts) -> Notice:
    return Notice(t("這筆還在傳送"), t("系統會自動重試，不必再按。"))


_NOTICES: dict[str, Callable[[Texts, Facts], Notice]] = {
    "offline_settled": _offline_settled,
    "offline_member_missing": _offline_member_missing,
    "sold_too_long_ago": _sold_too_long_ago,
    "nothing_asked": _nothing_asked,
    "not_a_member_code": _not_a_member_code,
    "member_code_forged": _member_code_forged,
    "member_code_expired": _member_code_expired,
    "code_already_used": _code_already_used,
    "no_such_member": _no_such_member,
    "name_unchecked": _name_unchecked,
    "amount_missing": _amount_missing,
    "amount_unreadable": _amount_unreadable,
    "amount_refused": _amount_refused,
    "coupon_not_usable": _coupon_not_usable,
    "coupon_needs_more": _coupon_needs_more,
    "coupons_do_not_combine": _coupons_do_not_combine,
    "coupon_not_here": _coupon_not_here,
    "coupon_needs_sale": _coupon_needs_sale,
    "redemption_not_cancellable": _redemption_not_cancellable,
    "points_not_usable": _points_not_usable,
    "points_unreadable": _points_unreadable,
    "insufficient_points": _insufficient_points,
    "card_frozen": _card_frozen,
    "approval_needed": _approval_needed,
    "approval_not_usable": _approval_not_usable,
    "second_person_needed": _second_person_needed,
    "idempotency_key_reused": _idempotency_key_reused,
    "visit_over": _visit_over,
    "visit_not_ours": _visit_not_ours,
    "no_such_purchase": _no_such_purchase,
    "nothing_left_to_refund": _nothing_left,
    "refund_refused": _refund_refused,
    "nothing_picked": _nothing_picked,
    "reason_missing": _reason_missing,
    "manager_needed": _manager_needed,
    "manager_login_wrong": _manager_login_wrong,
    "own_card": _own_card,
    "nothing_to_refund": _nothing_to_refund,
    "not_a_mobile_number": _not_a_mobile_number,
    "binding_code_scanned": _binding_code_scanned,
    "count_unreadable": _count_unreadable,
    "adjustment_refused": _adjustment_refused,
    "adjustment_settled": _adjustment_settled,
    "stamps_refused": _stamps_refused,
    "no_such_stamp_programme": _no_such_stamp_programme,
    "no_such_binding_request": _no_such_binding_request,
    "already_member": _already_member,
    "no_such_renewal_request": _no_such_renewal_request,
    "no_such_plan": _plan_not_sold,
    "plan_not_sold": _plan_not_sold,
    "plan_held": _plan_held,
    "plan_barred": _plan_barred,
    "payment_reference_used": _payment_reference_used,
    "needs_manager": _needs_manager,
    "method_missing": _method_missing,
    "phone_taken": _phone_taken,
    "name_refused": _name_refused,
    "consent_missing": _consent_missing,
    "managers_only": _managers_only,
    "alert_settled": _alert_settled,
    "contact_settled": _alert_settled,
    "no_such_birthday_card": _no_such_birthday_card,
    "no_such_care_task": _no_such_care_task,
    "outcome_refused": _outcome_refused,
    "endpoint_refused": _endpoint_refused,
    "too_many_endpoints": _too_many_endpoints,
    "no_such_endpoint": _no_such_endpoint,
    "no_such_delivery": _no_such_endpoint,
    "endpoint_disabled": _endpoint_disabled,
    "delivery_under_way": _delivery_under_way,
    "no_such_figure": _no_such_figure,
    "nothing_said": _nothing_said,
    "no_such_person": _no_such_person,
    "wrong_login": _wrong_login,
    "not_for_counter": _not_for_counter,
    "pin_asked": _pin_asked,
    "wrong_pin": _wrong_pin,
    "pin_locked": _pin_locked,
    "pin_refused": _pin_refused,
    "pins_differ": _pins_differ,
    "pin_to_choose": _pin_to_choose,
    "enrolment_code_refused": _code_refused,
    "device_name_refused": _device_name_refused,
    "no_such_device": _no_such_device,
    "store_missing": _store_missing,
    "role_missing": _not_theirs_to_manage,
    "not_theirs_to_manage": _not_theirs_to_manage,
    "no_such_staff": _no_such_staff,
    "staff_name_refused": _staff_name_refused,
    "line_taken": _line_taken,
    "merge_refused": _merge_refused,
    "merge_over": _merge_over,
    "coupon_of_another": _coupon_of_another,
    "item_unreadable": _item_unreadable,
    "item_unknown": _item_unknown,
    "items_do_not_add_up": _items_do_not_add_up,
    "not_voidable": _not_voidable,
    "receipt_code_limit": _receipt_code_limit,
    "receipt_code_claimed": _receipt_code_claimed,
    "receipt_code_unknown": _receipt_code_unknown,
    "invoice_number_refused": _invoice_number_refused,
    "invoice_known": _invoice_known,
}
