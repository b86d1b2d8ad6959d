"""The action of each class: what it starts with, and what a shop has put in its place (A-16, B-04).

Every version is kept with who set it and when; the newest holds.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from models.base import Texts, in_language
from models.coupon import CouponTemplate
from models.favourite import favourite_of
from models.lifecycle.advice import ADVICE, Advice
from models.lifecycle.names import class_key
from models.lifecycle.refusals import ActionRefused, UnknownClass, UnknownModel
from models.lifecycle.table import ClassAction
from models.rfm.advice import ADVICE as RFM_ADVICE

LONGEST_TITLE = 80
LONGEST_ADVICE = 400
ITEM = "{item}"
"""Where a text names what its member usually buys."""
_ANY_ITEM: Texts = {"zh-TW": "飲品", "en": "drink", "ja": "ドリンク"}
_LANGUAGES = frozenset(_ANY_ITEM)

_STARTING: dict[str, dict[str, Advice]] = {}
for _each in (*ADVICE, *RFM_ADVICE):
    _STARTING.setdefault(_each.model, {})[_each.code] = _each


@dataclass(frozen=True)
class Action:
    """What is done about one class now."""

    model: str
    code: str
    title: Texts
    advice: Texts
    template_code: str | None
    paid_push: bool
    version: int | None = None
    """None while it is the one the class starts with."""
    set_by: str | None = None
    set_at: datetime | None = None

    @property
    def key(self) -> str:
        """Return the class as every outer text writes it: `nasld:lost`."""
        return class_key(self.model, self.code)


def list_actions(session: Session, model: str) -> list[Action]:
    """Return the actions of a model's classes, in their order; one query. Raises UnknownModel."""
    starting = _starting(model)
    newest = (
        select(ClassAction)
        .ext(distinct_on(ClassAction.class_code))
        .where(ClassAction.model == model)
        .order_by(ClassAction.class_code, ClassAction.id.desc())
    )
    kept = {row.class_code: row for row in session.scalars(newest)}
    return [_action(advice, kept.get(code)) for code, advice in starting.items()]


def get_action(session: Session, model: str, code: str) -> Action:
    """Return the action of one class. Raises UnknownModel or UnknownClass."""
    advice = _advice(model, code)
    row = session.scalars(
        select(ClassAction)
        .where(ClassAction.model == model, ClassAction.class_code == code)
        .order_by(ClassAction.id.desc())
        .limit(1)
    ).one_or_none()
    return _action(advice, row)


def _starting(model: str) -> dict[str, Advice]:
    if model not in _STARTING:
        raise UnknownModel(model=model, known=list(_STARTING))
    return _STARTING[model]


def _advice(model: str, code: str) -> Advice:
    classes = _starting(model)
    if code not in classes:
        raise UnknownClass(model=model, found=code, known=list(classes))
    return classes[code]


def _action(advice: Advice, row: ClassAction | None) -> Action:
    if row is None:
        return Action(
            advice.model,
            advice.code,
            advice.title,
            advice.advice,
            advice.template_code,
            advice.paid_push,
        )
    return Action(
        row.model,
        row.class_code,
        row.title,
        row.advice,
        row.template_code,
        row.paid_push,
        row.id,
        row.set_by,
        row.set_at,
    )


def set_action(
    session: Session,
    model: str,
    code: str,
    *,
    title: Texts | None = None,
    advice: Texts | None = None,
    template_code: str | None = None,
    paid_push: bool | None = None,
    by: str,
    now: datetime,
) -> Action:
    """Put an action in the place of a class's present one: what is None stays as it is.

    A text is told in all the languages the shop has it in; an empty `template_code` takes the
    coupon away. Raises UnknownModel, UnknownClass, or ActionRefused.
    """
    held = get_action(session, model, code)
    wanted = replace(
        held,
        title=_cleaned(title, held.title),
        advice=_cleaned(advice, held.advice),
        template_code=held.template_code if template_code is None else template_code or None,
        paid_push=held.paid_push if paid_push is None else paid_push,
    )
    _check(session, wanted, is_new_template=bool(template_code))
    if wanted == held and held.version is not None:
        return held
    row = ClassAction(
        model=model,
        class_code=code,
        title=wanted.title,
        advice=wanted.advice,
        template_code=wanted.template_code,
        paid_push=wanted.paid_push,
        set_by=by,
        set_at=now,
    )
    session.add(row)
    session.flush()
    return replace(wanted, version=row.id, set_by=by, set_at=now)


def _cleaned(told: Texts | None, held: Texts) -> Texts:
    """Return a text as it is kept: one line a language, none that is empty."""
    if told is None:
        return held
    lines = {language: " ".join(text.split()) for language, text in told.items()}
    return {language: line for language, line in lines.items() if line}


def _check(session: Session, action: Action, *, is_new_template: bool) -> None:
    """Raise ActionRefused where an action cannot be kept."""
    wrong: dict[str, str] = {}
    for name, texts, longest in (
        ("title", action.title, LONGEST_TITLE),
        ("advice", action.advice, LONGEST_ADVICE),
    ):
        if "zh-TW" not in texts or not _LANGUAGES.issuperset(texts):
            wrong[name] = "zh-TW" if "zh-TW" not in texts else " | ".join(sorted(_LANGUAGES))
        elif max(map(len, texts.values())) > longest:
            wrong[name] = f"1–{longest}"
    if is_new_template and not session.scalar(
        select(exists().where(CouponTemplate.code == action.template_code))
    ):
        wrong["template_code"] = str(action.template_code)
    if wrong:
        raise ActionRefused(why=wrong)


def title_for(session: Session, action: Action, member_id: int, language: str = "zh-TW") -> str:
    """Return an action's title as a member reads it, with what they usually buy filled in (A-16).

    Who has no favourite reads of any drink; a query only where the title names an item.
    """
    title = in_language(action.title, language)
    if ITEM not in title:
        return title
    favourite = favourite_of(session, member_id)
    item = favourite.item_name if favourite else in_language(_ANY_ITEM, language)
    return title.replace(ITEM, item)
