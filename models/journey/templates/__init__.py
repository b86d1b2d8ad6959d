"""Journeys ready to be installed, by topic; each brings the coupons and surveys it needs.

What a shop installs is its own from then on: it may change, pause or archive it, and nothing
here touches it again.
"""

from models.journey.templates.installing import install_basic, install_template
from models.journey.templates.shelf import BASIC, TEMPLATES, NoSuchTemplate
from models.journey.templates.template import Template

__all__ = [
    "BASIC",
    "TEMPLATES",
    "NoSuchTemplate",
    "Template",
    "install_basic",
    "install_template",
]
