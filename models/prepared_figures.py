"""Every module that registers a prepared figure: whoever lists or makes them imports this one."""

from models import overview as overview
from models import readiness as readiness
from models import recommendation as recommendation
from models import tier_simulation as tier_simulation
from models.analysis import figures as figures
from models.audit import chain_prepared as chain_prepared
from models.classification import foreseeing as foreseeing
from models.classification import spanning as spanning
from models.insight import campaign_prepared as campaign_prepared
from models.insight import journey_prepared as journey_prepared
from models.journey import counted as counted
from models.lottery import auditing as auditing
from models.offering import results as results
from models.outreach import calendar as calendar
from models.report import catalogue as catalogue
from models.segment import counting as counting
from models.survey import reported as reported
