"""The spool's file: what was written is read; of what was damaged nothing is read, and of the rest everything."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adserver.storage.spool.entry import (
    Call,
    Entry,
    Records,
    UnreadableEntry,
    join_records,
    pack_entry,
    pack_records,
    unpack_entries,
)
from adserver.storage.spool.file import START, SpoolFile, adopt_file, create_file
from adserver.storage.spool.frame import (
    FRAME_BYTES,
    FRAME_ENTRIES,
    find_frame,
    groups,
    pack_frame,
    read_frame,
    read_frames,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
CALL = st.builds(
    Call,
    function=TEXT,
    keys=st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    args=st.lists(st.binary(max_size=40), max_size=12).map(tuple),
    then=st.binary(max_size=20),
)
ENTRY = st.one_of(CALL, st.builds(Records, st.binary(max_size=60)))
COMMITS = st.lists(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=4), min_size=1, max_size=8)
SYNC = b"\x01sync\xff\x00\x02"


@given(st.lists(ENTRY, max_size=6))
def test_entries_come_back_as_they_went(entries: list[Entry]) -> None:
    assert unpack_entries(b"".join(map(pack_entry, entries))) == entries


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reading_fail(packed: bytes) -> None:
    try:
        entries = unpack_entries(packed)
    except UnreadableEntry:
        return
    assert b"".join(map(pack_entry, entries)) == packed or entries


@given(st.lists(st.lists(st.tuples(TEXT, st.integers(0, 2**40)), max_size=4), max_size=4))
def test_records_are_joined_in_order(batches: list[list[tuple[str, int]]]) -> None:
    together = [record for batch in batches for record in batch]
    assert join_records(pack_records(batch) for batch in batches) == pack_records(together)


@given(st.lists(st.binary(max_size=2_000_000 // 4), max_size=6), st.integers(0, 600))
@settings(max_examples=30, deadline=None)
def test_frames_are_bounded_and_hold_everything(large: list[bytes], small: int) -> None:
    entries = [*large, *[b"x"] * small]
    found = list(groups(entries))
    assert [entry for group in found for entry in group] == entries
    assert all(0 < len(group) <= FRAME_ENTRIES for group in found)
    assert all(sum(map(len, group[:-1])) < FRAME_BYTES for group in found)


def everything(file: SpoolFile) -> tuple[list[bytes], int]:
    """What is read to the end, and how many bytes were not."""
    packed: list[bytes] = []
    lost = 0
    while True:
        frames, damaged = file.read()
        if not frames and not damaged:
            return packed, lost
        packed += [frame.packed for frame in frames]
        lost += damaged
        file.advance(frames, damaged)


def written(folder: Path, commits: list[list[bytes]]) -> Path:
    """A file that its worker has left behind with entries in it."""
    file = create_file(folder, "1")
    for commit in commits:
        file.write(commit, 1_790_000_000_000)
    file.close()
    return file.path


@given(COMMITS, st.data())
@settings(deadline=None, max_examples=300)
def test_whatever_bytes_are_altered_only_their_frames_are_lost(commits: list[list[bytes]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = written(Path(name), commits)
        whole = path.read_bytes()
        at = data.draw(st.integers(0, len(whole) - 1))
        end = data.draw(st.integers(at + 1, min(at + 40, len(whole))))
        altered = data.draw(st.binary(min_size=end - at, max_size=end - at))
        assume(altered != whole[at:end])
        path.write_bytes(whole[:at] + altered + whole[end:])
        file = adopt_file(path)
        assert file is not None
        packed, lost = everything(file)
        file.close()
    sound, offset, broken = [], START, 0
    for commit in commits:
        begin, offset = offset, offset + len(pack_frame(SYNC, 1, 0, commit))
        if whole[begin:offset] == (whole[:at] + altered + whole[end:])[begin:offset]:
            sound.append(b"".join(commit))
        else:
            broken += offset - begin
    assert (packed, lost) == (sound, broken)


@given(COMMITS, st.data())
@settings(deadline=None, max_examples=200)
def test_cut_anywhere_all_whole_frames_are_read(commits: list[list[bytes]], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = written(Path(name), commits)
        whole = path.read_bytes()
        cut = data.draw(st.integers(START, len(whole)))
        path.write_bytes(whole[:cut])
        file = adopt_file(path)
        assert file is not None
        packed, lost = everything(file)
        file.close()
    ends = [START]
    for commit in commits:
        ends.append(ends[-1] + len(pack_frame(SYNC, 1, 0, commit)))
    count = sum(end <= cut for end in ends[1:])
    assert packed == [b"".join(commit) for commit in commits[:count]]
    assert lost == cut - ends[count]


@given(COMMITS)
@settings(deadline=None)
def test_reading_goes_on_behind_the_mark(commits: list[list[bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = written(Path(name), commits)
        first = adopt_file(path)
        assert first is not None
        assert adopt_file(path) is None  # not a second time while somebody has it
        frames, damaged = first.read()
        first.advance(frames[:1], damaged)
        first.close()
        second = adopt_file(path)
        if len(commits) == 1:
            assert second is None
            return
        assert second is not None
        assert everything(second)[0] == [b"".join(commit) for commit in commits[1:]]
        second.close()
        assert not path.exists()


def test_what_sticks_out_behind_a_newer_frame_is_not_read() -> None:
    """A failed write that could not even be cut off leaves frames behind that nobody was told are kept."""
    frames = [pack_frame(SYNC, number, 0, [b"x"]) for number in (7, 8, 6)]
    assert [frame.number for frame in read_frames(b"".join(frames), SYNC, 0)] == [7, 8]
    assert find_frame(frames[2], SYNC, 8) is None


@given(st.lists(st.binary(max_size=30), min_size=1, max_size=5), st.binary(max_size=60), st.binary(max_size=60))
def test_a_sound_frame_is_found_in_whatever_lies_around_it(entries: list[bytes], before: bytes, after: bytes) -> None:
    frame = pack_frame(SYNC, 3, 5, entries)
    found = find_frame(before + frame + after, SYNC, 2)
    assert found is not None
    assert (found.packed, found.count, found.time_ms) == (b"".join(entries), len(entries), 5)
    assert find_frame(before + frame + after, SYNC, 3) is None  # older than what was read before it
    assert read_frame(frame, 0, b"\x01sync\xff\x00\x03") is None


def test_an_entry_larger_than_a_window_is_read_whole(tmp_path: Path) -> None:
    large = bytes(3 * 1024 * 1024)
    path = written(tmp_path, [[b"before"], [large, b"beside"], [b"behind"]])
    file = adopt_file(path)
    assert file is not None
    assert everything(file) == ([b"before", large, b"beside", b"behind"], 0)
    file.close()


def test_what_is_replayed_gives_the_disk_back_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    file = create_file(tmp_path, "1")
    for turn in (b"1", b"2"):  # numbers of frames go on growing, so that no batch passes for an earlier one
        file.write([turn], 0)
        file.clear()  # not replayed yet
        assert everything(file) == ([turn], 0)
        file.clear()
        assert (file.size, file.waiting, file.path.stat().st_size) == (START, 0, START)
    file.write([b"3"], 0)
    assert file.read()[0][0].number == 3
    file.close()


@pytest.mark.parametrize("size", [0, 1, START - 1])
def test_a_file_without_a_head_is_left_to_its_maker(size: int, tmp_path: Path) -> None:
    path = tmp_path / "1-0123456789abcdef.spool"
    path.write_bytes(b"x" * size)
    assert adopt_file(path) is None
    assert path.exists()
    os.utime(path, (1, 1))
    assert adopt_file(path) is None
    assert not path.exists()


def test_a_file_of_another_name_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "1-notes.spool"
    path.write_bytes(b"x" * 200)
    assert adopt_file(path) is None
    assert path.read_bytes() == b"x" * 200
