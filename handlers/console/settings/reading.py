"""What several of the settings' forms bring: one text in three languages."""

from handlers.console import form
from models.shop import LANGUAGES

FIRST = LANGUAGES[0]


def translated(name: str, longest: int) -> dict[str, str]:
    """Return a text by language from the fields `name.zh-TW`, `name.en`, …; Chinese must be there.

    Raises FieldRefused.
    """
    texts = {language: form.text(f"{name}.{language}", longest) for language in LANGUAGES}
    if texts[FIRST] is None:
        raise form.FieldRefused(field=f"{name}.{FIRST}", why="missing")
    return {language: text for language, text in texts.items() if text is not None}
