"""Who the member is to us, and who changed what: consents, tags, LINE accounts, notes, audit."""

from models.timeline.source import Source

CHANGING = (
    Source(
        "joined",
        "changes",
        "FROM member WHERE member.id = card.id",
        "member.joined_at",
        "member.id",
        {"words": "member.join_source"},
    ),
    Source(
        "tag",
        "tags",
        """FROM tag_event AS step JOIN tag ON tag.code = step.tag_code
        WHERE step.member_id = card.id""",
        "step.at",
        "step.id",
        {
            "what": "step.what",
            "name": "tag.name",
            "words": "step.why",
            "staff_id": "step.staff_id",
            "facts": "jsonb_strip_nulls(jsonb_build_object('source', step.source,"
            " 'expires_at', step.expires_at))",
        },
    ),
    Source(
        "consent",
        "changes",
        "FROM consent WHERE consent.member_id = card.id",
        "consent.said_at",
        "consent.id",
        {
            "what": "CASE WHEN consent.is_given THEN 'given' ELSE 'taken_back' END",
            "words": "consent.purpose",
            "facts": "jsonb_build_object('channel', consent.channel,"
            " 'version', consent.notice_version)",
        },
    ),
    Source(
        "bound",
        "changes",
        "FROM line_binding AS binding WHERE binding.member_id = card.id",
        "binding.bound_at",
        "binding.id",
        {"what": "binding.bound_how", "staff_id": "binding.bound_by"},
    ),
    Source(
        "unbound",
        "changes",
        """FROM line_binding AS binding WHERE binding.member_id = card.id
            AND binding.revoked_at IS NOT NULL""",
        "binding.revoked_at",
        "binding.id",
        {"what": "binding.revoke_reason"},
    ),
    Source(
        "note",
        "changes",
        """FROM member_note AS written WHERE written.member_id = card.id
            AND written.removed_at IS NULL""",
        "written.written_at",
        "written.id",
        {"words": "written.words", "staff_id": "written.staff_id"},
    ),
    Source(
        "alert",
        "changes",
        "FROM fraud_alert AS alert WHERE alert.member_id = card.id",
        "alert.opened_at",
        "alert.id",
        {"what": "alert.state", "words": "alert.kind", "staff_id": "alert.decided_by"},
    ),
    Source(
        "audit",
        "changes",
        """FROM audit_entry AS entry WHERE entry.subject = 'member:' || card.id
            AND entry.what NOT IN ('member.note', 'stamps.move', 'points.reverse')""",
        "entry.at",
        "entry.id",
        {
            "what": "entry.what",
            "words": "entry.reason",
            "store_id": "entry.store_id",
            "staff_id": "entry.staff_id",
            "facts": "jsonb_strip_nulls(jsonb_build_object('before', entry.before,"
            " 'after', entry.after))",
        },
    ),
)
