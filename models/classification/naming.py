"""The four models by name: the lifecycles and RFM, side by side."""

from collections.abc import Mapping

from models.lifecycle import MODELS, RFM
from models.lifecycle.names import ClassName, ModelName
from models.lifecycle.refusals import UnknownModel
from models.rfm.names import RFM_MODEL

ALL_MODELS: Mapping[str, ModelName] = MODELS | {RFM: RFM_MODEL}


def get_any_model(model: str) -> ModelName:
    """Return one of the four models. Raises UnknownModel."""
    if model not in ALL_MODELS:
        raise UnknownModel(model=model, known=list(ALL_MODELS))
    return ALL_MODELS[model]


def get_any_class(model: str, code: str) -> ClassName:
    """Return a class of one of the four models. Raises UnknownModel or UnknownClass."""
    return get_any_model(model).get_class(code)
