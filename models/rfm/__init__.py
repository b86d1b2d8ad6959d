"""RFM: who bought lately, often and for much, by cut-offs that are said; eight groups of buyers."""

from models.rfm.group import GROUPS, Group, get_group
from models.rfm.measuring import Cut, Cuts
from models.rfm.names import RFM_MODEL
from models.rfm.setting import (
    DIMENSIONS,
    METHODS,
    CutOffsOutOfOrder,
    CutRule,
    RfmSetting,
    RfmSettingRefused,
    RfmSettings,
    change_rfm_settings,
    foresee_rfm_settings,
    get_rfm_settings,
    list_rfm_settings,
)
from models.rfm.table import RfmCut

__all__ = [
    "DIMENSIONS",
    "GROUPS",
    "METHODS",
    "RFM_MODEL",
    "Cut",
    "CutOffsOutOfOrder",
    "CutRule",
    "Cuts",
    "Group",
    "RfmCut",
    "RfmSetting",
    "RfmSettingRefused",
    "RfmSettings",
    "change_rfm_settings",
    "foresee_rfm_settings",
    "get_group",
    "get_rfm_settings",
    "list_rfm_settings",
]
