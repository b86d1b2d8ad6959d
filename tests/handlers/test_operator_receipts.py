"""What an operator does about receipt codes by command (U15)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from sqlalchemy.orm import Session

from models.receipt_code import ReceiptAsked, issue_receipt_code
from models.shop import Store, get_shop
from models.staff import Staff
from tests.conftest import NOON


def test_rules_are_changed_and_codes_listed_without_being_told(
    app: Flask, session: Session, store: Store, make_staff: Callable[..., Staff]
) -> None:
    clerk = make_staff()
    issued = issue_receipt_code(session, ReceiptAsked(store, clerk, 450, "k", b"secret"), NOON)
    session.commit()
    cli = app.test_cli_runner()
    changed = cli.invoke(args=("receipt", "rules", "--days", "3", "--per-day", "5"))
    assert changed.output == "good 3 days, 5 a clerk and day without a manager\n"
    session.expire_all()
    shop = get_shop(session)
    assert (shop.receipt_code_days, shop.receipt_codes_per_day) == (3, 5)
    listed = cli.invoke(args=("receipt", "list", "TP01")).output
    assert f"NT$450 open by {clerk.username}" in listed
    assert issued.code not in listed
    assert cli.invoke(args=("receipt", "list", "XX")).exit_code != 0
