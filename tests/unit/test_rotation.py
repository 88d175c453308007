"""The signing secret is replaced while visitors hold cookies of the old one."""

from adserver.tracking.keyring import Keyring
from adserver.tracking.visitor import VisitorCookies

OLD, NEW = b"old-" + b"x7Qp" * 8, b"new-" + b"k2Wz" * 8
VISITOR = "A" * 22


def test_an_old_cookie_still_counts_and_is_issued_anew() -> None:
    before = VisitorCookies(Keyring([OLD], "visitor"))
    during = VisitorCookies(Keyring([NEW, OLD], "visitor"))
    after = VisitorCookies(Keyring([NEW], "visitor"))
    old = before.issue(VISITOR)
    assert during.visitor_of([old]) == VISITOR
    assert not during.is_current([old], VISITOR)
    new = during.issue(VISITOR)
    assert during.is_current([new], VISITOR)
    assert after.visitor_of([new]) == VISITOR
    assert after.visitor_of([old]) is None
