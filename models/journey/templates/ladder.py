"""The ladder: the gift of a step up, a step that is near, a step about to be lost (T10, E-09)."""

from models.base import said
from models.journey.templates.returning import NEAR_TWD
from models.journey.templates.template import (
    Template,
    button,
    card,
    journey,
    send,
    wait,
)

UPGRADE_GIFT = Template(
    "upgrade-gift",
    said("升等禮提醒", "Gift of an upgrade", "ランクアップ特典"),
    said(
        "升等通知之後，2 天與 7 天仍未領升等禮各提醒一次，一點就領；領了就停止。",
        "After the notice, a reminder on day 2 and 7 to claim the gift by a tap; claimed, it ends.",
        "お知らせの 2 日後と 7 日後、特典が未受取ならご案内。受け取ると終了します。",
    ),
    journey(
        {"on": "tier_up", "with_gift": True},
        wait("two_days", 2, "12:00"),
        send(
            "claim",
            card(
                "announcement",
                title=said("升等禮等您領取", "Your gift is waiting", "特典をお受け取りください"),
                body=said(
                    "恭喜升上{new_tier|新的等級}！點一下就能領取升等禮。",
                    "Congratulations on {new_tier|your new tier}! One tap claims your gift.",
                    "{new_tier|新しいランク}になられました。ワンタップで特典を受け取れます。",
                ),
                button=button("show_tier", "領取升等禮", "Claim", "受け取る"),
            ),
        ),
        wait("five_more", 5, "12:00"),
        send(
            "last_call",
            card(
                "announcement",
                title=said("別忘了升等禮", "Do not forget your gift", "特典をお忘れなく"),
                body=said(
                    "{name}，{new_tier|新等級}的升等禮還沒領，數量有限。",
                    "{name}, your gift of {new_tier|the new tier} is still there, while it lasts.",
                    "{name} 様、{new_tier|新ランク}の特典がまだございます。数に限りがあります。",
                ),
                button=button("show_tier", "領取升等禮", "Claim", "受け取る"),
            ),
        ),
        exit_when=["gift_claimed"],
        reentry="each",
        holdout_percent=0,
        priority=75,
        hold_minutes=240,
    ),
)

NEAR_UPGRADE = Template(
    "near-upgrade",
    said("快升等", "Near the next tier", "もうすぐランクアップ"),
    said(
        f"消費後離下一等級不到 NT${NEAR_TWD:,}，隔天說還差多少。每人 45 天一次。",
        f"Less than NT${NEAR_TWD:,} missing after a purchase: told the day after, once in 45 days.",
        f"購入後、次のランクまで NT${NEAR_TWD:,} 未満なら翌日お知らせ。45 日に一度。",
    ),
    journey(
        {"on": "near_upgrade", "within_twd": NEAR_TWD},
        wait("next_day", 1, "11:30"),
        send(
            "gap",
            card(
                "points",
                title=said("再一點就升等", "Almost there", "あと少しでランクアップ"),
                body=said(
                    "{name}，再 {gap} 就是{next_tier}，點數更多、專屬禮遇也更多。",
                    "{name}, {gap} more and you are {next_tier}: more points, more for you.",
                    "{name} 様、あと {gap} で{next_tier}。ポイントも特典も増えます。",
                ),
                button=button("show_tier", "看升等禮遇", "What it brings", "特典を見る"),
            ),
        ),
        exit_when=["tier_up", "refund"],
        reentry={"after_days": 45},
        priority=48,
        hold_minutes=720,
    ),
)

DOWNGRADE = Template(
    "downgrade-warning",
    said("降等前提醒", "Before a tier is lost", "ランクダウン前のお知らせ"),
    said(
        "等級到期前 10 天，還差金額的會員提醒一次，說明差多少、到哪一天。",
        "Ten days before a tier ends, what would keep it and until when.",
        "期限の 10 日前に、維持に必要な額と期日をお知らせします。",
    ),
    journey(
        {"on": "tier_falling", "days": 10, "from_time": "12:00"},
        send(
            "keep_it",
            card(
                "announcement",
                title=said("留住您的等級", "Keep your tier", "ランクを維持しませんか"),
                body=said(
                    "{name}，{keep_by} 前再累積 {keep_gap}，就能保住{tier|您等級}的禮遇。",
                    "{name}, {keep_gap} more by {keep_by} keeps what {tier} brings you.",
                    "{name} 様、{keep_by} までにあと {keep_gap} で{tier}を維持できます。",
                ),
                button=button("show_tier", "看我的等級", "My tier", "ランクを見る"),
            ),
        ),
        exit_when=["tier_up"],
        reentry="each",
        holdout_percent=0,
        priority=72,
        hold_minutes=240,
    ),
)

LADDER = (UPGRADE_GIFT, NEAR_UPGRADE, DOWNGRADE)
