"""All presets by their codes."""

from collections.abc import Mapping

from models.preset.beauty import BEAUTY
from models.preset.business import BUSINESS
from models.preset.preset import Preset
from models.preset.restaurant import RESTAURANT

PRESETS: Mapping[str, Preset] = {preset.code: preset for preset in (RESTAURANT, BEAUTY, BUSINESS)}
