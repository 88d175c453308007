"""What callgrind has written down, as a number."""

from benchmarks.instructions import counted


def test_instructions_of_a_stretch() -> None:
    text = "# callgrind format\nevents: Ir\nsummary: 1234\n\nfn=(1) main\n16 400\n\ntotals: 1234\n"
    assert counted(text) == 1_234
    assert counted("events: Ir\nsummary: 7 3\n") == 7  # the first of several events
    assert counted("events: Ir\nfn=(1) main\n") == 0
