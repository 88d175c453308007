"""What is made of the costs with and without a part."""

import inspect
import json

import pytest

from benchmarks.cuts import CUTS, FRONT
from benchmarks.inside import CROWDS, _as_json, parts_of, table


def test_a_part_costs_what_its_cut_saves() -> None:
    assert parts_of(["stream", "write", "service"], [50.0, 44.0, 24.0, 10.0]) == {
        FRONT: 10.0,
        "service": 14.0,
        "write": 20.0,
        "stream": 6.0,
    }


def test_parts_stand_in_the_order_of_the_request() -> None:
    assert list(parts_of(["stream", "write", "service"], [4.0, 3.0, 2.0, 1.0])) == [FRONT, "service", "write", "stream"]


def test_the_parts_are_the_whole_also_where_a_cut_saved_nothing() -> None:
    found = parts_of(["stream", "write"], [30.0, 30.5, 12.0])
    assert found["stream"] == -0.5
    assert sum(found.values()) == pytest.approx(30.0)


def test_what_is_cut_out_is_there() -> None:
    for cuts in CUTS.values():
        for cut in cuts:
            assert inspect.isfunction(vars(cut.owner)[cut.method])


def test_the_results_have_every_part_and_their_sum() -> None:
    found = {"pixel": {count: {FRONT: 10.0, "stream": count + 0.25} for count in CROWDS}}
    drawn = table(found)
    assert list(drawn.columns[0].cells) == [f"pixel: {FRONT}", "pixel: stream", "pixel, all"]
    assert list(drawn.columns[1].cells) == ["10.0", "32.2", "42.2"]
    assert json.loads(_as_json(found))["pixel"]["4"] == {"us": 14.25, "parts_us": {FRONT: 10.0, "stream": 4.25}}
