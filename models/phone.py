"""Mobile numbers: whatever a person types becomes one normal form, E.164."""

import unicodedata

import phonenumbers

from models.base import BusinessError

LONGEST_TYPED = 40
SHOWN_FIRST, SHOWN_LAST = 4, 3
"""So many digits of a masked phone stay to be read."""


class NotAMobileNumber(BusinessError):
    """The text is no Taiwanese mobile number."""

    code = "not_a_mobile_number"


def normal_phone(typed: str) -> str:
    """Return `typed` as E.164 (`+886912345678`).

    Spaces, dashes, `+886 9…`, `886-9…` and full-width digits are accepted.
    Raises NotAMobileNumber for anything that is no Taiwanese mobile number.
    """
    text = unicodedata.normalize("NFKC", typed)[:LONGEST_TYPED].strip()
    try:
        number = phonenumbers.parse(text, "TW")
    except phonenumbers.NumberParseException as error:
        raise NotAMobileNumber from error
    is_mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    if number.country_code != 886 or not is_mobile or not phonenumbers.is_valid_number(number):
        raise NotAMobileNumber
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def masked_phone(phone: str) -> str:
    """Return a stored number as its owner knows it, with the middle hidden: `0912-***-678`."""
    local = "0" + phone.removeprefix("+886")
    return f"{local[:SHOWN_FIRST]}-***-{local[-SHOWN_LAST:]}"
