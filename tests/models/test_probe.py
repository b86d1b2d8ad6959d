import time
from models.demo import load_demo, demo_people
def test_probe(sessions, now):
    for _ in range(2):
        t=time.time(); r = load_demo(sessions, now); print(time.time()-t, r)
    from sqlalchemy import text
    with sessions() as s:
        print(demo_people(s)[:3])
        for q in ["select min(amount_twd),max(amount_twd),avg(amount_twd),count(*) from purchase",
          "select state, issue_key, count(*) from (select state, split_part(issue_key,':',1) issue_key from coupon) x group by 1,2",
          "select max(spend_twd), percentile_cont(array[.1,.25,.5,.75,.9]) within group (order by spend_twd) from member",
          "select count(*) from member where last_purchase_on between date '2026-11-22'-96 and date '2026-11-22'-85",
          "select tier_id,min(spend_twd),max(spend_twd) from member group by 1 order by 1",
          "select from_tier_id,to_tier_id,count(*) from tier_change group by 1,2 order by 1,2",
          "select reason,count(*) from points_entry group by 1","select count(*) from purchase where points_earned=0",
          "select max(points) from member", "select count(*) from purchase where purchased_on='2026-11-22'"
          ]:
            print(q, s.execute(text(q)).all())
    assert 0
