"""RFM as a model beside the lifecycles': its name and its groups, with their rule in words."""

from models.lifecycle.names import RFM, ClassName, ModelName
from models.rfm.group import GROUPS

RFM_MODEL = ModelName(
    RFM,
    {"zh-TW": "RFM 顧客價值", "en": "RFM customer value", "ja": "RFM 顧客価値"},
    tuple(
        ClassName(
            group.code,
            group.names,
            {language: group.levels(language) for language in ("zh-TW", "en", "ja")},
        )
        for group in GROUPS
    ),
)
