"""The four models by name: the lifecycles and RFM, side by side."""

from collections.abc import Mapping

from models.lifecycle import MODELS, PROSPECT, RFM
from models.lifecycle.names import ClassName, ModelName
from models.lifecycle.refusals import UnknownModel
from models.rfm.names import RFM_MODEL

ALL_MODELS: Mapping[str, ModelName] = MODELS | {RFM: RFM_MODEL}


def get_any_model(model: str) -> ModelName:
    """Return one of the four models. Raises UnknownModel."""
    if model not in ALL_MODELS:
        raise UnknownModel(model=model, known=list(ALL_MODELS))
    return ALL_MODELS[model]


def class_codes(model: str) -> list[str]:
    """Return the codes of a model's classes, with who never bought where they stand beside it."""
    codes = [each.code for each in get_any_model(model).classes]
    return [*codes, PROSPECT] if model == RFM else codes


def get_any_class(model: str, code: str) -> ClassName:
    """Return a class of one of the four models. Raises UnknownModel or UnknownClass."""
    return get_any_model(model).get_class(code)
