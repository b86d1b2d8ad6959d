"""What people are told before we collect anything (Article 8), in versions."""

import structlog
from flask import g, url_for
from flask.typing import ResponseReturnValue

from handlers.console import form, views
from handlers.console.door import ConsoleDoor, console_texts, current_staff
from models.consent import (
    LONGEST_ITEM,
    LONGEST_TITLE,
    NOTICE_ITEMS,
    NoticeOutdated,
    get_notice,
    list_notices,
    notice_items,
    publish_notice,
)
from models.draft import drop_draft
from models.shop import LANGUAGES

DRAFT = "settings:notice"

log = structlog.get_logger()


def show_notice() -> ResponseReturnValue:
    """Show the notice in force, to be changed, and those before it."""
    notice, draft = get_notice(g.session), views.draft_values(DRAFT)
    values = {
        f"{part}.{language}.{place}": pair[number]
        for language in LANGUAGES
        for place, pair in enumerate(notice_items(notice, language))
        for number, part in enumerate(("title", "text"))
    }
    return views.show(
        "settings/notice",
        article=notice,
        values=values | (draft or {}),
        has_draft=draft is not None,
        others=views.edited_by_others(DRAFT),
        older=list_notices(g.session)[1:],
        languages=LANGUAGES,
        places=range(NOTICE_ITEMS),
        longest_title=LONGEST_TITLE,
        longest=LONGEST_ITEM,
    )


def publish() -> ResponseReturnValue:
    """Put a new version in force from now on."""
    t = console_texts()
    staff, seen = current_staff(), form.needed("draft_base")
    items = {
        language: [
            (
                form.needed(f"title.{language}.{place}", LONGEST_TITLE),
                form.needed(f"text.{language}.{place}", LONGEST_ITEM),
            )
            for place in range(NOTICE_ITEMS)
        ]
        for language in LANGUAGES
    }
    try:
        notice = publish_notice(g.session, items, seen_version=seen, staff_id=staff.id, now=g.now)
    except NoticeOutdated as error:
        newest = get_notice(g.session)
        name = t("第 {version} 版", version=newest.version)
        raise form.Stale(name=name, at=t.moment(newest.published_at)) from error
    drop_draft(g.session, staff, DRAFT)
    log.info("notice_published", version=notice.version, by=staff.id)
    told = t("第 {version} 版已生效", version=notice.version)
    return views.go(url_for("console.settings_notices_show_notice"), told)


def show_version(version: str) -> ResponseReturnValue:
    """Show a version as people read it."""
    found = next((each for each in list_notices(g.session) if each.version == version), None)
    if found is None:
        raise NoticeOutdated(version=get_notice(g.session).version)
    language = console_texts().language
    items = notice_items(found, language)
    return views.show("settings/notice_version", article=found, items=items)


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of the notice."""
    blueprint.get("/settings/notice", right="settings.see")(show_notice)
    blueprint.post("/settings/notice", right="settings.change")(publish)
    blueprint.get("/settings/notice/<version>", right="settings.see")(show_version)
