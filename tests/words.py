"""Words that do not belong in the project: ``python -m tests.words`` tells where they stand, and fails.

Every text file is read that Git knows, or would know after ``git add``. Numbers of issues, talk about how the work
was organised, hosts of package indexes and paths of one machine mean nothing to those who come later.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# A "~" stands in each word, and is taken out below, so that this file does not match itself.
_RULES = (
    ("the number of an issue", r"\b(iss~ues?|tick~ets?|sto~ry|tas~ks?)\s+#?\d+\b"),
    ("the number of an issue", r"\b(fix~es|clo~ses|re~fs?|s~ee)\s+#\d+\b"),
    ("talk about a session", r"\b(this|last|previous|next|earlier|my) (work )?ses~sions?\b"),
    ("talk about a session", r"\b(sub-?ag~ents?|language mo~dels?|as an A~I|chat~gpt|cl~aude|co-?pi~lot)\b"),
    ("talk about a session", r"\b(other engi~neers?|time bo~x|the br~ief says|you as~ked|as requ~ested)\b"),
    ("the host of a package index", r"python~hosted\.org|pypi\.org/sim~ple|/pypi(-\w+)?/sim~ple"),
    ("the host of a package index", r"arti~factory|\bdev~pi\b|(?<!emit-)\b(extra-)?index-u~rl\b"),
    ("a path of one machine", r"(?<![\w.$}>-])/(wo~rk|ro~ot)/"),
    ("a path of one machine", r"(?<![\w.])/(home|Users)/(?!user\b|you\b)[a-z]\w*~/|\bbash_j~obs\b"),
    ("a path of one machine", r"\.\./sh~ared/"),
)
RULES = tuple((what, re.compile(pattern.replace("~", ""), re.IGNORECASE)) for what, pattern in _RULES)


def listed_files(root: Path = ROOT) -> list[Path]:
    """All files of the project: tracked ones, and new ones that are not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    paths = [root / name for name in listing.stdout.decode().split("\0") if name]
    return sorted(path for path in paths if path.is_file())


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """Line (from 1), what it is, and the words themselves."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in RULES:
            found = pattern.search(line)
            if found:
                yield number, what, found.group()


def main() -> int:
    """1 when something was found."""
    count = 0
    for path in listed_files():
        data = path.read_bytes()
        if b"\0" in data[:8192]:
            continue  # a picture
        for number, what, words in findings(data.decode("utf-8", "replace")):
            print(f"{path.relative_to(ROOT)}:{number}: {what}: {words!r}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
