"""The demo: a tea shop with two years of members, made up from a seed, the same every time."""

from models.demo.load import DemoReport, demo_people, load_demo
from models.demo.shop import DEMO_STAFF, TEA_SHOP

__all__ = ["DEMO_STAFF", "TEA_SHOP", "DemoReport", "demo_people", "load_demo"]
