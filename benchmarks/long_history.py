"""A member who has bought thousands of times: no page may take longer for a long history."""

from sqlalchemy import Engine, select, text

from benchmarks.segment_shop import TODAY
from models.database import make_sessions
from models.member import Member
from models.purchase import refigure

PURCHASES = 5_000
BUY = """
WITH sold AS (
    INSERT INTO purchase (member_id, store_id, channel, amount_twd, discount_twd, paid_twd,
        points_earned, stamps_added, purchased_at, purchased_on, idempotency_key)
    SELECT :member_id, (SELECT min(id) FROM store), 'till', 65, 0, 65, 2, 0, at,
        CAST(at AT TIME ZONE 'Asia/Taipei' AS date), 'long:' || n
    FROM (
        SELECT n, CAST(:today AS date) - n * interval '5 hours' AS at
        FROM generate_series(1, :purchases) AS n
    ) AS moment
    RETURNING id, purchased_at
), listed AS (
    INSERT INTO purchase_line (purchase_id, line_no, sku, name, category, quantity, amount_twd)
    SELECT id, 1, 'long', '四季春', '原茶', 1, 65 FROM sold
)
INSERT INTO points_entry (member_id, seq, points, balance_after, reason, idempotency_key, posted_at,
    purchase_id, hash)
SELECT :member_id, 1 + place, 2, 2 * place, 'purchase', 'long:' || id, purchased_at, id,
    decode(repeat('00', 32), 'hex')
FROM (SELECT *, row_number() OVER (ORDER BY purchased_at, id) AS place FROM sold) AS told
"""


def add_long_history(engine: Engine) -> str:
    """Let the member who buys most buy some thousand times more; return their number."""
    with make_sessions(engine).begin() as session:
        most = select(Member).order_by(Member.purchase_count.desc(), Member.id).limit(1)
        member = session.scalars(most).one()
        # As the rest of this shop: its ledger is not chained.
        session.execute(text("SET LOCAL session_replication_role = replica"))
        told = {"member_id": member.id, "purchases": PURCHASES, "today": TODAY}
        session.execute(text(BUY), told)
        refigure(session, [member.id])
        return member.number
