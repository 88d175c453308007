"""Slots: computed as a server does it, whatever the key."""

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adserver.storage.valkey.slots import SLOTS, read_ranges, read_redirect, slot_of

if TYPE_CHECKING:
    from tests.contract.cluster import Node

pytest_plugins = ["tests.contract.cluster"]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEYS = st.one_of(
    TEXT,
    st.lists(st.one_of(st.sampled_from(["{", "}", "{}", "u:"]), TEXT), max_size=8).map("".join),
    st.builds("u:{{{}}}".format, TEXT),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(key=KEYS)
@example(key="")
@example(key="{}")
@example(key="{}{a}")
@example(key="a{b")
@example(key="}a{b}")
@example(key="{{a}}")
@example(key="{a}{b}")
def test_a_slot_is_what_the_server_says(member: "Node", key: str) -> None:
    assert slot_of(key) == member.ask("CLUSTER", "KEYSLOT", key)


@given(TEXT.filter(lambda tag: tag and "}" not in tag), TEXT.filter(lambda text: "{" not in text), TEXT)
def test_keys_with_one_tag_have_one_slot(tag: str, before: str, behind: str) -> None:
    assert slot_of(f"{before}{{{tag}}}{behind}") == slot_of(f"{{{tag}}}") < SLOTS


def test_a_node_that_leaves_out_its_host_has_that_of_whoever_was_asked() -> None:
    reply = [[0, 9, [b"", 1, b"id", []], [None, 2, b"id"]], [10, 11, [b"?", 3, b"id"]], [12, 12, [b"h", 4, b"id"]]]
    found = [(part.first, part.last, part.primary, part.replicas) for part in read_ranges(reply, "asked")]
    assert found == [(0, 9, ("asked", 1), (("asked", 2),)), (12, 12, ("h", 4), ())]


def test_redirects_with_every_kind_of_host() -> None:
    assert read_redirect("MOVED 3999 127.0.0.1:6381", "me") == (3999, ("127.0.0.1", 6381))
    assert read_redirect("ASK 3999 ::1:6381", "me") == (3999, ("::1", 6381))
    assert read_redirect("MOVED 0 :6381", "me") == (0, ("me", 6381))


@given(st.one_of(TEXT, st.builds("MOVED {} {}".format, TEXT, TEXT)))
def test_a_redirect_that_can_not_be_read_is_a_value_error(error: str) -> None:
    try:
        slot, (host, port) = read_redirect(error, "me")
    except ValueError:
        return
    assert 0 <= slot < SLOTS
    assert host
    assert 0 < port < 65_536


@given(st.recursive(st.none() | st.binary() | st.integers(), lambda inner: st.lists(inner, max_size=4)))
def test_a_map_that_can_not_be_read_is_a_value_error(reply: object) -> None:
    try:
        ranges = read_ranges(reply, "me")
    except ValueError:
        return
    for part in ranges:
        assert 0 <= part.first <= part.last < SLOTS
