"""Everything that redis-py can raise gets our name here."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import AuthenticationError, RedisClusterException, RedisError

from adserver.storage.interfaces import StoreUnavailable


@contextmanager
def store_errors() -> Iterator[None]:
    """Everything that Valkey or the way to it can raise becomes StoreUnavailable."""
    try:
        yield
    except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
        # What happens while it connects, redis-py wraps into a ConnectionError.
        if isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError):
            raise StoreUnavailable("Valkey refused the user name or password") from error
        raise StoreUnavailable(f"Valkey did not answer: {type(error).__name__}") from error
