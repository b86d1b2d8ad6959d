"""`flask --app app review …`: what members wrote, what engagement brings, and the community."""

import click
from flask.cli import AppGroup
from sqlalchemy.exc import NoResultFound

from handlers.operator.installation import Installation
from handlers.operator.missions import names
from models.activity import ACTIVITIES, ActivityRule, Community
from models.programme import get_programme
from models.review import (
    APPROVED,
    HIDDEN,
    PENDING,
    list_reviews,
    moderate,
    set_activity_rule,
    set_community,
)

LISTED = 50
VERBS = {"approve": APPROVED, "hide": HIDDEN, "reopen": PENDING}


def make_group(installation: Installation) -> AppGroup:
    """Make the group of commands."""
    group = AppGroup("review", help="Reviews, engagement and the community.")

    @group.command("list")
    @click.option("--state", type=click.Choice([PENDING, APPROVED, HIDDEN]), default=PENDING)
    def show(state: str) -> None:
        """Print the newest reviews of a state."""
        with installation.sessions() as session:
            for review, store, number in list_reviews(session, state, limit=LISTED):
                stars = "★" * review.stars
                click.echo(f"{review.id} {store} member {number} {stars} {review.words}")

    @group.command("moderate")
    @click.argument("review_id", type=int)
    @click.argument("verb", type=click.Choice(list(VERBS)))
    def decide(review_id: int, verb: str) -> None:
        """Approve a review for the wall, hide it, or open it for its author again."""
        with installation.sessions.begin() as session:
            try:
                review = moderate(session, review_id, VERBS[verb], installation.clock())
            except NoResultFound as error:
                raise click.BadParameter(f"no review has the number {review_id}") from error
            click.echo(f"{review.id} is {review.state}.")

    @group.command("points")
    @click.argument("what", type=click.Choice(ACTIVITIES))
    @click.option("--points", type=click.IntRange(0), required=True)
    @click.option("--tier-points", type=click.IntRange(0), default=0)
    @click.option("--day-cap", type=click.IntRange(1), default=1, show_default=True)
    def points(what: str, points: int, tier_points: int, day_cap: int) -> None:
        """Set what a kind of engagement brings, and how often a day."""
        rule = ActivityRule(code=what, points=points, tier_points=tier_points, day_cap=day_cap)
        with installation.sessions.begin() as session:
            set_activity_rule(session, rule)
        click.echo(f"{what}: {points} points, {tier_points} for the tier, {day_cap} a day")

    @group.command("community")
    @click.argument("url")
    @click.option("--name", required=True)
    @click.option("--name-en")
    @click.option("--name-ja")
    @click.option("--tier", default="basic", show_default=True, help="The lowest tier let in.")
    def community(url: str, name: str, name_en: str | None, name_ja: str | None, tier: str) -> None:
        """Set where members talk among themselves, and from which tier on."""
        if not url.startswith("https://"):
            raise click.BadParameter("the address begins with https://")
        with installation.sessions.begin() as session:
            ranks = {each.code: each.rank for each in get_programme(session).tiers}
            if tier not in ranks:
                raise click.BadParameter(f"no tier has the code {tier}")
            place = Community(id=1, name=names(name, name_en, name_ja), url=url)
            place.min_rank = ranks[tier]
            set_community(session, place)
        click.echo(f"Members from {tier} on are led to {url}.")

    return group
