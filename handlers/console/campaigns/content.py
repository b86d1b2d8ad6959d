"""What messages say, as editors write it: the parts there are, and a drawing of what was typed.

An editor (`frontend/console/content/`) holds the content's JSON in one field of a form; campaigns
and journeys both have it. It is drawn here by the code that draws it for members.
"""

from typing import Any

from flask import g, jsonify, request
from flask.typing import ResponseReturnValue

from bot import Message
from bot.content import AnyVariable, draw_content
from bot.texts import LANGUAGE_NAMES, LANGUAGES, Texts
from handlers.console.campaigns.content_words import editor_words, tap_name
from handlers.console.door import ConsoleDoor, console_texts, may
from handlers.console.form import decoded
from models.base import BusinessError, in_language
from models.content import (
    GALLERY,
    MOST_MESSAGES,
    TAPS,
    VARIABLES,
    ContentRefused,
    Facts,
    Slot,
    check_content,
    facts_for,
    parse_content,
)
from models.content.gallery import MOST_ITEMS
from models.content.sampling import sample_facts
from models.coupon import list_templates
from models.member import NoSuchMember, get_member_by_typed
from models.survey import list_surveys

LONGEST_CONTENT = 200_000
LONGEST_VARIABLES = 60
EMPTY: dict[str, Any] = {
    "schema": 1,
    "messages": [{"type": "text", "text": {"zh-TW": ""}}],
}
TRIAL = "trial"
"""The source under which a drawing reads a member's facts; nothing is given under it."""


def read_content(typed: str, path: str) -> dict[str, Any]:
    """Return the content that a form's field holds, in its canonical form.

    Raises FieldRefused where it is no JSON, and a ContentRefused with the place in it.
    """
    return parse_content(decoded(typed, path, LONGEST_CONTENT), path=path).as_json()


def draw_sample(content: dict[str, Any], language: str) -> list[Message]:
    """Return kept content as a member would get it, with the variables' examples."""
    parsed = parse_content(content, AnyVariable())
    return _drawn(content, sample_facts(g.session, parsed, language, g.now))


def show_parts() -> ResponseReturnValue:
    """Tell an editor what content is made of: cards, variables, coupons, surveys, and its words."""
    t = console_texts()
    return jsonify(
        {
            "languages": [[code, LANGUAGE_NAMES[code]] for code in LANGUAGES],
            "cards": [
                {"code": kind.code, "name": _said(t, kind.names), "slots": _slots(t, kind.slots)}
                for kind in GALLERY.values()
            ],
            "variables": [
                [each.name, _said(t, each.labels), str(each.example)] for each in VARIABLES.values()
            ],
            "coupons": [
                [each.code, _said(t, each.name)]
                for each in list_templates(g.session)
                if each.is_active
            ],
            "surveys": [[each.code, _said(t, each.name)] for each in list_surveys(g.session)],
            "taps": [[tap, tap_name(t, tap)] for tap in TAPS],
            "most_messages": MOST_MESSAGES,
            "most_items": MOST_ITEMS,
            "words": editor_words(t),
        }
    )


def draw() -> ResponseReturnValue:
    """Draw what stands in an editor now, or say what is wrong with it and where."""
    t = console_texts()
    told = decoded(request.get_data(as_text=True) or "{}", "content", LONGEST_CONTENT)
    asked = told if isinstance(told, dict) else {}
    language = asked.get("language")
    language = language if language in LANGUAGES else LANGUAGES[0]
    named = asked.get("variables")
    listed = named[:LONGEST_VARIABLES] if isinstance(named, list) else []
    variables = frozenset(map(str, listed))
    try:
        return jsonify(
            {"messages": _draw(asked.get("content"), language, variables, asked.get("member"))}
        )
    except ContentRefused as refusal:
        return jsonify({"refused": _told(refusal)})
    except NoSuchMember:
        return jsonify({"refused": {"path": "member", "text": t("找不到這位會員")}})


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add what editors ask for."""
    blueprint.get("/content/parts", right="see")(show_parts)
    blueprint.post("/content/draw", right="campaigns.change")(draw)


def _draw(told: Any, language: str, variables: frozenset[str], typed: Any) -> list[Message]:
    content = parse_content(told, variables)
    check_content(g.session, content)
    if not isinstance(typed, str) or not typed.strip() or not may("members.see"):
        return _drawn(told, sample_facts(g.session, content, language, g.now))
    member = get_member_by_typed(g.session, typed.strip())
    facts = facts_for(g.session, content, [member.id], source=TRIAL, now=g.now, is_test=True)
    return _drawn(told, Facts(**vars(facts[member.id]) | {"language": language}))


def _drawn(content: dict[str, Any], facts: Facts) -> list[Message]:
    words = {"content": content, "facts": facts.as_json(), "links": {}, "is_marketing": True}
    return draw_content(words, facts.language)


def _told(refusal: BusinessError) -> dict[str, str]:
    """Return a refusal without its place, which the editor shows by standing there."""
    path = str(refusal.facts["path"])
    advice = in_language(refusal.facts["advice"], console_texts().language)
    return {"path": path, "text": advice.removeprefix(path).lstrip("：: ")}


def _said(t: Texts, texts: Any) -> str:
    return in_language(texts, t.language)


def _slots(t: Texts, slots: tuple[Slot, ...]) -> list[dict[str, Any]]:
    return [
        {
            "name": slot.name,
            "kind": slot.kind,
            "label": _said(t, slot.labels),
            "required": slot.is_required,
            "longest": slot.longest,
            "slots": _slots(t, slot.slots),
        }
        for slot in slots
    ]
