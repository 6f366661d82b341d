"""Tells the loss of a database, of its disk's room or of Redis from other errors, by whichever driver it comes."""

import sys

from service_runtime.errors import Unavailable

# SQLSTATE classes and codes: connection exceptions, server shutting down or starting, too many connections.
_LOST_STATES = ("08", "57P01", "57P02", "57P03", "53300")


def as_unavailable(error: BaseException) -> Unavailable | None:
    """Gives Unavailable for a lost or missing connection or room, else None."""
    # Only drivers that somebody imported can have raised it.
    if "psycopg" in sys.modules and _is_disk_full(error):
        return Unavailable("DISK_FULL", "The database has no room at the moment.", retry_after=60)
    if "psycopg" in sys.modules and _is_database_loss(error):
        return Unavailable("DATABASE_UNAVAILABLE", "The database is not available at the moment.", retry_after=2)
    if "redis" in sys.modules and _is_redis_loss(error):
        return Unavailable("REDIS_UNAVAILABLE", "The cache is not available at the moment.", retry_after=2)
    return None


def _is_disk_full(error: BaseException) -> bool:
    import psycopg

    return isinstance(getattr(error, "orig", None) or error, psycopg.errors.DiskFull)


def _is_database_loss(error: BaseException) -> bool:
    import psycopg

    if "sqlalchemy" in sys.modules:
        from sqlalchemy import exc

        if isinstance(error, exc.TimeoutError):
            return True
        if isinstance(error, exc.DBAPIError):
            if error.connection_invalidated:
                return True
            error = error.orig or error
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return type(error).__name__ == "PoolTimeout"
    # Without a state the server never answered: refused, closed, or no such socket.
    return error.sqlstate is None or error.sqlstate.startswith(_LOST_STATES)


def _is_redis_loss(error: BaseException) -> bool:
    import redis

    return isinstance(error, redis.exceptions.ConnectionError | redis.exceptions.TimeoutError)
