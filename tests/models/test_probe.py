def test_probe(session, make_member, make_staff, store, committed, now):
    m = make_member(points=30, spend_twd=4999)
    s = make_staff("owner")
    assert m.points == 30
    with committed.sessions.begin() as x:
        committed.maker.member(x, points=3)
def test_probe2(session, make_member): make_member()
