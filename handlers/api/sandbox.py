"""What only the sandbox has: a member's code without a phone to show it."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers import settings
from handlers.api.declaring import declare
from handlers.api.door import caller
from handlers.api.problems import Refused
from handlers.api.schemas.members import MemberPath
from handlers.api.schemas.sandbox import IssuedCodeTold
from handlers.api.tags import SANDBOX
from models.api_key import READ_MEMBERS, WRITE_PURCHASES
from models.member import NoSuchMember, get_member_by_number
from models.member_code import issue_code


def issue_member_code(path: MemberPath) -> IssuedCodeTold:
    """Get the code that a member of the sandbox would show now.

    In a shop the code is in the QR of the member's card, in their hand. In the sandbox nobody has
    a phone, so a till is given what it would scan; every call gives another. Keys of the shop are
    refused.
    """
    if not caller().opened.is_sandbox:
        raise Refused("sandbox_only")
    member = get_member_by_number(g.session, path.number)
    code = issue_code(settings().signing_key, member.card_ref, g.now)
    return IssuedCodeTold(code=code.text, good_until=code.good_until)


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the sandbox's own address."""
    declare(
        blueprint,
        "POST",
        "/sandbox/members/<number>/code",
        issue_member_code,
        tag=SANDBOX,
        scope=(READ_MEMBERS, WRITE_PURCHASES),
        answers={200: IssuedCodeTold},
        refusals=(NoSuchMember, "sandbox_only"),
        once=False,
    )
