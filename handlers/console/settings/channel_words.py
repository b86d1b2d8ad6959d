"""What a look at the LINE channel found, in words: how it stands, and what to do about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.channel_check import BAD, OK, UNKNOWN, WARN, Finding
from bot.texts import Texts

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Advice:
    """What was looked at, how it stands, and what to do; nothing where all is well."""

    title: str
    state: str
    steps: tuple[str, ...] = ()


def advise(t: Texts, found: Finding) -> Advice:
    """Return the words for a finding."""
    title = _titles(t)[found.code]
    if found.state == UNKNOWN:
        return _unknown(t, title, found)
    return _ADVICE[found.code](t, title, found.state, found.facts)


def _titles(t: Texts) -> dict[str, str]:
    return {
        "token": t("存取權杖（channel access token）"),
        "channel_id": t("Channel ID"),
        "account": t("官方帳號"),
        "provider": t("Provider（服務提供者）"),
        "webhook_address": t("Webhook 網址"),
        "webhook_active": t("Webhook 開關"),
        "webhook_test": t("Webhook 測試"),
        "permission": t("權限"),
        "quota": t("訊息額度"),
    }


def _unknown(t: Texts, title: str, found: Finding) -> Advice:
    if found.code == "token":
        return Advice(
            title,
            t("連不上 LINE"),
            (t("請確認主機能連到 api.line.me，稍後再檢查一次。"),),
        )
    if found.code == "provider" and found.facts.get("asked") == 0:
        return Advice(
            title,
            t("還沒有好友可以核對"),
            (t("先用自己的手機加官方帳號為好友，再檢查一次。"),),
        )
    if found.code == "channel_id" and not found.facts.get("ours"):
        return Advice(
            title,
            t("沒有設定，略過核對"),
            (t("在 .env 填上 LINE_CHANNEL_ID，就能核對權杖屬於哪個 channel。"),),
        )
    return Advice(title, t("這次沒有查到"), (t("先處理上面的項目，再檢查一次。"),))


def _token(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("有效"))
    if state == WARN:
        return Advice(
            title,
            t("{days} 天後到期", days=facts["days"]),
            (
                t("到 LINE Developers Console 重新發行長期權杖，更新 .env 後重新啟動。"),
                t("或改填 LINE_CHANNEL_ID，由系統自動換發 15 分鐘的權杖。"),
            ),
        )
    return Advice(
        title,
        t("LINE 不接受這個權杖"),
        (
            t("到 LINE Developers Console 打開您的 channel，在 Messaging API 分頁重新發行。"),
            t("把新的權杖填進 .env 的 LINE_CHANNEL_ACCESS_TOKEN，重新啟動。"),
            t("用 LINE_CHANNEL_ID 換發時，請確認 LINE_CHANNEL_SECRET 是同一個 channel 的。"),
        ),
    )


def _channel_id(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, str(facts.get("line", "")))
    return Advice(
        title,
        t("權杖屬於 {line}，設定的是 {ours}", line=facts["line"], ours=facts["ours"]),
        (t("兩個值要來自同一個 channel：請重新複製 Channel ID、Channel secret 與權杖。"),),
    )


def _account(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("{name}（{id}）", name=facts["name"], id=facts["line"]))
    if "line" not in facts:
        return _refused(t, title, facts)
    return Advice(
        title,
        t("LINE 說是 {line}，商店設定是 {ours}", line=facts["line"], ours=facts["ours"]),
        (
            t("若是打錯，請到「商店」更正官方帳號 ID；海報與邀請連結都用它。"),
            t("若不是您的帳號，代表權杖屬於別的帳號：請換成自己帳號的 channel。"),
        ),
    )


def _provider(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("認得我們的好友，是同一個 Provider"))
    return Advice(
        title,
        t("不認得任何一位好友：這個 channel 在別的 Provider 之下"),
        (
            t("好友的 ID 每個 Provider 都不同，channel 也不能搬家；在這裡發訊息，舊會員都收不到。"),
            t("請改用原本 Provider 之下的 channel；若是廠商開的，請向廠商要回。"),
            t("要不回來，就在自己的 Provider 重新開一個 channel，再請會員重新綁定。"),
            t("不要把品牌放在廠商的 Provider 下：廠商被停權時，您的帳號會一起被停。"),
        ),
    )


def _webhook_address(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("正確"))
    if "ours" not in facts:
        return _refused(t, title, facts)
    told = facts["line"] or t("（空白）")
    return Advice(
        title,
        t("LINE 把事件送到 {line}", line=told),
        (
            t("到 LINE Developers Console → Messaging API → Webhook settings，把網址改成："),
            str(facts["ours"]),
            t("若主機換了網址，請同時更新 .env 的 PUBLIC_BASE_URL。"),
        ),
    )


def _webhook_active(t: Texts, title: str, state: str, _facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("已開啟"))
    return Advice(
        title,
        t("沒有開啟：會員的訊息不會送到這裡"),
        (t("在 LINE Developers Console 的 Webhook settings 打開「Use webhook」。"),),
    )


def _webhook_test(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("LINE 送得到，簽章也正確"))
    steps = (
        t("LINE 回報：{status} {why}", status=facts.get("status") or "", why=facts.get("why", "")),
        t("401 或 403：LINE_CHANNEL_SECRET 不是這個 channel 的，請重新複製。"),
        t("連不上或逾時：網址要能從網際網路連到、憑證有效，防火牆要放行。"),
    )
    return Advice(title, t("LINE 送不到這裡"), steps)


def _permission(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == OK:
        return Advice(title, t("需要的都有"))
    names = {
        "rich_menu": t("圖文選單"),
        "aggregation": t("訊息統計單位"),
        "demographic": t("好友屬性統計"),
    }
    refused = t("、").join(names[name] for name in facts.get("refused", ()))
    return Advice(
        title,
        t("LINE 不開放：{refused}", refused=refused),
        (
            t("在 LINE Official Account Manager 確認帳號的認證狀態與 Messaging API 已啟用。"),
            t("您若不是帳號的管理員，請管理員把這個 channel 的角色改成 Admin。"),
        ),
    )


def _quota(t: Texts, title: str, state: str, facts: Facts) -> Advice:
    if state == BAD:
        return Advice(
            title, t("LINE 沒有告訴我們額度"), (t("稍後再檢查一次；持續發生請看「權杖」一項。"),)
        )
    limit = facts.get("limit")
    shown = t("不限") if limit is None else t.number(limit)
    told = t("本月 {limit} 則，已用 {used} 則", limit=shown, used=t.number(facts["used"]))
    if state == OK:
        return Advice(title, told)
    plan = t.number(facts["plan"])
    return Advice(
        title,
        told,
        (
            t(
                "這裡設定的方案有 {plan} 則免費訊息，比 LINE 說的多；請到「訊息方案」更正。",
                plan=plan,
            ),
        ),
    )


def _refused(t: Texts, title: str, facts: Facts) -> Advice:
    return Advice(
        title,
        t("LINE 拒絕回答（{status}）", status=facts.get("status") or ""),
        (t("先處理「權杖」一項，再檢查一次。"),),
    )


_ADVICE: Mapping[str, Callable[[Texts, str, str, Facts], Advice]] = {
    "token": _token,
    "channel_id": _channel_id,
    "account": _account,
    "provider": _provider,
    "webhook_address": _webhook_address,
    "webhook_active": _webhook_active,
    "webhook_test": _webhook_test,
    "permission": _permission,
    "quota": _quota,
}
