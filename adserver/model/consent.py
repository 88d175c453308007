"""The one gate: may anything be stored about, or read from, this visitor?

Every consent signal of a request is weighed here and nowhere else, and the strictest wins: one refusal
outweighs any number of permissions, and what cannot be understood is a refusal. Sources: Global Privacy
Control (the ``Sec-GPC`` header, or the URL parameter ``gpc``); IAB TC string v2 (the URL parameters ``gdpr`` and
``gdpr_consent``); IAB "U.S. Privacy String" v1, "U.S. Privacy String Format"; IAB Global Privacy Platform (``gpp``,
``gpp_sid``).
"""

import hashlib
import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from adserver.model.account import ConsentDefault
from adserver.model.tcf import TcfError, purpose_consents

STORAGE_PURPOSE = 1  # "Store and/or access information on a device"
MAX_CACHED_CHARACTERS = 2048  # with 4,096 entries the cache holds 8 MiB of strings at worst

_US_PRIVACY = re.compile(r"1[YN-][YN-][YN-]")


class Verdict(Enum):
    """What the signals of one request say together. SILENT: nothing; the configured default decides."""

    GRANTED = "granted"
    REFUSED = "refused"
    SILENT = "silent"


class Signals(NamedTuple):
    """The consent signals of one request as they came, decoded from the URL once; ``""`` means absent.

    ``gpc`` is the ``Sec-GPC`` header or the parameter; ``opted_out`` tells that our opt-out cookie is there;
    ``declared`` is the page owner's own word (``1`` yes, ``0`` no); ``malformed`` tells that a consent parameter
    came twice or could not be decoded. The others carry the IAB parameters of the same names.
    """

    gpc: str = ""
    gdpr: str = ""
    gdpr_consent: str = ""
    us_privacy: str = ""
    gpp: str = ""
    gpp_sid: str = ""
    declared: str = ""
    opted_out: bool = False
    malformed: bool = False


SILENCE = Signals()
"""Of a request that says nothing; most do."""


def weigh(signals: Signals) -> Verdict:
    """Weigh all signals of one request; never raises, whatever the strings hold."""
    if signals.opted_out or signals.malformed or signals.gpc.strip() not in {"", "0"}:
        return Verdict.REFUSED
    opinions = (
        _european(signals),
        _us_privacy(signals.us_privacy),
        _gpp(signals),
        _declared(signals.declared),
    )
    if Verdict.REFUSED in opinions:
        return Verdict.REFUSED
    return Verdict.GRANTED if Verdict.GRANTED in opinions else Verdict.SILENT


class Judgement(NamedTuple):
    """The verdict, and the receipt that is kept with what is stored on its strength (GDPR article 7(1)).

    ``receipt``: one letter for what spoke (``t`` a TC string, ``n`` not applicable by ``gdpr=0``, ``u`` the US Privacy
    string, ``o`` the page owner's word, ``d`` nothing: the configured default) and six bytes of a digest of it all.
    """

    verdict: Verdict
    receipt: bytes


def judge(signals: Signals) -> Judgement:
    """``weigh``, with the receipt. What a page says is said again with each of its events and slots: remembered."""
    if signals is SILENCE:
        return _SILENT
    length = len(signals.gdpr_consent) + len(signals.gpp) + len(signals.us_privacy) + len(signals.declared)
    return _judged(signals) if length <= MAX_CACHED_CHARACTERS else _judge(signals)


def _judge(signals: Signals) -> Judgement:
    spoke = (
        (b"t", signals.gdpr_consent and signals.gdpr != "0"),
        (b"n", signals.gdpr == "0"),
        (b"u", signals.us_privacy),
        (b"o", signals.declared),
    )
    letter = next((letter for letter, signal in spoke if signal), b"d")
    said = "\0".join((signals.gdpr, signals.gdpr_consent, signals.us_privacy, signals.gpp_sid, signals.declared))
    digest = hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=6).digest() if letter != b"d" else b""
    return Judgement(weigh(signals), letter + digest)


_judged = lru_cache(maxsize=4096)(_judge)


# By its enumeration each is found by a function of Python's.
_GRANTED, _UNSAID, _ALLOW = Verdict.GRANTED, Verdict.SILENT, ConsentDefault.ALLOW


def may_store(verdict: Verdict, default: ConsentDefault) -> bool:
    """Tell whether a visitor id may be kept and a profile used; ``default`` is what silence means."""
    return verdict is _GRANTED or (verdict is _UNSAID and default is _ALLOW)


def _european(signals: Signals) -> Verdict:
    """``gdpr=0``: does not apply. Any other value, or a TC string alone: it must consent to purpose 1."""
    if signals.gdpr == "0":
        return Verdict.GRANTED
    if not signals.gdpr and not signals.gdpr_consent:
        return Verdict.SILENT
    return Verdict.GRANTED if _may_use_storage(signals.gdpr_consent) else Verdict.REFUSED


def _us_privacy(string: str) -> Verdict:
    """Version 1, upper case as its format table has it; the third character is the opt-out of sale.

    ``-`` there says nothing (``1---``: the law does not apply). Other versions and shapes are refusals.
    """
    if not string:
        return Verdict.SILENT
    if _US_PRIVACY.fullmatch(string) is None or string[2] == "Y":
        return Verdict.REFUSED
    return Verdict.GRANTED if string[2] == "N" else Verdict.SILENT


def _gpp(signals: Signals) -> Verdict:
    """GPP strings are not decoded, so they refuse; for section 2 (TCF EU) alone the TCF parameters decide."""
    if not signals.gpp:
        return Verdict.SILENT
    if signals.gpp_sid == "2" and (signals.gdpr or signals.gdpr_consent):
        return Verdict.SILENT
    return Verdict.REFUSED


def _declared(value: str) -> Verdict:
    if not value:
        return Verdict.SILENT
    return Verdict.GRANTED if value == "1" else Verdict.REFUSED


def _may_use_storage(string: str) -> bool:
    return _decode_cached(string) if len(string) <= MAX_CACHED_CHARACTERS else _decode(string)


def _decode(string: str) -> bool:
    try:
        return STORAGE_PURPOSE in purpose_consents(string)
    except TcfError:
        return False


_SILENT = Judgement(Verdict.SILENT, b"d")

# A page sends the same string with each of its events and slots.
_decode_cached = lru_cache(maxsize=4096)(_decode)
