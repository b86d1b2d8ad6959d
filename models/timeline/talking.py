"""What we sent and what came of it, what members tapped, looked at and told us."""

from models.timeline.source import Source

TALKING = (
    Source(
        "message",
        "messages",
        """FROM outbox AS owed
        WHERE owed.line_user_id = (SELECT member.line_user_id FROM member
                WHERE member.id = card.id)
            AND owed.kind NOT IN ('rich_menu', 'reply')""",
        "owed.created_at",
        "owed.seq",
        {
            "what": "owed.state",
            "name": "(SELECT journey.name FROM journey WHERE owed.source LIKE 'journey:%'"
            " AND journey.code = split_part(owed.source, ':', 2))",
            "words": "owed.kind",
            "facts": """jsonb_strip_nulls(jsonb_build_object('reason', owed.reason,
                'via', owed.via, 'channel', owed.channel, 'is_marketing', owed.is_marketing))""",
        },
        order="owed.seq DESC, ",
    ),
    Source(
        "campaign",
        "messages",
        """FROM campaign_recipient AS recipient JOIN campaign_run AS run
            ON run.id = recipient.run_id JOIN campaign ON campaign.id = run.campaign_id
            LEFT JOIN campaign_batch AS batch ON batch.id = recipient.batch_id
        WHERE recipient.member_id = card.id""",
        "coalesce(recipient.settled_at, batch.settled_at, run.send_at)",
        "recipient.run_id",
        {
            "what": "CASE WHEN recipient.variant IS NULL THEN 'holdout'"
            " ELSE coalesce(recipient.state, batch.state) END",
            "name": "campaign.name",
            "facts": """jsonb_strip_nulls(jsonb_build_object('campaign', campaign.code,
                'variant', recipient.variant, 'reason', coalesce(recipient.reason, batch.reason),
                'channel', batch.channel))""",
        },
    ),
    Source(
        "sent",
        "messages",
        """FROM marketing_sent AS sent WHERE sent.member_id = card.id AND sent.kind <> 'campaign'
            AND NOT EXISTS (SELECT FROM outbox AS owed WHERE owed.id = sent.owed_id)""",
        "sent.sent_at",
        "CAST(CAST('x' || substr(md5(CAST(sent.owed_id AS text)), 1, 15) AS bit(60)) AS bigint)",
        {"what": "'accepted'", "words": "sent.kind"},
    ),
    Source(
        "click",
        "actions",
        """FROM link_click AS click JOIN tracked_link AS link ON link.id = click.link_id
        WHERE click.member_id = card.id""",
        "click.at",
        "click.id",
        {"what": "split_part(link.source, ':', 1)", "words": "coalesce(link.label, link.url)"},
    ),
    Source(
        "look",
        "actions",
        """FROM browse_event AS look LEFT JOIN catalogue_item AS item ON item.sku = look.sku
        WHERE look.member_id = card.id""",
        "look.occurred_at",
        "look.id",
        {
            "what": "look.kind",
            "words": "coalesce(item.name, look.category, look.sku, look.path)",
        },
    ),
    Source(
        "activity",
        "actions",
        "FROM activity_event AS done WHERE done.member_id = card.id",
        "done.happened_at",
        "done.id",
        {"what": "done.what", "points": "nullif(done.points, 0)"},
    ),
    Source(
        "contact",
        "voice",
        "FROM contact_request AS wish WHERE wish.member_id = card.id",
        "wish.asked_at",
        "wish.id",
        {"what": "wish.state", "words": "wish.about", "staff_id": "wish.settled_by"},
    ),
    Source(
        "answer",
        "voice",
        """FROM survey_answer AS answer JOIN survey ON survey.code = answer.survey_code
        WHERE answer.member_id = card.id AND answer.answered_at IS NOT NULL""",
        "answer.answered_at",
        "answer.id",
        {
            "what": "answer.kind",
            "name": "survey.name",
            "words": "answer.words",
            "facts": "jsonb_strip_nulls(jsonb_build_object('score', answer.score,"
            " 'reason', survey.reasons -> answer.reason))",
        },
    ),
    Source(
        "review",
        "voice",
        "FROM review WHERE review.member_id = card.id",
        "review.written_at",
        "review.id",
        {
            "what": "review.state",
            "words": "review.words",
            "store_id": "review.store_id",
            "facts": "jsonb_build_object('stars', review.stars)",
        },
    ),
    Source(
        "journey_in",
        "journeys",
        """FROM journey_visit AS visit JOIN journey ON journey.code = visit.journey_code
        WHERE visit.member_id = card.id""",
        "visit.started_at",
        "visit.id",
        {"what": "visit.state", "name": "journey.name"},
    ),
    Source(
        "journey_out",
        "journeys",
        """FROM journey_visit AS visit JOIN journey ON journey.code = visit.journey_code
        WHERE visit.member_id = card.id AND visit.ended_at IS NOT NULL""",
        "visit.ended_at",
        "visit.id",
        {"what": "visit.state", "name": "journey.name", "words": "visit.exit_reason"},
    ),
    Source(
        "task",
        "journeys",
        "FROM journey_task AS task WHERE task.member_id = card.id AND task.done_at IS NOT NULL",
        "task.done_at",
        "task.id",
        {"name": "task.what", "staff_id": "task.done_by"},
    ),
    Source(
        "care",
        "journeys",
        "FROM care_task AS task WHERE task.member_id = card.id AND task.done_at IS NOT NULL",
        "task.done_at",
        "task.id",
        {"what": "task.outcome", "words": "task.note", "staff_id": "task.done_by"},
    ),
)
