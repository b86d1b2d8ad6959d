"""What can be wrong with a file's row: how grave it is, what is wrong, and what to do.

An `error` keeps its row out; a `warning` takes the row without the doubtful part; a `note` only
tells that nothing was to be done.
"""

from dataclasses import dataclass

from models.base import Texts, said

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True)
class Kind:
    """One kind of problem; `{…}` in its words stand for a problem's facts."""

    severity: str
    what: Texts
    remedy: Texts


_NO_DATE = said(
    "日期「{value}」看不懂",
    "The date “{value}” cannot be read",
    "日付「{value}」が読み取れません",
)
_LEFT_ALONE = said(
    "不必處理；同一訂單只計一次",
    "Nothing to do; an order counts once",
    "対応は不要です。同じ注文は 1 回だけ数えます",
)

KINDS: dict[str, Kind] = {
    # --- members ---
    "phone_missing": Kind(
        ERROR,
        said("沒有手機號碼", "No mobile number", "携帯番号がありません"),
        said(
            "請補上手機號碼；會員以手機號碼辨識",
            "Add the mobile number; members are told apart by it",
            "携帯番号を入力してください。会員は携帯番号で見分けます",
        ),
    ),
    "phone_unreadable": Kind(
        ERROR,
        said(
            "「{value}」不是台灣手機號碼",
            "“{value}” is not a Taiwanese mobile number",
            "「{value}」は台湾の携帯番号ではありません",
        ),
        said(
            "請改成 0912345678 的格式；市話無法當作會員手機",
            "Write it like 0912345678; a landline cannot be a member's number",
            "0912345678 の形に直してください。固定電話は会員の番号にできません",
        ),
    ),
    "phone_twice": Kind(
        NOTE,
        said(
            "手機號碼與第 {first} 列相同",
            "Same mobile number as row {first}",
            "携帯番号が {first} 行目と同じです",
        ),
        said(
            "只匯入第一列；若是兩個人，請更正手機",
            "Only the first row is imported; if they are two people, correct the number",
            "最初の行だけを取り込みます。別の方なら番号を直してください",
        ),
    ),
    "member_known": Kind(
        NOTE,
        said(
            "這支手機已是會員（{number}）",
            "This mobile number is a member already ({number})",
            "この携帯番号はすでに会員です（{number}）",
        ),
        said(
            "不必處理；原有資料不會被覆蓋",
            "Nothing to do; what is on record is not overwritten",
            "対応は不要です。登録済みの内容は上書きされません",
        ),
    ),
    "number_taken": Kind(
        WARNING,
        said(
            "會員編號「{value}」已屬於另一支手機",
            "Member number “{value}” belongs to another mobile number",
            "会員番号「{value}」は別の携帯番号のものです",
        ),
        said(
            "以手機為準匯入，編號不採用；請確認是否為同一人",
            "Imported by mobile number, without this member number; check whether it is one person",
            "携帯番号を優先し、会員番号なしで取り込みます。同じ方かご確認ください",
        ),
    ),
    "email_taken": Kind(
        WARNING,
        said(
            "電子郵件已屬於另一位會員",
            "The email address belongs to another member",
            "メールアドレスは別の会員のものです",
        ),
        said(
            "以手機為準匯入，電子郵件不採用；請確認是否為同一人",
            "Imported by mobile number, without the email address; check whether it is one person",
            "携帯番号を優先し、メールアドレスなしで取り込みます。同じ方かご確認ください",
        ),
    ),
    "email_unreadable": Kind(
        WARNING,
        said(
            "「{value}」不是電子郵件",
            "“{value}” is not an email address",
            "「{value}」はメールアドレスではありません",
        ),
        said(
            "其餘資料照常匯入；需要時請更正",
            "The rest is imported; correct it if you need it",
            "ほかの項目は取り込みます。必要なら直してください",
        ),
    ),
    "name_unreadable": Kind(
        WARNING,
        said(
            "姓名空白、過長或含無法顯示的字",
            "The name is empty, too long, or holds characters that cannot be shown",
            "氏名が空か、長すぎるか、表示できない文字を含んでいます",
        ),
        said(
            "照常匯入但不填姓名",
            "Imported without a name",
            "氏名なしで取り込みます",
        ),
    ),
    "birthday_unreadable": Kind(
        WARNING,
        said(
            "生日「{value}」看不懂或不可能",
            "The birthday “{value}” cannot be read or cannot be",
            "誕生日「{value}」が読み取れないか、ありえない日付です",
        ),
        said(
            "照常匯入但不填生日；請改成 1990/5/20 或 79/5/20（民國）",
            "Imported without a birthday; write it like 1990/5/20, or 79/5/20 in ROC years",
            "誕生日なしで取り込みます。1990/5/20 か 79/5/20（民国暦）の形に直してください",
        ),
    ),
    "joined_unreadable": Kind(
        WARNING,
        said(
            "入會日「{value}」看不懂",
            "The joining day “{value}” cannot be read",
            "入会日「{value}」が読み取れません",
        ),
        said(
            "照常匯入，入會日記為今天",
            "Imported with today as the joining day",
            "入会日を今日として取り込みます",
        ),
    ),
    "marketing_unclear": Kind(
        WARNING,
        said(
            "行銷同意「{value}」看不出是或否",
            "Marketing consent “{value}” is neither yes nor no",
            "マーケティング同意「{value}」が「はい」か「いいえ」か分かりません",
        ),
        said(
            "視為不同意；請改成「是」或「否」",
            "Taken as no; write yes or no",
            "同意なしとして扱います。yes か no に直してください",
        ),
    ),
    "points_unreadable": Kind(
        WARNING,
        said(
            "點數「{value}」不是零以上的整數",
            "Points “{value}” are not a whole number of zero or more",
            "ポイント「{value}」が 0 以上の整数ではありません",
        ),
        said(
            "照常匯入但點數不計；請更正",
            "Imported without points; please correct it",
            "ポイントなしで取り込みます。直してください",
        ),
    ),
    "points_given": Kind(
        NOTE,
        said(
            "這位會員的期初點數先前已匯入",
            "This member's opening points were imported before",
            "この会員の開始時ポイントは取り込み済みです",
        ),
        said(
            "不再重複給點；要調整請用點數調整功能",
            "They are not given twice; use a points adjustment to change them",
            "二重には付与しません。変更はポイント調整で行ってください",
        ),
    ),
    "points_expired": Kind(
        NOTE,
        said(
            "點數到期日 {value} 已過",
            "The points expired on {value}",
            "ポイントの期限 {value} は過ぎています",
        ),
        said(
            "這些點數不匯入",
            "These points are not imported",
            "このポイントは取り込みません",
        ),
    ),
    "day_unreadable": Kind(
        WARNING,
        _NO_DATE,
        said(
            "照常匯入，改用預設的日期",
            "Imported with the usual date instead",
            "既定の日付で取り込みます",
        ),
    ),
    "tier_unknown": Kind(
        WARNING,
        said(
            "會員等級「{value}」不在等級表上",
            "“{value}” is not one of the tiers",
            "「{value}」というランクはありません",
        ),
        said(
            "照常匯入為最低等級；請改成等級名稱或代碼",
            "Imported into the lowest tier; write a tier's name or code",
            "最も低いランクで取り込みます。ランクの名前かコードに直してください",
        ),
    ),
    "characters_lost": Kind(
        WARNING,
        said(
            "這一列有編碼認不得的字",
            "This row holds characters that could not be decoded",
            "この行に、文字コードが合わず読めない文字があります",
        ),
        said(
            "請在原系統或 Excel 另存為「CSV UTF-8」再匯入",
            "Save the file as “CSV UTF-8” in Excel or the old system and import it again",
            "元のシステムか Excel で「CSV UTF-8」として保存し直し、もう一度取り込んでください",
        ),
    ),
    # --- purchases ---
    "order_missing": Kind(
        ERROR,
        said("沒有訂單編號", "No order number", "注文番号がありません"),
        said(
            "請補上訂單編號；同一編號只會計算一次",
            "Add the order number; each number counts once",
            "注文番号を入力してください。同じ番号は 1 回だけ数えます",
        ),
    ),
    "member_missing": Kind(
        ERROR,
        said(
            "沒有手機、電子郵件或會員編號",
            "No mobile number, email address or member number",
            "携帯番号・メールアドレス・会員番号のどれもありません",
        ),
        said(
            "請補上其中一項，才知道是誰的消費",
            "Add one of them, so that the purchase has a buyer",
            "誰の購入か分かるよう、どれか 1 つを入力してください",
        ),
    ),
    "member_unknown": Kind(
        ERROR,
        said("找不到這位會員", "No such member", "この会員が見つかりません"),
        said(
            "請先匯入會員名單，或確認手機與編號",
            "Import the members first, or check the mobile and member numbers",
            "先に会員を取り込むか、携帯番号と会員番号をご確認ください",
        ),
    ),
    "moment_missing": Kind(
        ERROR,
        said("沒有消費日期", "No date of purchase", "購入日がありません"),
        said("請補上日期", "Add the date", "日付を入力してください"),
    ),
    "moment_unreadable": Kind(
        ERROR,
        _NO_DATE,
        said(
            "請改成 2026/5/20 10:30 或 115/5/20（民國）",
            "Write it like 2026/5/20 10:30, or 115/5/20 in ROC years",
            "2026/5/20 10:30 か 115/5/20（民国暦）の形に直してください",
        ),
    ),
    "moment_ahead": Kind(
        ERROR,
        said(
            "日期 {value} 在未來",
            "The date {value} is in the future",
            "日付 {value} は未来です",
        ),
        said("請更正日期", "Correct the date", "日付を直してください"),
    ),
    "amount_missing": Kind(
        ERROR,
        said("沒有金額", "No amount", "金額がありません"),
        said("請補上金額", "Add the amount", "金額を入力してください"),
    ),
    "amount_unreadable": Kind(
        ERROR,
        said(
            "金額「{value}」不是整數元",
            "The amount “{value}” is not in whole dollars",
            "金額「{value}」が整数（元）ではありません",
        ),
        said(
            "請改成像 1,234 的整數",
            "Write a whole number, such as 1,234",
            "1,234 のような整数に直してください",
        ),
    ),
    "amount_too_large": Kind(
        ERROR,
        said(
            "金額 {value} 超過單筆上限 {largest} 元",
            "The amount {value} is above NT${largest}, the most one purchase may be",
            "金額 {value} が 1 件の上限 NT${largest} を超えています",
        ),
        said(
            "請確認是否多打了零",
            "Check for a zero too many",
            "0 が多くないかご確認ください",
        ),
    ),
    "amount_zero": Kind(
        NOTE,
        said("金額為零", "The amount is zero", "金額が 0 です"),
        said(
            "不必處理；零元訂單不計入消費",
            "Nothing to do; orders of zero do not count",
            "対応は不要です。0 元の注文は数えません",
        ),
    ),
    "store_unknown": Kind(
        ERROR,
        said(
            "門市「{value}」不在門市表上",
            "“{value}” is not one of the stores",
            "「{value}」という店舗はありません",
        ),
        said(
            "請改成門市代碼或名稱；或選一家門市（指令用 --store）",
            "Write a store's code or name; or choose one store (--store in the command)",
            "店舗のコードか名前に直すか、店舗を 1 つ選んでください（コマンドでは --store）",
        ),
    ),
    "order_cancelled": Kind(
        NOTE,
        said(
            "訂單狀態為「{value}」",
            "The order's state is “{value}”",
            "注文の状態が「{value}」です",
        ),
        said(
            "不必處理；取消或未付款的訂單不計入",
            "Nothing to do; cancelled and unpaid orders do not count",
            "対応は不要です。取り消しや未払いの注文は数えません",
        ),
    ),
    "order_refunded": Kind(
        NOTE,
        said("訂單已全額退款", "The order was refunded in full", "注文は全額返金済みです"),
        said(
            "不必處理；全額退款的訂單不計入",
            "Nothing to do; orders refunded in full do not count",
            "対応は不要です。全額返金の注文は数えません",
        ),
    ),
    "order_twice": Kind(
        NOTE,
        said(
            "訂單編號與第 {first} 列相同",
            "Same order number as row {first}",
            "注文番号が {first} 行目と同じです",
        ),
        _LEFT_ALONE,
    ),
    "order_differs": Kind(
        ERROR,
        said(
            "訂單編號與第 {first} 列相同，但會員、日期或金額不同",
            "Same order number as row {first}, but another member, date or amount",
            "注文番号が {first} 行目と同じですが、会員・日付・金額のどれかが違います",
        ),
        said(
            "請確認哪一列正確，刪去另一列；若一列是一項商品，請選加總（對應檔的 lines 設為 sum）",
            "Keep the row that is right; if each row is an item, choose to add them up "
            "(lines: sum in a mapping file)",
            "正しい行だけを残してください。各行が商品なら合計するを選んでください"
            "（対応ファイルでは lines を sum）",
        ),
    ),
    "order_known": Kind(
        NOTE,
        said(
            "這筆訂單已經在系統裡",
            "This order is on record already",
            "この注文は登録済みです",
        ),
        _LEFT_ALONE,
    ),
    "order_known_refund": Kind(
        WARNING,
        said(
            "這筆訂單已經在系統裡，檔案說已退款 {value} 元，系統記的是 {known} 元",
            "This order is on record with NT${known} refunded; the file says NT${value}",
            "この注文は登録済みで返金は NT${known} ですが、ファイルでは NT${value} です",
        ),
        said(
            "請在櫃檯或以 API 為這筆消費辦理退款，點數與等級才會跟著調整",
            "Refund it at the counter or through the API, so that points and tier follow",
            "店頭か API で返金してください。ポイントとランクも合わせて変わります",
        ),
    ),
    "refund_unknown": Kind(
        ERROR,
        said(
            "退款找不到原訂單「{value}」",
            "The refunded order “{value}” cannot be found",
            "返金の元の注文「{value}」が見つかりません",
        ),
        said(
            "請把原訂單一起匯入，或在櫃檯退款",
            "Import the order along with it, or refund it at the counter",
            "元の注文も一緒に取り込むか、店頭で返金してください",
        ),
    ),
    "refund_too_large": Kind(
        ERROR,
        said(
            "退款 {value} 元超過訂單金額",
            "The refund of NT${value} is more than the order",
            "返金 NT${value} が注文の金額を超えています",
        ),
        said(
            "請更正退款金額",
            "Correct the refunded amount",
            "返金額を直してください",
        ),
    ),
    # --- items ---
    "item_nameless": Kind(
        ERROR,
        said(
            "沒有商品編號或品名",
            "No item number or no item name",
            "商品番号か商品名がありません",
        ),
        said(
            "請補上；同一編號就是同一項商品",
            "Add it; one number is one item",
            "入力してください。同じ番号は同じ商品です",
        ),
    ),
    "item_twice": Kind(
        ERROR,
        said(
            "商品編號與第 {first} 列相同",
            "Same item number as row {first}",
            "商品番号が {first} 行目と同じです",
        ),
        said(
            "請確認哪一列正確，刪去另一列",
            "Keep the row that is right and delete the other",
            "正しい行を確かめ、もう一方を削除してください",
        ),
    ),
    "item_unreadable": Kind(
        ERROR,
        said(
            "「{value}」看不懂或不可能",
            "“{value}” cannot be read or cannot be",
            "「{value}」が読み取れないか、ありえない値です",
        ),
        said(
            "請更正這一格；金額為整數元",
            "Correct this cell; amounts are in whole dollars",
            "このセルを直してください。金額は整数（元）です",
        ),
    ),
    "barcode_taken": Kind(
        ERROR,
        said(
            "條碼「{value}」已屬於另一項商品",
            "The barcode “{value}” belongs to another item",
            "バーコード「{value}」は別の商品のものです",
        ),
        said(
            "請更正；一個條碼只能是一項商品",
            "Correct it; one barcode is one item",
            "直してください。1 つのバーコードは 1 つの商品です",
        ),
    ),
    # --- any file ---
    "file_broken": Kind(
        ERROR,
        said(
            "從這一列起檔案讀不下去",
            "The file cannot be read from this row on",
            "この行から先が読み取れません",
        ),
        said(
            "請在 Excel 開啟並另存新檔後再匯入",
            "Open it in Excel, save it as a new file and import that",
            "Excel で開いて別名で保存し、もう一度取り込んでください",
        ),
    ),
}
