"""Every way in which the API says no: its stable code, status, title, and what to do about it.

A code never changes its meaning. The documentation page `/api/docs/problems` is made of this.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem, in words for the person who builds the till; both languages."""

    status: int
    title: str
    advice: str
    title_zh: str
    advice_zh: str


UNKNOWN = Kind(
    409,
    "A rule of the shop says no",
    "The code says which rule it was.",
    "店家規則不允許",
    "請依代碼查看是哪一項規則。",
)

KINDS: dict[str, Kind] = {
    # --- how one asks
    "malformed_json": Kind(
        400,
        "The body is not JSON",
        "Send one JSON object in UTF-8.",
        "內容不是 JSON",
        "請以 UTF-8 送出一個 JSON 物件。",
    ),
    "bad_request": Kind(
        400,
        "The request cannot be read",
        "Check the request line and the headers.",
        "無法讀取請求",
        "請檢查請求行與標頭。",
    ),
    "bad_cursor": Kind(
        400,
        "The cursor is not one of ours",
        "Pass `next` of the page before exactly as it came, or leave it out to start again.",
        "分頁游標無效",
        "請原樣帶入上一頁的 next，或省略以從頭開始。",
    ),
    "idempotency_key_missing": Kind(
        400,
        "The Idempotency-Key is missing",
        "Send a key of your own, such as a UUID, and the same one again when you try again.",
        "缺少 Idempotency-Key",
        "請帶入自訂的鍵值（例如 UUID），重試時使用同一個。",
    ),
    "idempotency_key_malformed": Kind(
        400,
        "The Idempotency-Key cannot be used",
        "A key has 1 to 255 printable ASCII characters.",
        "Idempotency-Key 格式不符",
        "鍵值須為 1 至 255 個可見 ASCII 字元。",
    ),
    "api_key_refused": Kind(
        401,
        "The API key opens nothing",
        "Send `Authorization: Bearer rk_…` with a key that was neither revoked nor has ended.",
        "API 金鑰無效",
        "請帶入 Authorization: Bearer rk_…，且金鑰須未撤銷、未到期。",
    ),
    "scope_missing": Kind(
        403,
        "The API key may not do this",
        "Ask the shop for a key with the scope named in `facts`.",
        "此金鑰沒有這項權限",
        "請向店家申請具有 facts 所列權限的金鑰。",
    ),
    "sandbox_only": Kind(
        403,
        "Only keys of the sandbox may do this",
        "Use a key that begins with `rk_test_`.",
        "僅限測試環境",
        "請使用 rk_test_ 開頭的金鑰。",
    ),
    "other_store": Kind(
        403,
        "This belongs to another store",
        "A key works for its own store only.",
        "屬於其他門市",
        "金鑰僅能用於所屬門市。",
    ),
    "not_found": Kind(
        404,
        "There is nothing at this address",
        "Compare the address with the documentation.",
        "找不到此網址",
        "請對照說明文件確認網址。",
    ),
    "method_not_allowed": Kind(
        405,
        "This address does not know the method",
        "The header Allow lists what it knows.",
        "此網址不支援這個方法",
        "可用的方法列於 Allow 標頭。",
    ),
    "idempotency_key_in_use": Kind(
        409,
        "The same call is being worked on",
        "Try again in a moment with the same key: you will get its answer.",
        "相同的請求正在處理",
        "請稍候以同一鍵值重試，即可取得結果。",
    ),
    "content_too_large": Kind(
        413,
        "The body is too large",
        "Send less at once.",
        "內容過大",
        "請分次送出。",
    ),
    "unsupported_media_type": Kind(
        415,
        "The body has the wrong type",
        "Send `Content-Type: application/json`.",
        "內容類型不符",
        "請使用 Content-Type: application/json。",
    ),
    "invalid_request": Kind(
        422,
        "Some of what was sent does not fit",
        "`errors` says where, and why.",
        "部分欄位不正確",
        "請見 errors 所列位置與原因。",
    ),
    "idempotency_key_reused": Kind(
        422,
        "The Idempotency-Key meant something else before",
        "Draw a new key for a new call; repeat a call with exactly the same content.",
        "此 Idempotency-Key 先前用於其他內容",
        "新的請求請用新的鍵值；重試請送出完全相同的內容。",
    ),
    "too_many_requests": Kind(
        429,
        "Too many calls",
        "Wait as many seconds as Retry-After says.",
        "請求過於頻繁",
        "請等待 Retry-After 所列秒數。",
    ),
    "internal_error": Kind(
        500,
        "We failed",
        "Nothing was changed. Try again with the same Idempotency-Key; if it stays, tell us the "
        "request id.",
        "系統發生錯誤",
        "未變更任何資料。請以同一鍵值重試；若持續發生請提供 request_id。",
    ),
    "unavailable": Kind(
        503,
        "Busy for a moment",
        "Try again after Retry-After seconds with the same Idempotency-Key.",
        "系統暫時忙碌",
        "請於 Retry-After 秒後以同一鍵值重試。",
    ),
    # --- members
    "no_such_member": Kind(
        404,
        "Nobody has this number, phone or code",
        "Check what was typed or scanned; who left or was merged is found no more.",
        "找不到會員",
        "請確認輸入或掃描的內容；已退會者無法查詢。",
    ),
    "not_a_member_code": Kind(
        422,
        "This is no member code",
        "Have the member open their card in LINE and scan its QR code.",
        "不是會員條碼",
        "請會員於 LINE 開啟會員卡後掃描 QR Code。",
    ),
    "member_code_forged": Kind(
        422,
        "The member code is not signed by us",
        "Do not accept it.",
        "會員條碼簽章不符",
        "請勿受理。",
    ),
    "member_code_expired": Kind(
        422,
        "The member code is over",
        "A code is good for a minute; have the member show the one of now.",
        "會員條碼已過期",
        "條碼有效時間為一分鐘，請會員重新出示。",
    ),
    "code_already_used": Kind(
        409,
        "The member code was used",
        "A code is good for one purchase; have the member show the next one.",
        "會員條碼已使用",
        "每個條碼限用一次，請會員重新出示。",
    ),
    # --- purchases
    "amount_refused": Kind(
        422,
        "The amount is not possible",
        "Whole NT$ from 1 up to the limit in `facts`.",
        "金額不正確",
        "須為 1 以上、不超過 facts 所列上限的整數元。",
    ),
    "lines_differ": Kind(
        422,
        "The lines do not come to the amount",
        "The amounts of all lines together are `amount_twd`.",
        "品項合計與金額不符",
        "所有品項金額加總須等於 amount_twd。",
    ),
    "sold_too_long_ago": Kind(
        422,
        "The sale lies too far back, or in the future",
        "`sold_at` may lie seven days back at most, and never ahead.",
        "交易時間超出範圍",
        "sold_at 最多可為七天前，且不可為未來時間。",
    ),
    "order_known": Kind(
        409,
        "This order is recorded with other content",
        "An order counts once by `source` and `source_ref`, through whichever door it came.",
        "此訂單已登錄且內容不同",
        "同一 source 與 source_ref 的訂單僅計算一次。",
    ),
    "points_not_usable": Kind(
        422,
        "More points than the sale has left to pay",
        "`facts.most` is as many as can pay.",
        "點數超過可折抵金額",
        "可折抵上限為 facts.most。",
    ),
    "insufficient_points": Kind(
        409,
        "The member has too few points",
        "`facts.balance` is what they can spend.",
        "點數不足",
        "可用點數為 facts.balance。",
    ),
    "coupon_not_usable": Kind(
        409,
        "The coupon cannot be used in this sale",
        "`facts` says why; preview the basket to see which coupons apply.",
        "優惠券無法使用",
        "原因列於 facts；可先試算查看可用的優惠券。",
    ),
    "coupon_needs_more": Kind(
        409,
        "The basket is below the coupon's minimum",
        "`facts.min_spend_twd` is what it asks for.",
        "未達優惠券最低消費",
        "最低消費為 facts.min_spend_twd。",
    ),
    "coupon_not_here": Kind(
        409,
        "The coupon is for other stores, channels or tiers",
        "`facts` says which.",
        "優惠券不適用於此門市、通路或等級",
        "適用範圍列於 facts。",
    ),
    "coupons_do_not_combine": Kind(
        409,
        "These coupons cannot be used together",
        "Leave one of them out; a preview shows which.",
        "優惠券不可併用",
        "請擇一使用；可先試算確認。",
    ),
    "own_card": Kind(
        409,
        "A clerk cannot earn or redeem on their own card",
        "Have a colleague record the sale.",
        "店員不可為自己的會員卡交易",
        "請由同事登錄此筆交易。",
    ),
    "card_frozen": Kind(
        409,
        "The card is frozen",
        "Nothing may be spent from it; ask the shop's manager.",
        "會員卡已凍結",
        "暫不可折抵或兌換，請洽店經理。",
    ),
    "approval_needed": Kind(
        409,
        "A manager has to allow this sale",
        "It is beyond the limits named in `facts.reasons`. Send it again with the manager's code as"
        " `approval_code`, or record it at the counter.",
        "此筆交易需店經理核准",
        "超過 facts.reasons 所列限制；請帶入核准碼 approval_code 重送，或於櫃檯登錄。",
    ),
    "approval_not_usable": Kind(
        409,
        "The approval code does not fit",
        "A code is good for one sale of one amount and a short time.",
        "核准碼無法使用",
        "核准碼限用於單一金額之單筆交易，且有時效。",
    ),
    "no_such_staff": Kind(
        422,
        "Nobody works this counter by that name",
        "`clerk` is the login of a person who may work in the key's store.",
        "查無此店員",
        "clerk 須為可於此門市工作的店員帳號。",
    ),
    "no_such_purchase": Kind(
        404,
        "There is no such purchase",
        "Purchases are found by the `id` their recording answered.",
        "找不到此筆交易",
        "請使用登錄時回傳的 id 查詢。",
    ),
    "nothing_left_to_refund": Kind(
        409,
        "All of it was refunded before",
        "Read the purchase to see its refunds.",
        "此筆交易已全數退款",
        "請查詢該筆交易的退款紀錄。",
    ),
    "refund_refused": Kind(
        409,
        "More than is left to refund",
        "`facts.left_twd` is what can still go back.",
        "退款超過可退金額",
        "可退金額為 facts.left_twd。",
    ),
    "reason_missing": Kind(
        422,
        "The reason is missing",
        "Say in a few words why it goes back.",
        "缺少退款原因",
        "請簡短說明退款原因。",
    ),
    # --- web orders, coupons, receipt codes, joining, catalogue
    "payment_refused": Kind(
        422,
        "More was paid than is left to pay",
        "`facts.most_twd` is what coupons and points leave of the amount.",
        "付款金額超過應付金額",
        "扣除優惠券與點數後的應付金額為 facts.most_twd。",
    ),
    "no_such_order": Kind(
        404,
        "Nobody told of this order",
        "Tell of it with `POST /orders`; till and file may have told of it under another source.",
        "找不到此訂單",
        "請先以 POST /orders 登錄；門市或檔案可能以其他 source 登錄。",
    ),
    "order_cancelled": Kind(
        409,
        "The order was cancelled",
        "It counts no more and does not come back; a new order needs a new reference.",
        "訂單已取消",
        "已取消的訂單不再計算；新的訂單請使用新的編號。",
    ),
    "coupon_needs_sale": Kind(
        409,
        "The coupon lowers an amount",
        "Use it in a purchase, by its id in `coupons`.",
        "此優惠券須搭配消費使用",
        "請於登錄交易時以 coupons 帶入。",
    ),
    "no_such_redemption": Kind(
        404,
        "There is no such use of a coupon",
        "Uses are found by the `id` their redemption answered.",
        "找不到此筆核銷",
        "請使用核銷時回傳的 id 查詢。",
    ),
    "redemption_not_cancellable": Kind(
        409,
        "This use of a coupon cannot be cancelled",
        "What was used in a purchase comes back with its refund; a use of its own can be "
        "cancelled for a short while only.",
        "此筆核銷無法取消",
        "隨交易使用的優惠券會於退款時退回；單獨核銷僅能於短時間內取消。",
    ),
    "receipt_code_unknown": Kind(
        404,
        "There is no such receipt code",
        "Codes are found by the `id` their issuing answered, in the store that issued them.",
        "找不到此補登碼",
        "請使用發出時回傳的 id，並於發出的門市查詢。",
    ),
    "receipt_code_claimed": Kind(
        409,
        "The receipt code was claimed",
        "Its sale can only be refunded: `facts.purchase_id` names it.",
        "補登碼已使用",
        "僅能就該筆交易（facts.purchase_id）辦理退款。",
    ),
    "receipt_code_limit": Kind(
        409,
        "The clerk may not issue this code alone",
        "`facts.why` says whether they issued `many` or the amount is `large`; a manager "
        "issues it at the counter.",
        "此補登碼需店經理核准",
        "原因列於 facts.why；請由店經理於櫃檯發出。",
    ),
    "invoice_number_refused": Kind(
        422,
        "The invoice number is not one",
        "Two letters and eight digits, such as AB12345678.",
        "發票號碼格式不正確",
        "須為兩個英文字母加八位數字，例如 AB12345678。",
    ),
    "invoice_known": Kind(
        409,
        "There is a code for this invoice already",
        "One invoice has one code; cancel the other first.",
        "此發票已發出補登碼",
        "每張發票限發一組，請先取消原補登碼。",
    ),
    "phone_taken": Kind(
        409,
        "This phone belongs to a member",
        "Look the member up instead, with a key that may; whose phone it is is not told here.",
        "此手機號碼已是會員",
        "請改以查詢會員方式（需相應權限）；此處不揭露會員資料。",
    ),
    "not_a_mobile_number": Kind(
        422,
        "This is no Taiwanese mobile number",
        "Such as 0912345678, however it is written.",
        "不是台灣手機號碼",
        "請輸入如 0912345678 的手機號碼。",
    ),
    "name_refused": Kind(
        422,
        "The name cannot be kept",
        "Something visible, up to 40 characters.",
        "姓名無法使用",
        "須含可見文字，最多 40 個字。",
    ),
    "notice_outdated": Kind(
        409,
        "The person was told an old notice",
        "Read `GET /notice`, tell them the one in force (`facts.version`), and ask again.",
        "告知事項版本已更新",
        "請以 GET /notice 取得現行版本（facts.version），重新告知並取得同意。",
    ),
    "item_refused": Kind(
        422,
        "An item of the batch is misshapen",
        "`facts.sku` and `facts.what` name the item and the field; `twice` is one told "
        "twice. Nothing was kept.",
        "商品資料不正確",
        "品項與欄位列於 facts；twice 表示同批重複。整批皆未寫入。",
    ),
    "barcode_taken": Kind(
        409,
        "Another item has this barcode",
        "`facts.owner` has it. Take it away there first, with an empty `barcode`. Nothing "
        "was kept.",
        "條碼已屬於其他商品",
        "目前屬於 facts.owner；請先將該商品的 barcode 改為空字串。整批皆未寫入。",
    ),
    "no_such_item": Kind(
        404,
        "The catalogue has no item with this sku",
        "Tell of it with `PUT /catalogue/items`.",
        "找不到此商品",
        "請先以 PUT /catalogue/items 登錄。",
    ),
    # --- webhooks
    "no_such_endpoint": Kind(
        404,
        "There is no such webhook endpoint",
        "List them with `GET /webhooks`.",
        "找不到此通知網址",
        "請以 GET /webhooks 查詢。",
    ),
    "no_such_delivery": Kind(
        404,
        "There is no such delivery",
        "Settled deliveries are forgotten after 30 days.",
        "找不到此筆通知",
        "已結束的通知保留 30 天。",
    ),
    "endpoint_refused": Kind(
        422,
        "The endpoint will not do",
        "`facts.why`: `scheme` (https only), `private_address`, `url`, `events` or `description`.",
        "此通知網址不可用",
        "原因見 facts.why：須為 https、不得為內部網址。",
    ),
    "too_many_endpoints": Kind(
        409,
        "The shop has as many endpoints as it may",
        "Delete one that is not needed.",
        "通知網址已達上限",
        "請先刪除不需要的網址。",
    ),
    "endpoint_disabled": Kind(
        409,
        "The endpoint is disabled",
        "Set its state to `active` first.",
        "此通知網址已停用",
        "請先將 state 改為 active。",
    ),
    "delivery_under_way": Kind(
        409,
        "The delivery is still under way",
        "It is tried again by itself at `next_try_at`.",
        "此筆通知仍在傳送",
        "系統會在 next_try_at 自動重試。",
    ),
}


def kind_of(code: str) -> Kind:
    """Return what there is to say about a code."""
    return KINDS.get(code, UNKNOWN)
