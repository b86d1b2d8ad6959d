"""Classification: each member's class in four models, kept each night, counted on any day.

Lifecycles (NASLD, NAPL in two dialects) are also live: their counts and lists are made from the
members' own rows at the moment they are asked for. RFM's are those of the last night.
"""

from models.classification.alerting import (
    AlertRules,
    AlertSettingRefused,
    NoSuchAlert,
    acknowledge_alert,
    change_alert_rules,
    get_alert_rules,
    list_alerts,
)
from models.classification.counting import (
    ClassCounts,
    CountedClass,
    CrossCell,
    CrossTable,
    DaysOutOfOrder,
    MigrationMatrix,
    Move,
    count_classes,
    cross_table,
    list_moves,
    migration_matrix,
)
from models.classification.moving import note_moves
from models.classification.naming import ALL_MODELS, get_any_class, get_any_model
from models.classification.rebuilding import rebuild_classes
from models.classification.relation import last_night, settings_on
from models.classification.table import (
    ClassAlert,
    ClassCount,
    ClassMove,
    ClassNight,
    ClassOverlap,
    MemberClass,
    RfmCell,
)

__all__ = [
    "ALL_MODELS",
    "AlertRules",
    "AlertSettingRefused",
    "ClassAlert",
    "ClassCount",
    "ClassCounts",
    "ClassMove",
    "ClassNight",
    "ClassOverlap",
    "CountedClass",
    "CrossCell",
    "CrossTable",
    "DaysOutOfOrder",
    "MemberClass",
    "MigrationMatrix",
    "Move",
    "NoSuchAlert",
    "RfmCell",
    "acknowledge_alert",
    "change_alert_rules",
    "count_classes",
    "cross_table",
    "get_alert_rules",
    "get_any_class",
    "get_any_model",
    "last_night",
    "list_alerts",
    "list_moves",
    "migration_matrix",
    "note_moves",
    "rebuild_classes",
    "settings_on",
]
