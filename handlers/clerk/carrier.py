"""The invoice carrier (載具) a customer shows after their member code.

It is the tax office's, not ours: read off the page's form, shown large as text and barcode for
the invoice machine, and forgotten with the page. It is written into no table and no log.
"""

import re
import unicodedata
from dataclasses import dataclass

from flask import request

from handlers.pictures import Picture, code39_picture

MOBILE = re.compile(r"/[0-9A-Z.+-]{7}")
"""手機條碼 (Ministry of Finance: `/` and seven of these characters, in Code 39)."""
CERTIFICATE = re.compile(r"[A-Z]{2}[0-9]{14}")
"""自然人憑證條碼: two letters and fourteen digits."""


@dataclass(frozen=True)
class Carrier:
    """A carrier on the page."""

    text: str
    is_early: bool = False
    """Whether it was scanned before its customer: the clerk looks whether it is theirs."""

    @property
    def is_mobile(self) -> bool:
        """Tell whether it is a phone's barcode, not a certificate's."""
        return self.text.startswith("/")

    @property
    def picture(self) -> Picture:
        """Return its barcode."""
        return code39_picture(self.text)


def find_carrier(typed: str) -> Carrier | None:
    """Return the carrier that was scanned or typed, or None where it is none."""
    text = "".join(unicodedata.normalize("NFKC", typed).split()).upper()
    is_one = MOBILE.fullmatch(text) or CERTIFICATE.fullmatch(text)
    return Carrier(text) if is_one else None


def carrier_on_page(*, is_early: bool = False) -> Carrier | None:
    """Return the carrier that the page's form brings, or None."""
    found = find_carrier(request.form.get("carrier", ""))
    return Carrier(found.text, is_early) if found else None
