"""How content is refused: where in it, what was found there, and what would do."""

from models.base import said
from models.segment.refusals import RuleRefused


class ContentRefused(RuleRefused):
    """Content says something that cannot be sent; `path` says where."""

    code = "content_refused"


class NotContent(ContentRefused):
    """The content is no JSON object of the form `{"schema": 1, "messages": […]}`."""

    code = "not_content"
    texts = said(
        "{path}：看不懂的內容（{found}）。需要：{possible}。",
        "{path}: not content ({found}). Wanted: {possible}.",
        "{path}：内容として読めません（{found}）。必要な形：{possible}。",
    )


class ContentKeyUnknown(ContentRefused):
    """A part has a word that means nothing there, or lacks one that it needs."""

    code = "content_unknown_key"
    texts = said(
        "{path}：不認得或缺少的項目「{found}」；可用：{possible}。",
        "{path}: {found} is not known here, or is missing; possible: {possible}.",
        "{path}：「{found}」は使えないか、不足しています。使えるもの：{possible}。",
    )


class ContentCount(ContentRefused):
    """There are too many or too few of something: messages, products."""

    code = "content_count"
    texts = said(
        "{path}：共 {found} 則，需為 {possible} 則。",
        "{path}: there are {found}; it takes {possible}.",
        "{path}：{found} 件あります。{possible} 件にしてください。",
    )


class UnknownTemplate(ContentRefused):
    """The gallery has no card of this code."""

    code = "content_unknown_template"
    texts = said(
        "{path}：版型庫沒有「{found}」；可用：{possible}。",
        "{path}: the gallery has no {found}; there are: {possible}.",
        "{path}：テンプレート「{found}」はありません。使えるもの：{possible}。",
    )


class ContentTextRefused(ContentRefused):
    """A text is empty, too long with its variables filled, or has characters no text has."""

    code = "content_text_refused"
    texts = said(
        "{path}：文字需為 1 至 {limit} 字（代入變數後可能達 {found} 字），且不含控制字元。",
        "{path}: a text has 1 to {limit} characters and no control characters; "
        "filled in, this one may have {found}.",
        "{path}：1〜{limit} 文字で、制御文字を含まない文にしてください（変数を入れると最大 {found} "
        "文字）。",
    )


class UnknownVariable(ContentRefused):
    """No variable has this name."""

    code = "content_unknown_variable"
    texts = said(
        "{path}：沒有「{found}」這個變數；可用：{possible}。",
        "{path}: there is no variable {found}; there are: {possible}.",
        "{path}：変数「{found}」はありません。使えるもの：{possible}。",
    )


class BracesRefused(ContentRefused):
    """A brace opens or closes nothing; one that is meant as a sign is written twice."""

    code = "content_braces"
    texts = said(
        "{path}：大括號沒有成對（{found}）；要顯示大括號請寫成 {possible}。",
        "{path}: a brace stands alone ({found}); to show a brace write {possible}.",
        "{path}：波かっこが対になっていません（{found}）。記号として出すには {possible} と"
        "書きます。",
    )


class AddressRefused(ContentRefused):
    """An address is not one that LINE opens: https, with a host, without blanks or variables."""

    code = "content_address_refused"
    texts = said(
        "{path}：網址「{found}」不能用；需為 https:// 開頭、{limit} 字以內、不含空白與變數。",
        "{path}: the address {found} will not do; it begins with https://, has at most {limit} "
        "characters, no blanks and no variables.",
        "{path}：URL「{found}」は使えません。https:// で始まり、{limit} 文字以内、空白と変数を"
        "含まないものにしてください。",
    )


class ContentCodeUnknown(ContentRefused):
    """The shop has no coupon template or survey of this code."""

    code = "content_unknown_code"
    texts = said(
        "{path}：店內沒有「{found}」；可用：{possible}。",
        "{path}: the shop has no {found}; there are: {possible}.",
        "{path}：「{found}」は登録されていません。使えるもの：{possible}。",
    )


class ContentTooLarge(ContentRefused):
    """The content has more bytes than one may have."""

    code = "content_too_large"
    texts = said(
        "內容共 {found} 位元組，上限 {limit}。",
        "The content has {found} bytes; at most {limit} are allowed.",
        "内容は {found} バイトあります。上限は {limit} です。",
    )


class SurveyNotLast(ContentRefused):
    """A survey is answered by quick replies, which LINE shows below the last message alone."""

    code = "content_survey_not_last"
    texts = said(
        "{path}：問卷「{found}」只能放在最後一則（快速回覆只顯示在最後一則訊息下方）。",
        "{path}: the survey {found} must be the last message: LINE shows quick replies only there.",
        "{path}：アンケート「{found}」は最後のメッセージにしてください（クイックリプライは最後にだけ"
        "表示されます）。",
    )
