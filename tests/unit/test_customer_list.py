"""A shop's export -> sorted hashes, and what was wrong with it by line."""

import hashlib
from collections.abc import Sequence

import pytest

from adserver.audience import customer_list
from adserver.audience.customer_list import HASH_BYTES, ListUnreadable, mail_hash, read_list


def sha(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def hashes_of(*addresses: str) -> bytes:
    return b"".join(sorted(bytes.fromhex(sha(address))[:8] for address in addresses))


@pytest.mark.parametrize(
    "lines",
    [
        ["anna@x.de", "bo@y.com"],
        ["anna@x.de\r\n", "\r\n", " BO@Y.COM \r\n"],
        ["E-Mail\n", "Anna@X.de\n", "bo@y.com\n"],
        [sha("anna@x.de"), sha("bo@y.com").upper()],
        ["sha256\n", sha("anna@x.de") + "\n", "bo@y.com"],
        ["Name;E-Mail;Ort\n", 'Anna;"anna@x.de";Köln\n', "Bo;bo@y.com;Bonn\n"],
        ["name\tcity\temail\n", "Anna\tKöln\tanna@x.de\n", "Bo\t\tbo@y.com\n"],
        ['"Anna, the first",anna@x.de,"Main Street 1\n', '12345 Town"\n', "Bo,bo@y.com,\n"],
        ["newsletter,email,id\n", "yes,anna@x.de,1\n", "no,bo@y.com,2\n"],
    ],
)
def test_all_the_ways_to_write_two_people(lines: Sequence[str]) -> None:
    read = read_list(lines)
    assert (read.hashes, read.taken, read.refused) == (hashes_of("anna@x.de", "bo@y.com"), 2, 0)


def test_what_is_wrong_is_told_by_its_line() -> None:
    read = read_list(
        ["email\n", "anna@x.de\n", "anna\n", "\n", "a b@x.de\n", "ANNA@x.de\n", "f" * 63 + "\n", "@x.de\n"]
    )
    assert (read.taken, read.repeated, read.refused, read.header) == (1, 1, 4, True)
    assert read.refused_at == [3, 5, 7, 8]


@pytest.mark.parametrize("lines", [[], ["\n"], ["email\n"], ["name,city\n", "Anna,Köln\n"]])
def test_nobody(lines: Sequence[str]) -> None:
    assert read_list(lines).hashes == b""


def test_many_wrong_lines_are_counted_but_not_all_named() -> None:
    read = read_list(["anna@x.de\n"] + ["nobody\n"] * 1_000)
    assert (read.refused, read.refused_at) == (1_000, list(range(2, 22)))


def test_a_list_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_list, "MOST_ADDRESSES", 10)
    assert read_list(f"user{n}@x.de" for n in range(10)).taken == 10
    with pytest.raises(ListUnreadable, match="at most 10"):
        read_list(f"user{n}@x.de" for n in range(11))
    with pytest.raises(ListUnreadable, match="line 2"):
        read_list(["anna@x.de\n", "x" * 200_000 + "\n"])


def test_ten_thousand() -> None:
    read = read_list(f"user{number}@example.com\n" for number in range(10_000))
    assert (read.taken, len(read.hashes)) == (10_000, 10_000 * HASH_BYTES)
    assert mail_hash(" User77@Example.COM ") in {read.hashes[at : at + 8] for at in range(0, 80_000, 8)}
