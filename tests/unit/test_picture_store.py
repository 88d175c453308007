"""Where pictures are kept: whole or not at all, bounded, and never in the way."""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec  # type: ignore[import-untyped]
import pytest

from adserver.settings import SettingError, load_settings
from adserver.storage.pictures import PictureBucket, PictureFolder, open_pictures
from adserver.storage.pictures.folder import USED_S, make_room

pytestmark = pytest.mark.anyio

NAME = "made/" + "ab" * 32
MB = 1_048_576


@pytest.fixture
def anyio_backend() -> str:
    """As the server runs."""
    return "asyncio"


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PictureFolder | PictureBucket]:
    where = f"memory://pictures-{tmp_path.name}" if request.param == "bucket" else ""
    found = open_pictures(where, tmp_path / "pictures", max_bytes=MB)
    yield found
    found.close()


async def test_what_was_written_is_read(store: PictureFolder | PictureBucket) -> None:
    assert await store.read(NAME) is None
    await store.write(NAME, b"a picture")
    assert await store.read(NAME) == b"a picture"
    await store.write(NAME, b"another")
    assert await store.read(NAME) == b"another"
    assert await store.read("seen/" + "ab" * 32) is None


def only_file(folder: Path) -> Path:
    (file,) = [file for file in (folder / "made").rglob("*") if file.is_file()]
    return file


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 40])
async def test_a_damaged_file_is_as_good_as_missing(tmp_path: Path, damage: bytes) -> None:
    store = open_pictures("", tmp_path, max_bytes=MB)
    await store.write(NAME, b"a picture")
    only_file(tmp_path).write_bytes(damage)
    assert await store.read(NAME) is None
    await store.write(NAME, b"a picture")
    assert await store.read(NAME) == b"a picture"
    store.close()


async def test_a_path_and_a_file_url_name_the_same_folder(tmp_path: Path) -> None:
    for where in (str(tmp_path / "x"), f"file://{tmp_path / 'x'}"):
        store = open_pictures(where, tmp_path / "default", max_bytes=MB)
        assert isinstance(store, PictureFolder)
        await store.write(NAME, b"a picture")
        assert only_file(tmp_path / "x").is_file()
        store.close()


def test_a_url_that_nothing_is_installed_for_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="s3:// needs one more package"):
        open_pictures("s3://bucket/pictures", tmp_path, max_bytes=MB)


async def test_a_disk_that_takes_nothing_is_told_once_and_fails_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "made").write_text("a file where a folder should be")
    store = open_pictures("", tmp_path, max_bytes=MB)
    for _ in range(3):
        await store.write(NAME, b"a picture")
        assert await store.read(NAME) is None
    assert len([r for r in caplog.records if "not kept" in r.message]) == 1
    (tmp_path / "made").unlink()
    await store.write(NAME, b"a picture")
    assert await store.read(NAME) == b"a picture"
    store.close()


async def test_a_bucket_that_fails_fails_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_pictures("memory://failing", tmp_path, max_bytes=MB)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the bucket is gone")

    files = fsspec.filesystem("memory")
    monkeypatch.setattr(type(files), "pipe_file", fail)
    monkeypatch.setattr(type(files), "cat_file", fail)
    await store.write(NAME, b"a picture")
    assert await store.read(NAME) is None
    store.close()


async def test_a_full_folder_lets_go_what_was_not_asked_for_longest(tmp_path: Path) -> None:
    store = open_pictures("", tmp_path, max_bytes=MB)
    names = [f"made/{number:02x}{'0' * 62}" for number in range(24)]
    long_ago = time.time() - 10 * USED_S
    for number, name in enumerate(names):
        await store.write(name, bytes(50_000))
        file = tmp_path / "made" / name[5:7] / name[5:]
        if file.exists():
            os.utime(file, (long_ago + number, long_ago + number))
        if number == 10:
            assert await store.read(names[2])  # asked for again: it is the newest now
    left = make_room(tmp_path, MB)
    assert left <= MB
    there = [name for name in names if await store.read(name)]
    assert names[2] in there
    assert names[0] not in there
    assert names[-1] in there
    assert len(there) > 12
    store.close()


def taken(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


async def test_the_first_write_finds_a_folder_that_is_too_full_already(tmp_path: Path) -> None:
    for number in range(40):
        file = tmp_path / "original" / "00" / str(number)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(50_000))
    store = open_pictures("", tmp_path, max_bytes=MB)
    await store.write(NAME, b"a picture")
    assert taken(tmp_path) <= MB
    store.close()


async def test_a_flood_of_drawings_leaves_the_pictures_of_products_where_they_are(tmp_path: Path) -> None:
    """Also those that nobody has asked for lately; and the other way round."""
    long_ago = time.time() - 10 * USED_S
    for few, many in (("made", "drawn"), ("drawn", "made")):
        folder = tmp_path / many
        store = open_pictures("", folder, max_bytes=MB)
        kept = [f"{few}/{number:02x}{'0' * 62}" for number in range(3)]
        for name in kept:
            await store.write(name, bytes(50_000))
            file = folder / few / name.partition("/")[2][:2] / name.partition("/")[2]
            os.utime(file, (long_ago, long_ago))
        for number in range(60):
            await store.write(f"{many}/{number:02x}{'1' * 62}", bytes(50_000))
        assert all([await store.read(name) for name in kept])
        assert make_room(folder, MB) <= MB
        assert all([await store.read(name) for name in kept])
        assert await store.read(f"{many}/{59:02x}{'1' * 62}")
        assert await store.read(f"{many}/{'00'}{'1' * 62}") is None
        store.close()


async def test_only_one_holds_a_claim(tmp_path: Path) -> None:
    stores = [open_pictures("", tmp_path, max_bytes=MB) for _ in range(2)]
    inside, most = 0, 0

    async def work(number: int) -> None:
        nonlocal inside, most
        async with stores[number % 2].claim(NAME):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(work(number) for number in range(8)))
    assert most == 1
    for store in stores:
        store.close()


async def test_another_name_is_not_held_up(tmp_path: Path) -> None:
    store = open_pictures("", tmp_path, max_bytes=MB)
    async with store.claim("seen/a"), asyncio.timeout(5), store.claim("seen/b"):
        pass
    store.close()


def hold(folder: Path, held: "multiprocessing.synchronize.Event") -> None:
    async def held_for_ever() -> None:
        async with open_pictures("", folder, max_bytes=MB).claim(NAME):
            held.set()
            await asyncio.sleep(60)

    asyncio.run(held_for_ever())


async def test_a_claim_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=hold, args=(tmp_path, held))
    process.start()
    try:
        assert await asyncio.to_thread(held.wait, 20)
        store = open_pictures("", tmp_path, max_bytes=MB)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), store.claim(NAME):
                pass
        process.kill()
        async with asyncio.timeout(5), store.claim(NAME):
            pass
        store.close()
    finally:
        process.kill()
        process.join()


async def test_without_a_disk_there_is_no_claim_and_nobody_waits(tmp_path: Path) -> None:
    (tmp_path / "claims").write_text("a file where a folder should be")
    store = open_pictures("", tmp_path, max_bytes=MB)
    async with asyncio.timeout(5), store.claim(NAME), store.claim(NAME):
        pass
    store.close()


@pytest.mark.parametrize("where", ["s3://bucket/pictures", "nothing://like/that"])
def test_such_a_url_stops_the_start(where: str) -> None:
    with pytest.raises(SettingError, match=r"ADSERVER_PICTURES: expected a folder, or a URL like s3://bucket"):
        load_settings({"ADSERVER_PICTURES": where})
    assert load_settings({"ADSERVER_PICTURES": "memory://pictures"}).pictures == "memory://pictures"
