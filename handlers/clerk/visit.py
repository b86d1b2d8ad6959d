"""A visit: one member at one counter, from the look-up to the purchase, signed into the page.

The page carries it, so nothing is kept between two requests, and a clerk can only record a
purchase for a member they have just seen.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from models.base import BusinessError

VISIT_LIFE = timedelta(minutes=15)
_PURPOSE = "clerk-visit-v1"


class VisitNotOurs(BusinessError):
    """The visit's token was not signed by us, or belongs to another clerk."""

    code = "visit_not_ours"


class VisitOver(BusinessError):
    """The member was looked up too long ago."""

    code = "visit_over"


@dataclass(frozen=True)
class Visit:
    """Who stands at the counter, as their clerk may see them."""

    member_id: int
    staff_id: int
    code_id: str | None
    """The scanned code that identified the member; None where the clerk typed."""
    programme_version: int
    name: str
    """Masked."""
    number: str
    """In groups."""
    until: int
    """The POSIX second at which the visit is over."""
    is_checked: bool = False
    """Whether the clerk has said that a typed member's name is right."""

    @property
    def is_typed(self) -> bool:
        """Tell whether nobody showed a code, so that the name must be asked for."""
        return self.code_id is None

    @property
    def is_known(self) -> bool:
        """Tell whether a code, or the name a clerk asked for, says who stands there."""
        return self.is_checked or not self.is_typed


def ends_at(now: datetime) -> int:
    """Return the POSIX second at which a visit begun at `now` is over."""
    return int((now + VISIT_LIFE).timestamp())


def sign_visit(secret_key: str, visit: Visit) -> str:
    """Return the visit as a token for its page."""
    return str(URLSafeSerializer(secret_key, salt=_PURPOSE).dumps(asdict(visit)))


def read_seen(secret_key: str, token: str) -> Visit:
    """Return the visit behind a token, however long ago it was. Raises VisitNotOurs."""
    try:
        return Visit(**URLSafeSerializer(secret_key, salt=_PURPOSE).loads(token))
    except (BadSignature, TypeError) as error:
        raise VisitNotOurs from error


def read_visit(secret_key: str, token: str, *, staff_id: int, now: datetime) -> Visit:
    """Return the visit behind a page's token. Raises VisitNotOurs or VisitOver."""
    visit = read_seen(secret_key, token)
    if visit.staff_id != staff_id:
        raise VisitNotOurs
    if now.timestamp() >= visit.until:
        raise VisitOver
    return visit
