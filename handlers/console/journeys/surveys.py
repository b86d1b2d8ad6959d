"""Surveys: what the shop asks in the chat, what it was told, and by whom (B-17, E-11)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import g, request, url_for
from flask.typing import ResponseReturnValue

from bot.texts import LANGUAGES, Texts
from handlers.address import read_id, read_whole
from handlers.console import chart, form, paging, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from handlers.console.refusals import explain
from models.base import BusinessError, hold
from models.draft import drop_draft
from models.fingerprint import fingerprint
from models.survey import (
    EXIT,
    KINDS,
    NPS,
    SCALES,
    Survey,
    archive_survey,
    get_survey,
    keep_survey,
    list_given,
    list_surveys,
)
from models.survey.keeping import LONGEST_CODE
from models.survey.reported import Reported, find_reports
from models.survey.reporting import FEWEST, SurveyReport
from models.survey.table import LONGEST_QUESTION, LONGEST_REASON, MOST_REASONS

A_PAGE = 50


NEW = "survey:new"
OK = 200


def show_list() -> ResponseReturnValue:
    """Show the surveys, each with how many were asked and answered."""
    t = console_texts()
    with_archived = request.args.get("archived") == "1"
    surveys = list(list_surveys(g.session, with_archived=with_archived))
    reports = find_reports(g.session, surveys, g.now)
    return views.show(
        "journeys/surveys",
        rows=list(zip(surveys, reports, strict=True)),
        kinds=_kind_names(t),
        with_archived=with_archived,
    )


def show_survey(code: str) -> ResponseReturnValue:
    """Show what a survey found, and the answers, those of a score or a reason where asked."""
    survey = get_survey(g.session, code, with_archived=True)
    (reported,) = find_reports(g.session, [survey], g.now)
    score, reason = read_whole(request.args.get("score")), request.args.get("reason")
    found = list_given(
        g.session, survey, score=score, reason=reason, before=_before(), limit=A_PAGE + 1
    )
    shown = found[:A_PAGE]
    last = shown[-1].answer if len(found) > A_PAGE else None
    at = last.answered_at.isoformat() if last is not None and last.answered_at else None
    return views.show(
        "journeys/survey",
        fragment="journeys/_answers",
        survey=survey,
        kinds=_kind_names(console_texts()),
        reported=reported,
        charts=_charts(survey, reported),
        given=shown,
        more=paging.next_url(after=f"{at}~{last.id}") if last is not None else None,
        score=score,
        reason=reason,
        fewest=FEWEST,
    )


def _before() -> tuple[datetime, int] | None:
    at, _, typed = (paging.after() or "").partition("~")
    answer_id = read_id(typed)
    try:
        return None if answer_id is None else (datetime.fromisoformat(at), answer_id)
    except ValueError:
        return None


def _charts(survey: Survey, reported: Reported) -> list[chart.Chart]:
    """Return the scores and the reasons as charts whose bars lead to the people behind them."""
    report, t = reported.report, console_texts()
    if report is None:
        return []

    def url(score: int | None = None, reason: str | None = None) -> str:
        endpoint = "console.journeys_surveys_show_survey"
        return url_for(endpoint, code=survey.code, score=score, reason=reason)

    found = []
    if survey.kind != EXIT:
        scale = SCALES[survey.kind]
        numbers: list[chart.Number] = [report.scores.get(score, 0) for score in scale]
        found.append(
            chart.bars(
                t("各分數的人數"),
                [str(score) for score in scale],
                [(t("回答"), numbers)],
                urls=[url(score=score) for score in scale],
                as_of=reported.as_of,
            )
        )
    if report.reasons:
        found.append(_reasons(report, t, [url(reason=code) for code, *_ in report.reasons]))
    return found


def _reasons(report: SurveyReport, t: Texts, urls: list[str]) -> chart.Chart:
    names = [report.survey.reason_name(code, t.language) for code, *_ in report.reasons]
    numbers: list[chart.Number] = [many for _, many, _ in report.reasons]
    title = t("離開的原因") if report.survey.kind == EXIT else t("原因")
    return chart.bars(title, names, [(t("人數"), numbers)], lying=True, urls=urls)


# --- keeping ---


def show_new() -> ResponseReturnValue:
    """Ask for a new survey."""
    return _show_form(None, views.draft_values(NEW))


def show_change(code: str) -> ResponseReturnValue:
    """Show a survey to be worded anew, or how this person worded it and did not save."""
    survey = get_survey(g.session, code, with_archived=True)
    return _show_form(survey, views.draft_values(draft_name(code)))


def draft_name(code: str) -> str:
    """Return what the draft of a kept survey is called."""
    return f"survey:{code}"


def _values_of(survey: Survey | None) -> dict[str, str]:
    """Return a survey as the fields of its form."""
    if survey is None:
        return {"kind": KINDS[0], "asks_words": "1"}
    values = {"code": survey.code, "kind": survey.kind, "asks_words": "1" * survey.asks_words}
    values |= {f"name_{language}": words for language, words in survey.name.items()}
    values |= {f"question_{language}": words for language, words in survey.question.items()}
    for place, reason in enumerate(survey.reasons):
        values[f"reason_{place}_code"] = reason["code"]
        values |= {f"reason_{place}_{language}": said for language, said in reason["name"].items()}
    return values


def _show_form(
    survey: Survey | None, typed: Mapping[str, str] | None, status: int = 200, **context: Any
) -> ResponseReturnValue:
    """Show the form as it is kept, or as it was typed; `base` says what it was filled from."""
    what = NEW if survey is None else draft_name(survey.code)
    kept = _values_of(survey)
    return views.show(
        "journeys/survey_form",
        status,
        survey=survey,
        what=what,
        others=views.edited_by_others(what),
        has_draft=typed is not None and status == OK,
        base=fingerprint(kept) if survey is not None else "",
        values=typed if typed is not None else kept,
        kinds=_kind_names(console_texts()),
        most_reasons=MOST_REASONS,
        languages=LANGUAGES,
        longest_code=LONGEST_CODE,
        longest_question=LONGEST_QUESTION,
        longest_reason=LONGEST_REASON,
        **context,
    )


def keep() -> ResponseReturnValue:
    """Keep a new survey, or new words of one, unless somebody worded it anew meanwhile."""
    t, base = console_texts(), request.form.get("draft_base", "")
    code = form.text("code", LONGEST_CODE) or ""
    kept = hold(g.session, Survey, code)
    about = kept if base else None
    before = fingerprint(_values_of(kept)) if kept is not None else ""
    try:
        survey = _keep(code)
    except BusinessError as refused:
        g.session.rollback()
        return _show_form(about, request.form, 409, notice=explain(t, refused))
    if before not in (base, fingerprint(_values_of(survey))):
        g.session.rollback()
        return _show_newer(get_survey(g.session, code, with_archived=True))
    drop_draft(g.session, current_staff(), draft_name(code) if base else NEW)
    url = url_for("console.journeys_surveys_show_survey", code=code)
    return views.go(url, t("問卷已儲存。旅程與活動都可以發這份問卷。"))


def _show_newer(survey: Survey) -> ResponseReturnValue:
    """Show what is kept now beside what was typed; saving again goes over it."""
    return _show_form(survey, request.form, 409, newer=survey)


def _keep(code: str) -> Survey:
    return keep_survey(
        g.session,
        code,
        form.needed_choice("kind", KINDS),
        name=_texts("name", LONGEST_QUESTION),
        question=_texts("question", LONGEST_QUESTION),
        reasons=_typed_reasons(),
        by=current_staff().username,
        now=g.now,
        asks_words=form.flag("asks_words"),
    )


def _texts(name: str, longest: int) -> dict[str, str]:
    typed = {language: form.text(f"{name}_{language}", longest) for language in LANGUAGES}
    return {language: words for language, words in typed.items() if words}


def _typed_reasons() -> dict[str, dict[str, str]]:
    """Return the reasons by their codes; one without a code gets that of its place."""
    found = {}
    for place in range(MOST_REASONS):
        names = _texts(f"reason_{place}", LONGEST_REASON)
        if names:
            found[form.text(f"reason_{place}_code", LONGEST_CODE) or f"reason-{place + 1}"] = names
    return found


def archive(code: str) -> ResponseReturnValue:
    """Ask a survey no more."""
    t = console_texts()
    archive_survey(g.session, get_survey(g.session, code), g.now)
    url = url_for("console.journeys_surveys_show_list")
    return views.go(url, t("問卷已封存：不再發出，已問的還可以回答。"))


def _kind_names(t: Texts) -> dict[str, str]:
    return {"csat": t("滿意度（1–5 分）"), NPS: t("推薦度（0–10 分）"), EXIT: t("離開原因")}


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the surveys."""
    right = "campaigns.change"
    blueprint.get("/surveys", right="see")(show_list)
    blueprint.get("/surveys/new", right=right)(show_new)
    blueprint.post("/surveys", right=right)(keep)
    blueprint.get("/surveys/<code>", right="members.see")(show_survey)
    blueprint.get("/surveys/<code>/change", right=right)(show_change)
    blueprint.post("/surveys/<code>/archive", right=right)(archive)
