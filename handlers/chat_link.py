"""Links that open the chat with words in its typing area (LINE URL scheme `oaMessage`)."""

from urllib.parse import quote

from handlers import settings


def chat_link(basic_id: str, words: str, *, as_new_person: bool = False) -> str:
    """Return the address that opens the account's chat, its typing area filled with `words`.

    In the demo the simulator plays the phone; there a poster's visitor is somebody new.
    """
    typed = quote(words)
    chat_url = settings().chat_url
    if chat_url is not None:
        return f"{chat_url}/?{'new=1&' if as_new_person else ''}text={typed}"
    return f"https://line.me/R/oaMessage/{quote(basic_id)}/?{typed}"
