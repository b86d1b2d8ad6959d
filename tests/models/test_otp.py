"""One-time codes: one phone, five minutes, five tries, and never a word about who is a member."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.identity import (
    Answer,
    Otp,
    SentCode,
    TextMessage,
    TooManyCodes,
    check_code,
    claim_texts,
    derive_pepper,
    forget_codes,
    forget_texts,
    send_code,
    settle_text,
    try_text_again,
)
from models.identity.otp import LIFE, MOST_PER_ASKER, MOST_PER_PHONE, TRIES
from models.member import Member
from models.member_code import derive_signing_key
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]

PEPPER = derive_pepper(derive_signing_key("a secret of the tests"))
PHONE, OTHER_PHONE = "+886912345678", "+886987654321"
ASKER, OTHER_ASKER = "U" + "a" * 32, "U" + "b" * 32


def send(
    session: Session,
    phone: str = PHONE,
    *,
    asker: str = ASKER,
    purpose: str = "rebind",
    after: timedelta = timedelta(),
) -> SentCode:
    return send_code(
        session,
        PEPPER,
        phone,
        purpose=purpose,
        asker=asker,
        language="zh-TW",
        now=NOON + after,
    )


def check(
    session: Session,
    typed: str,
    phone: str = PHONE,
    *,
    asker: str = ASKER,
    purpose: str = "rebind",
    after: timedelta = timedelta(),
) -> Answer:
    return check_code(session, PEPPER, phone, typed, purpose=purpose, asker=asker, now=NOON + after)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_the_right_code_proves_the_phone_once(session: Session) -> None:
    """U14: a replayed code proves nothing."""
    sent = send(session)
    assert check(session, sent.code) is Answer.RIGHT
    assert check(session, sent.code) is Answer.OVER


def test_a_code_is_six_digits_and_stands_nowhere_in_the_clear(session: Session) -> None:
    """U14: what the database keeps is of no use without the key."""
    sent = send(session)
    assert len(sent.code) == 6
    assert sent.code.isdecimal()
    row = session.scalars(select(Otp)).one()
    kept = {row.phone_digest, row.asker_digest, row.code_hash}
    assert not kept & {sent.code, PHONE, ASKER}
    assert all(len(digest) == 64 for digest in kept)


def test_a_code_ends_at_the_second(session: Session) -> None:
    """U14: good until five minutes are over, and not a moment longer."""
    sent = send(session)
    last = LIFE - timedelta(microseconds=1)
    assert check(session, wrong(sent.code), after=last) is Answer.WRONG
    assert check(session, sent.code, after=LIFE) is Answer.OVER
    assert check(session, sent.code, after=last) is Answer.RIGHT


def test_brute_force_has_five_tries(session: Session) -> None:
    """U14: after five wrong tries even the right code is over."""
    sent = send(session)
    answers = [check(session, wrong(sent.code)) for _ in range(TRIES)]
    assert answers == [Answer.WRONG] * (TRIES - 1) + [Answer.OVER]
    assert check(session, sent.code) is Answer.OVER
    assert session.scalars(select(Otp.tries_left)).one() == 0


def test_the_database_takes_no_sixth_try(session: Session) -> None:
    """U14: the CHECK is the last guard."""
    send(session)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text("UPDATE otp SET tries_left = -1"))


def test_guessing_at_once_costs_as_many_tries(committed: Committed) -> None:
    """U14: forty guesses at once are still five."""
    with committed.sessions.begin() as session:
        sent = send(session)

    def guess(_: int) -> Answer:
        with committed.sessions.begin() as session:
            return check(session, wrong(sent.code))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(40)))
    assert answers.count(Answer.WRONG) == TRIES - 1
    with committed.sessions.begin() as session:
        assert check(session, sent.code) is Answer.OVER


def test_two_devices_at_once_use_a_code_once(committed: Committed) -> None:
    """U14: of two right answers at once one counts."""
    with committed.sessions.begin() as session:
        sent = send(session)

    def answer(_: int) -> Answer:
        with committed.sessions.begin() as session:
            return check(session, sent.code)

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(answer, range(2)))
    assert answers == sorted([Answer.RIGHT, Answer.OVER])


def test_a_code_fits_its_phone_asker_and_purpose_alone(session: Session) -> None:
    """U14: what somebody else was sent opens nothing here."""
    sent = send(session)
    assert check(session, sent.code, OTHER_PHONE) is Answer.OVER
    assert check(session, sent.code, asker=OTHER_ASKER) is Answer.OVER
    assert check(session, sent.code, purpose="change_phone") is Answer.OVER
    assert check(session, sent.code) is Answer.RIGHT


def test_the_newest_code_takes_the_place_of_the_one_before(session: Session) -> None:
    """U14: one code at a time."""
    first, second = send(session), send(session)
    if first.code != second.code:
        assert check(session, first.code) is Answer.WRONG
    assert check(session, second.code) is Answer.RIGHT


def test_a_right_code_ends_all_others_for_the_phone(session: Session) -> None:
    """U14: two accounts ask for one phone; the first to prove it is the only one."""
    mine, theirs = send(session), send(session, asker=OTHER_ASKER)
    assert check(session, mine.code) is Answer.RIGHT
    assert check(session, theirs.code, asker=OTHER_ASKER) is Answer.OVER


def test_three_codes_a_phone_and_hour(session: Session) -> None:
    """U14: whoever asks, a phone is not flooded; an hour later it goes on."""
    for asker in (ASKER, OTHER_ASKER, ASKER):
        send(session, asker=asker)
    with pytest.raises(TooManyCodes):
        send(session, asker="U" + "c" * 32, after=timedelta(minutes=59))
    assert send(session, after=timedelta(hours=1)).code


def test_ten_codes_an_account_and_day(session: Session) -> None:
    """U14: nobody tries one phone after another."""
    phones = [f"+8869000000{n:02}" for n in range(MOST_PER_ASKER + 1)]
    for phone in phones[:-1]:
        send(session, phone)
    with pytest.raises(TooManyCodes):
        send(session, phones[-1], after=timedelta(hours=23, minutes=59))
    assert send(session, phones[-1], after=timedelta(hours=24)).code


def test_asking_at_once_sends_no_more(committed: Committed) -> None:
    """U14: the limit is counted, not raced."""

    def ask(_: int) -> bool:
        try:
            with committed.sessions.begin() as session:
                send(session)
        except TooManyCodes:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(12))) == MOST_PER_PHONE


def test_a_members_phone_and_a_strangers_are_sent_alike(
    session: Session, make_member: MakeMember
) -> None:
    """U14: nothing tells whether a phone is a member's before the code is right."""
    make_member(phone=PHONE)
    known, unknown = send(session, PHONE), send(session, OTHER_PHONE)
    assert check(session, wrong(known.code), PHONE) is Answer.WRONG
    assert check(session, wrong(unknown.code), OTHER_PHONE) is Answer.WRONG
    texts = session.scalars(select(TextMessage)).all()
    assert {row.phone for row in texts} == {PHONE, OTHER_PHONE}


# --- the text message


def test_a_text_is_claimed_once_and_again_after_its_lease(session: Session) -> None:
    send(session)
    assert len(claim_texts(session, limit=5, now=NOON)) == 1
    assert claim_texts(session, limit=5, now=NOON) == []
    again = claim_texts(session, limit=5, now=NOON + timedelta(seconds=21))
    assert [row.tries for row in again] == [2]


def test_a_settled_text_keeps_neither_phone_nor_code(session: Session) -> None:
    """Privacy: a text that was sent leaves nothing personal behind."""
    send(session)
    row = claim_texts(session, limit=5, now=NOON)[0]
    settle_text(session, row.id, "accepted", NOON)
    session.refresh(row)
    assert (row.state, row.phone, row.code) == ("accepted", None, None)


def test_a_text_is_tried_again_and_given_up_when_its_code_is_over(session: Session) -> None:
    send(session)
    row = claim_texts(session, limit=5, now=NOON)[0]
    try_text_again(session, row.id, NOON, reason="503")
    session.expire_all()
    assert claim_texts(session, limit=5, now=NOON + timedelta(seconds=6)) == [row]
    assert claim_texts(session, limit=5, now=NOON + LIFE) == []
    session.refresh(row)
    assert (row.state, row.phone) == ("late", None)


def test_old_codes_and_texts_are_forgotten(session: Session) -> None:
    send(session)
    row = claim_texts(session, limit=5, now=NOON)[0]
    settle_text(session, row.id, "accepted", NOON)
    assert (forget_codes(session, NOON), forget_texts(session, NOON)) == (0, 0)
    later = NOON + timedelta(days=31)
    assert (forget_codes(session, later), forget_texts(session, later)) == (1, 1)
