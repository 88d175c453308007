"""The accounts file: TOML -> accounts, or all that is wrong with it: key, line, expected, found."""

from adserver.service.accounts_file.parse import MAX_BYTES, AccountsFile, parse_accounts
from adserver.service.accounts_file.problem import Problem, dotted, nearest, quoted

__all__ = ["MAX_BYTES", "AccountsFile", "Problem", "dotted", "nearest", "parse_accounts", "quoted"]
