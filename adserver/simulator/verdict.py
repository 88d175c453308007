"""What many worlds say together."""

from collections.abc import Sequence
from math import comb

from adserver.simulator.laws import Findings

CONFIDENCE = 0.95
CERTAINTY = 0.98


def least_covered(worlds: int) -> int:
    """In how many of so many intervals at 95 % the truth is with 98 % certainty, if they are right: in 17 of 20."""
    missing = 1.0
    for covered in range(worlds + 1):
        missing -= comb(worlds, covered) * CONFIDENCE**covered * (1 - CONFIDENCE) ** (worlds - covered)
        if missing < CERTAINTY:
            return covered
    return worlds


def broken_laws(findings: Sequence[Findings]) -> list[str]:
    """Everything that is wrong, in words; nothing where all is well."""
    wrong = [f"seed {found.seed}: {complaint}" for found in findings for complaint in found.complaints()]
    covered, least = sum(found.lift.is_covered for found in findings), least_covered(len(findings))
    if covered < least:
        wrong.append(f"the true lift is in {covered} of {len(findings)} intervals, expected in {least} or more")
    return wrong
