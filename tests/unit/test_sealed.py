"""Whose ad it was, sealed into its token."""

import secrets
import string

from adserver.tracking.sealed import VisitorSeal

OLD, NEW = b"an older secret of thirty-two bytes", b"the newest secret, thirty-two bytes"
VISITOR = "AbCdEfGhIjKlMnOpQrStUv"
ALPHABET = string.ascii_letters + string.digits + "_-"


def test_it_is_opened_by_the_same_secret_for_the_same_decision() -> None:
    seal = VisitorSeal([NEW])
    for _ in range(100):
        visitor, decision = "".join(secrets.choice(ALPHABET) for _ in range(22)), secrets.token_urlsafe(12)
        assert seal.unseal(seal.seal(visitor, decision), decision) == [visitor]


def test_it_looks_different_for_each_decision_and_tells_nothing_else() -> None:
    seal = VisitorSeal([NEW])
    sealed = {seal.seal(VISITOR, f"decision-{number}") for number in range(1_000)}
    assert len(sealed) == 1_000
    assert {len(one) for one in sealed} == {22}
    assert seal.unseal(seal.seal(VISITOR, "one"), "another") != [VISITOR]
    assert VisitorSeal([OLD]).unseal(seal.seal(VISITOR, "one"), "one") != [VISITOR]


def test_after_a_rotation_the_older_secret_still_opens() -> None:
    sealed = VisitorSeal([OLD]).seal(VISITOR, "one")
    assert VISITOR in VisitorSeal([NEW, OLD]).unseal(sealed, "one")
    assert VisitorSeal([NEW]).unseal(b"", "one") == []
    assert VisitorSeal([NEW]).unseal(b"x" * 21, "one") == []
