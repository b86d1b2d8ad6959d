"""Quota and money: the plan of messages, the ledger of what is reserved and used, what it costs."""

from models.quota.budget import (
    BenefitCost,
    MessageCost,
    Outstanding,
    benefit_cost,
    message_cost,
    outstanding_benefits,
    roas_of,
)
from models.quota.changing import change_plan
from models.quota.ledger import (
    list_entries,
    list_leftovers,
    note_quota_gone,
    reserve,
    reserve_many,
    settle_use,
)
from models.quota.margin import Ranking, expected_margin, margin_percent_of, rank_worth
from models.quota.plan import (
    HIGH,
    PLAN_NAMES,
    STARTING_PLANS,
    Plan,
    Step,
    get_plan,
    list_plan_versions,
    month_after,
    month_of,
)
from models.quota.reconciling import is_figure_due, note_line_figure
from models.quota.remaining import Cost, Remaining, cost_in, cost_of, remaining
from models.quota.table import (
    BudgetStop,
    MessagePlan,
    PlanRefused,
    QuotaEntry,
    QuotaHold,
    QuotaMonth,
)

__all__ = [
    "HIGH",
    "PLAN_NAMES",
    "STARTING_PLANS",
    "BenefitCost",
    "BudgetStop",
    "Cost",
    "MessageCost",
    "MessagePlan",
    "Outstanding",
    "Plan",
    "PlanRefused",
    "QuotaEntry",
    "QuotaHold",
    "QuotaMonth",
    "Ranking",
    "Remaining",
    "Step",
    "benefit_cost",
    "change_plan",
    "cost_in",
    "cost_of",
    "expected_margin",
    "get_plan",
    "is_figure_due",
    "list_entries",
    "list_leftovers",
    "list_plan_versions",
    "margin_percent_of",
    "message_cost",
    "month_after",
    "month_of",
    "note_line_figure",
    "note_quota_gone",
    "outstanding_benefits",
    "rank_worth",
    "remaining",
    "reserve",
    "reserve_many",
    "roas_of",
    "settle_use",
]
