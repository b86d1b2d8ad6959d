"""Who stopped coming (T6, A-18, A-19, C-07, E-11): four ways to tell, one message at a time.

All four share the cause of one silence, so its coupon is one, and the lock of `win_back`, so
whoever matches several is written to once.
"""

from models.base import Texts, said
from models.journey.templates.template import (
    WIN_BACK,
    Json,
    Survey,
    Template,
    coupon,
    given,
    journey,
    may_write,
    send,
)

EXIT_SURVEY = "exit"


def _lead_back(
    code: str, trigger: Json, names: Texts, about: Texts, title: Texts, body: Texts, **options: int
) -> Template:
    return Template(
        code,
        names,
        about,
        journey(
            trigger,
            may_write("may_we", WIN_BACK, yes="gift"),
            coupon("gift", "win_back", key="cause", otherwise="invite"),
            send(
                "invite",
                given("win_back", title=title, body=body),
                purpose=WIN_BACK,
                key="cause",
            ),
            exit_when=["purchase"],
            reentry="each",
            priority=55,
            **options,
        ),
    )


DORMANT_90 = _lead_back(
    "dormant-90-days",
    {"on": "silent", "days": 90, "from_time": "14:00"},
    said("沉睡 90 天喚回", "Silent for 90 days", "90 日ぶりのご案内"),
    said(
        "第 90 天發一次附券；第 89 天消費就取消。",
        "Once on day 90, with a coupon; a purchase on day 89 cancels it.",
        "90 日目に一度、クーポンつき。89 日目の購入で取り消されます。",
    ),
    said("好久不見，{name}", "Long time no see", "{name} 様、お久しぶりです"),
    said(
        "距離上次已經 {days} 天，這張券陪您回來坐坐。",
        "It has been {days} days. Here is something to come back for.",
        "前回から {days} 日。ご来店のきっかけにどうぞ。",
    ),
    grace_minutes=7 * 24 * 60,
)
BEFORE_MONTH_4 = _lead_back(
    "before-month-4",
    {"on": "silent", "days": 83, "from_time": "14:00"},
    said("第四個月之前喚回", "Before the fourth month", "4 か月目の前に"),
    said(
        "流失從第四個月開始升高：在那之前一週（第 83 天）先邀請回來。",
        "Churn rises from the fourth month on: invited a week before, on day 83.",
        "離脱は 4 か月目から増えます。その 1 週間前（83 日目）にご案内します。",
    ),
    said("{name}，最近好嗎？", "How are you, {name}?", "{name} 様、お元気ですか"),
    said(
        "「{favourite|您的老樣子}」一直都在，帶著這張券來看看我們吧。",
        "{favourite|Your usual} is still here. Bring this and come by.",
        "「{favourite|いつもの}」をご用意しています。こちらをお持ちください。",
    ),
)
LOWEST_R = _lead_back(
    "lowest-recency",
    {"on": "lowest_recency", "from_time": "14:30"},
    said("最低 R 回娘家", "Lowest recency: come home", "R 最低：おかえりなさい"),
    said(
        "R 分數落到最低的會員，發一次回娘家優惠。",
        "Who falls to the lowest recency is invited home, once a silence.",
        "R スコアが最低になった方に、一度だけご案内します。",
    ),
    said("回娘家囉，{name}", "Come home, {name}", "{name} 様、おかえりなさい"),
    said(
        "我們準備了小禮等您回來，憑券折抵。",
        "There is a little something waiting for you.",
        "ささやかな特典をご用意してお待ちしています。",
    ),
)
NASLD_SLEEP = _lead_back(
    "nasld-sleep",
    {"on": "class_entered", "class": "nasld:sleep", "from_time": "14:30"},
    said("NASLD 沈睡客喚醒", "NASLD: falling asleep", "NASLD：眠りかけの方へ"),
    said(
        "進入沈睡客（超過三個回購週期沒來）時發一次。",
        "Once when a regular has not come for three of their cycles.",
        "3 周期ご来店のない常連の方に一度ご案内します。",
    ),
    said("想念您，{name}", "We miss you, {name}", "{name} 様にお会いしたくて"),
    said(
        "您平常都會來，這次隔得有點久。這張券請收下。",
        "You used to come by more often. This is for you.",
        "いつもより間があきましたね。こちらをお受け取りください。",
    ),
)

EXIT = Template(
    "win-back-exit-survey",
    said("離開原因問卷", "Why did you leave?", "ご来店がない理由"),
    said(
        "沉默 125 天仍未回來，問一題原因（可點選、可留言），用來改進。",
        "After 125 days without a purchase, one question why: by a tap, by words.",
        "125 日ご来店のない方に、理由を一つだけうかがいます。",
    ),
    journey(
        {"on": "silent", "days": 125, "from_time": "14:00"},
        {"id": "ask", "do": "survey", "survey": EXIT_SURVEY, "purpose": WIN_BACK},
        exit_when=["purchase"],
        reentry={"after_days": 365},
        priority=35,
        hold_minutes=1_440,
    ),
    surveys={
        EXIT_SURVEY: Survey(
            "exit",
            said("離開原因", "Why members left", "離れた理由"),
            said(
                "好久沒看到您了，最主要的原因是？",
                "We have not seen you for long. What is the main reason?",
                "しばらくご来店がございません。いちばんの理由は？",
            ),
            {
                "price": said("價格", "Price", "価格"),
                "taste": said("口味不合", "Taste", "味の好み"),
                "moved": said("搬家或換工作", "Moved away", "引っ越し・転職"),
                "service": said("服務", "Service", "接客"),
                "too_many_messages": said("訊息太多", "Too many messages", "通知が多い"),
                "other": said("其他", "Something else", "その他"),
            },
        )
    },
)

RETURNING_HOME = (DORMANT_90, BEFORE_MONTH_4, LOWEST_R, NASLD_SLEEP, EXIT)
