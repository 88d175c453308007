"""The accounts file: TOML -> accounts, or all that is wrong with it: key, line, expected, found."""

from adserver.service.accounts_file.parse import MAX_BYTES, AccountsFile, parse_accounts
from adserver.service.accounts_file.problem import Problem, dotted, nearest, quoted
from adserver.service.accounts_file.written import key_of, toml, written

__all__ = [
    "MAX_BYTES",
    "AccountsFile",
    "Problem",
    "dotted",
    "key_of",
    "nearest",
    "parse_accounts",
    "quoted",
    "toml",
    "written",
]
