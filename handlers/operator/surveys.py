"""`flask --app app survey …`: what the shop asks in the chat, and what it was told (B-17, E-11)."""

from datetime import timedelta

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from handlers.operator.acting import working
from handlers.operator.installation import Installation
from handlers.operator.table import print_table
from models.base import in_language
from models.member import get_member_by_typed, shown_number
from models.survey import (
    EXIT,
    KINDS,
    NPS,
    SCALES,
    Survey,
    SurveyReport,
    archive_survey,
    get_survey,
    keep_survey,
    latest_scores,
    list_surveys,
    list_words,
    report_survey,
)

KIND_NAMES = {"csat": "滿意度", "nps": "推薦度", "exit": "離開原因"}
MOST_WORDS = 20
REASON_SHAPE = "CODE=TEXT"


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands about surveys."""
    group = AppGroup("survey", help="Questions to tap in the chat: satisfaction, NPS, exit.")
    _add_keeping(group, installation)
    _add_looking(group, installation)
    return group


def _add_keeping(group: AppGroup, installation: Installation) -> None:
    @group.command("add")
    @click.argument("code")
    @click.argument("kind", type=click.Choice(KINDS))
    @click.option("--name", required=True, help="In Chinese, such as 購後滿意度.")
    @click.option("--question", required=True, help="In Chinese, as members read it.")
    @click.option("--en", help="The question in English.")
    @click.option("--ja", help="The question in Japanese.")
    @click.option("--reason", "reasons", multiple=True, help=f"{REASON_SHAPE}; several times.")
    @click.option("--words/--no-words", default=True, help="Whether to ask for a sentence.")
    @click.option("--by", default="operator", help="Who decides.")
    def add(
        code: str,
        kind: str,
        name: str,
        question: str,
        en: str | None,
        ja: str | None,
        reasons: tuple[str, ...],
        words: bool,
        by: str,
    ) -> None:
        """Add the survey of CODE, or word it anew."""
        asked = {"zh-TW": question, "en": en, "ja": ja}
        told = dict(reason.partition("=")[::2] for reason in reasons)
        with working(installation) as session:
            survey = keep_survey(
                session,
                code,
                kind,
                name={"zh-TW": name},
                question={language: text for language, text in asked.items() if text},
                reasons={each: {"zh-TW": text} for each, text in told.items()},
                asks_words=words,
                by=by,
                now=installation.clock(),
            )
            click.echo(f"{survey.code}: {in_language(survey.name, 'zh-TW')}")

    @group.command("archive")
    @click.argument("code")
    def archive(code: str) -> None:
        """Ask the survey of CODE no more; what it was told stays."""
        with working(installation) as session:
            archive_survey(session, get_survey(session, code), installation.clock())
        click.echo(f"{code} is archived.")


def _add_looking(group: AppGroup, installation: Installation) -> None:
    @group.command("list")
    def list_all() -> None:
        """Print the surveys in use."""
        with working(installation) as session:
            rows = [_row(session, survey) for survey in list_surveys(session)]
        print_table(("代碼", "種類", "名稱", "詢問", "回答"), rows, "lllrr")

    @group.command("show")
    @click.argument("code")
    def show(code: str) -> None:
        """Print what the survey of CODE asks."""
        with working(installation) as session:
            survey = get_survey(session, code)
        for language, text in survey.question.items():
            click.echo(f"{language}: {text}")
        rows = [(one["code"], in_language(one["name"], "zh-TW")) for one in survey.reasons]
        print_table(("原因代碼", "原因"), rows)

    @group.command("report")
    @click.argument("code")
    @click.option("--days", type=click.IntRange(1, 3_660), help="Only what was asked since.")
    def report(code: str, days: int | None) -> None:
        """Print what the survey of CODE found: scores, NPS, reasons, what people wrote."""
        since = installation.clock() - timedelta(days=days) if days else None
        with working(installation) as session:
            survey = get_survey(session, code)
            found = report_survey(session, survey, since=since)
            written = [answer.words for answer in list_words(session, survey, limit=MOST_WORDS)]
        _print_report(found)
        for words in written:
            click.echo(f"「{words}」")

    @group.command("member")
    @click.argument("member")
    def member(member: str) -> None:
        """Print the latest scores of a MEMBER, by number or phone."""
        with working(installation) as session:
            found = get_member_by_typed(session, member)
            scores = latest_scores(session, found.id)
        rows = [(KIND_NAMES[kind], score) for kind, score in scores.items()]
        click.echo(shown_number(found.number))
        print_table(("問卷", "最近分數"), rows, "lr")


def _row(session: Session, survey: Survey) -> tuple[str, str, str, int, int]:
    found = report_survey(session, survey)
    name = in_language(survey.name, "zh-TW")
    return survey.code, KIND_NAMES[survey.kind], name, found.asked, found.answered


def _print_report(found: SurveyReport) -> None:
    survey = found.survey
    share = f"（{found.answered / found.asked:.0%}）" if found.asked else ""
    click.echo(
        f"{in_language(survey.name, 'zh-TW')}：詢問 {found.asked:,}，回答 {found.answered:,}{share}"
    )
    if not found.is_enough:
        click.echo("資料不足，以下僅供參考。")
    if survey.kind != EXIT:
        _print_scores(found)
    rows = [
        (survey.reason_name(code, "zh-TW"), count, None if mean is None else f"{mean:.1f}")
        for code, count, mean in found.reasons
    ]
    print_table(("原因", "次數", "平均分數"), rows, "lrr")


def _print_scores(found: SurveyReport) -> None:
    mean, within = found.mean, found.mean_interval
    if mean is not None:
        reach = f"（95% 在 {within[0]:.2f} 到 {within[1]:.2f}）" if within else ""
        click.echo(f"平均 {mean:.2f}{reach}")
    nps, nps_within = found.nps, found.nps_interval
    if found.survey.kind == NPS and nps is not None and nps_within is not None:
        click.echo(f"NPS {nps:+.0f}（95% 在 {nps_within[0]:+.0f} 到 {nps_within[1]:+.0f}）")
    rows = [(str(score), found.scores.get(score, 0)) for score in SCALES[found.survey.kind]]
    print_table(("分數", "次數"), rows, "rr")
