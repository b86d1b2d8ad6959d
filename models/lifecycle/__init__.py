"""Lifecycles: which customers are active, new, asleep or lost, by models that say why.

Three models over the same figures: NASLD by repurchase cycles, NAPL in the article's wording, and
NAPL as 91APP has it. Each is a partition of all members, on any day. `action.py` has what is done
about each class, and is imported by its own name: it knows RFM too, which builds on this package.
"""

from models.lifecycle.classes import class_of, class_sql
from models.lifecycle.cycle import Cycle, cycle_of, cycle_sql
from models.lifecycle.explaining import ClassExplanation, explain_class
from models.lifecycle.figures import (
    FigureColumns,
    MemberFigures,
    check_day,
    columns_of,
    figures_as_of,
    figures_now,
    figures_on,
    member_columns,
    opened_on,
)
from models.lifecycle.measuring import estimate_cycles
from models.lifecycle.names import (
    MODELS,
    NAPL_91APP,
    NAPL_ARTICLE,
    NASLD,
    PROSPECT,
    RFM,
    class_key,
    class_name,
    get_class,
    get_model,
)
from models.lifecycle.setting import (
    LifecycleSettings,
    change_settings,
    get_settings,
    list_settings,
)
from models.lifecycle.table import ClassAction, LifecycleSetting, RepurchaseCycle
from models.lifecycle.wording import cycle_text, order_text, rule_text

__all__ = [
    "MODELS",
    "NAPL_91APP",
    "NAPL_ARTICLE",
    "NASLD",
    "PROSPECT",
    "RFM",
    "ClassAction",
    "ClassExplanation",
    "Cycle",
    "FigureColumns",
    "LifecycleSetting",
    "LifecycleSettings",
    "MemberFigures",
    "RepurchaseCycle",
    "change_settings",
    "check_day",
    "class_key",
    "class_name",
    "class_of",
    "class_sql",
    "columns_of",
    "cycle_of",
    "cycle_sql",
    "cycle_text",
    "estimate_cycles",
    "explain_class",
    "figures_as_of",
    "figures_now",
    "figures_on",
    "get_class",
    "get_model",
    "get_settings",
    "list_settings",
    "member_columns",
    "opened_on",
    "order_text",
    "rule_text",
]
