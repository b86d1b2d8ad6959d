"""Headings that several reports share, so that one thing is called the same in all of them."""

from models.base import said

LOW = said("至少", "At least", "下限")
HIGH = said("至多", "At most", "上限")
TIER = said("等級", "Tier", "ランク")
MEMBERS = said("會員數", "Members", "会員数")
SALES = said("業績", "Sales", "売上")
VERDICT = said("結論", "Verdict", "判定")
MONTH = said("月份", "Month", "月")
