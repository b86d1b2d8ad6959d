"""What a report is: the question it answers, how it is worked out, what may be asked of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.parameter import Parameter, read_all
from models.base import Texts, said
from models.prepared import NoteProgress
from models.report.findings import Findings

Values = Mapping[str, Any]
Question = Callable[[Session, datetime, Values], Findings]
LongQuestion = Callable[[Session, datetime, Values, NoteProgress], Findings]
FIGURE_PREFIX = "report."
TOPICS: Mapping[str, Texts] = {
    "metrics": said("關鍵指標", "Key metrics", "主要指標"),
    "customers": said("顧客與回購", "Customers", "顧客とリピート"),
    "tiers": said("等級與升等", "Tiers and upgrades", "ランクと昇格"),
    "money": said("點數、優惠與會費", "Points, rewards, fees", "ポイント・特典・会費"),
    "messages": said("訊息與活動", "Messages and campaigns", "配信とキャンペーン"),
    "counter": said("櫃台", "The counter", "カウンター"),
}
"""Where a report is listed."""


@dataclass(frozen=True)
class Report:
    """One report: what it is called, what it answers, and how it is worked out."""

    code: str
    topic: str
    title: Texts
    answers: Texts
    question: LongQuestion
    parameters: tuple[Parameter, ...] = ()
    right: str = "see"
    """The right that a person needs to see it."""

    @property
    def figure(self) -> str:
        """Return the name of its prepared figure."""
        return f"{FIGURE_PREFIX}{self.code}"

    def check(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Return what was asked without what holds anyway: one question has one figure.

        Raises ParameterRefused.
        """
        values = read_all(self.parameters, asked)
        usual = {each.name: each.default for each in self.parameters}
        return {name: asked[name].strip() for name in sorted(values) if values[name] != usual[name]}

    def work_out(
        self, session: Session, now: datetime, asked: Mapping[str, str], tell: NoteProgress
    ) -> Findings:
        """Work it out for what was asked. Raises what the parameters and the question refuse."""
        return self.question(session, now, read_all(self.parameters, asked), tell)


def short(question: Question) -> LongQuestion:
    """Return a question that is done before anybody could be told of progress."""
    return lambda session, now, values, _tell: question(session, now, values)
