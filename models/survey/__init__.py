"""Surveys in the chat: satisfaction (CSAT, 1 to 5), recommendation (NPS, 0 to 10), and why people
left; a tap, a reason if one likes, and a sentence (B-17, E-11).

Who is asked has a row from then on, and answers it once. The latest score of a kind is what a
member's profile shows and what segments ask for.
"""

from models.survey.answering import (
    Taken,
    answer_survey,
    ask_survey,
    forget_answers,
    give_reason,
    write_answer,
)
from models.survey.keeping import (
    archive_survey,
    get_survey,
    keep_survey,
    list_surveys,
)
from models.survey.reporting import (
    Given,
    SurveyReport,
    latest_scores,
    list_given,
    list_words,
    report_survey,
)
from models.survey.table import (
    CSAT,
    EXIT,
    KINDS,
    NPS,
    SCALES,
    NoSuchSurvey,
    NotAsked,
    Survey,
    SurveyAnswer,
    SurveyAnswered,
    SurveyClosed,
    SurveyRefused,
    WordsTooLong,
)

__all__ = [
    "CSAT",
    "EXIT",
    "KINDS",
    "NPS",
    "SCALES",
    "Given",
    "NoSuchSurvey",
    "NotAsked",
    "Survey",
    "SurveyAnswer",
    "SurveyAnswered",
    "SurveyClosed",
    "SurveyRefused",
    "SurveyReport",
    "Taken",
    "WordsTooLong",
    "answer_survey",
    "archive_survey",
    "ask_survey",
    "forget_answers",
    "get_survey",
    "give_reason",
    "keep_survey",
    "latest_scores",
    "list_given",
    "list_surveys",
    "list_words",
    "report_survey",
    "write_answer",
]
