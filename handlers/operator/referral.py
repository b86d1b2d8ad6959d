"""`flask --app app referral …`: the rule of invitations, and what came of them."""

import click
from flask.cli import AppGroup
from sqlalchemy import select

from handlers.operator.acting import saying_no
from handlers.operator.installation import Installation
from models.activity import ReferralRule, Reward, RewardRefused, note_rule_change
from models.activity.giving import check_reward
from models.member import get_member_by_typed
from models.referral import count_invited, list_referrals

LISTED = 50


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("referral", help="Members who bring friends.")

    @group.command("rule")
    @click.option("--open/--closed", "is_open", default=None, help="Take new codes, or none.")
    @click.option("--min-spend", type=click.IntRange(0), help="NT$ the friend pays at least.")
    @click.option("--order", "on_order", type=click.IntRange(1, 2), help="Which order pays.")
    @click.option("--wait-days", type=click.IntRange(0, 90), help="The return window.")
    @click.option("--monthly-cap", type=click.IntRange(1), help="Friends a referrer a month.")
    @click.option("--claim-days", type=click.IntRange(0, 90), help="To type a code in.")
    @click.option("--referrer", "referrer_reward", help="Such as points=30,coupon=welcome.")
    @click.option("--friend", "friend_reward", help="Such as points=20.")
    def rule(referrer_reward: str | None, friend_reward: str | None, **told: object) -> None:
        """Change the rule where told, and print it. Without one nobody can invite."""
        with installation.sessions.begin() as session:
            held = session.scalars(select(ReferralRule)).one_or_none() or _first_rule()
            for name, value in told.items():
                if value is not None:
                    setattr(held, name, value)
            for name, text in (
                ("referrer_reward", referrer_reward),
                ("friend_reward", friend_reward),
            ):
                if text is not None:
                    setattr(held, name, check_reward(session, read_reward(text)).to_words())
            session.add(held)
            note_rule_change(session)
            click.echo(_rule_line(held))

    @group.command("list")
    def show() -> None:
        """Print the newest invitations."""
        with installation.sessions() as session:
            for found, referrer, friend in list_referrals(session, limit=LISTED):
                due = f" due {found.due_on}" if found.state == "qualified" else ""
                why = f" ({found.refused_reason})" if found.refused_reason else ""
                kept = [f for f in (found.kept_by_referrer, found.kept_by_friend) if f]
                spent = f" spent before: {'; '.join(kept)}" if kept else ""
                click.echo(f"{found.id} {referrer} -> {friend} {found.state}{due}{why}{spent}")

    @group.command("show")
    @click.argument("member")
    def show_member(member: str) -> None:
        """Print how many friends a MEMBER invited, by how far they came."""
        with saying_no(), installation.sessions() as session:
            counts = count_invited(session, get_member_by_typed(session, member).id)
            for state, friends in sorted(counts.items()):
                click.echo(f"{state:<12} {friends}")

    return group


def read_reward(text: str) -> Reward:
    """Read a reward as an operator writes it; says what is wrong with it."""
    try:
        return Reward.parse(text)
    except RewardRefused as error:
        raise click.BadParameter(f"{text}: {error.facts}") from error


def _first_rule() -> ReferralRule:
    return ReferralRule(
        id=1,
        is_open=True,
        min_spend_twd=100,
        on_order=1,
        wait_days=7,
        monthly_cap=5,
        claim_days=7,
        referrer_reward={},
        friend_reward={},
    )


def _rule_line(rule: ReferralRule) -> str:
    return (
        f"{'open' if rule.is_open else 'closed'}: order {rule.on_order} of NT${rule.min_spend_twd},"
        f" {rule.wait_days} days to wait, {rule.monthly_cap} a month,"
        f" {rule.claim_days} days to claim;"
        f" referrer {rule.referrer_reward}, friend {rule.friend_reward}"
    )
