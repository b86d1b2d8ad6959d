"""How the API says no where tags of members are asked for."""

from handlers.api.kind import Kind

TAG_KINDS: dict[str, Kind] = {
    "no_such_tag": Kind(
        404,
        "There is no such tag",
        "List them with `GET /tags`; an archived one can no longer be given.",
        "找不到此標籤",
        "請以 GET /tags 查詢；已封存的標籤無法再使用。",
    ),
    "tag_refused": Kind(
        422,
        "The tag cannot be given so",
        "`facts.what` names the part: `expires_at` must lie ahead.",
        "標籤資料不符",
        "問題欄位見 facts.what；expires_at 必須晚於現在。",
    ),
    "too_many_tags": Kind(
        409,
        "The member has as many tags as one may",
        "Take one off that is no longer of use; `facts.most` says how many there may be.",
        "會員的標籤已達上限",
        "請先移除不再使用的標籤；上限見 facts.most。",
    ),
    "tag_is_by_rule": Kind(
        409,
        "The tag follows a segment",
        "It goes when the member leaves the segment named in `facts.segment`.",
        "此標籤由分群規則決定",
        "會員離開 facts.segment 所指的分群後，標籤會自動移除。",
    ),
}
