"""Calls to AWS: in threads of their own, tried again where they are throttled, with errors that tell no secret."""

import asyncio
import random
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import boto3
import structlog
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from service_runtime.config import RuntimeSettings
from service_runtime.errors import Unavailable

T = TypeVar("T")

_log = structlog.stdlib.get_logger("analytics_service.aws_calls")

_THROTTLED = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "TooManyRequestsException",
        "SlowDown",
        "RequestLimitExceeded",
    }
)
_MOST_TRIES = 6
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Refused(Exception):
    """AWS refused a call, with a code that the caller said it knows."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


class AwsCalls:
    """Keeps a client for each of Athena, Glue and S3 and calls them without holding up the loop."""

    def __init__(self, settings: RuntimeSettings, *, threads: int, athena_url: str = "", glue_url: str = "") -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        make = partial(_client, settings, threads)
        self.athena, self.glue = make("athena", athena_url), make("glue", glue_url)
        self.s3 = make("s3", settings.aws_endpoint_url)

    async def call(self, operation: Callable[..., T], *, known: Collection[str] = (), **arguments: Any) -> T:
        """The operation's answer. Errors: Refused for a known code, else LAKE_UNAVAILABLE, CACHE_UNAVAILABLE."""
        for pause in (*_pauses(), None):
            try:
                return await self.run(partial(operation, **arguments))
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                if code in known:
                    raise Refused(code, error.response["Error"].get("Message", "")) from error
                if code not in _THROTTLED or pause is None:
                    _log.warning("a call to AWS was refused", operation=error.operation_name, code=code)
                    raise _unavailable() from error
            except (BotoCoreError, Boto3Error) as error:
                # The second where a result breaks off however often it is asked for.
                _log.warning("AWS cannot be reached", error=type(error).__name__)
                raise _unavailable() from error
            except OSError as error:
                # botocore has errors of its own for connections: this is the disk.
                raise Unavailable("CACHE_UNAVAILABLE", "There is no room to work in.", retry_after=30) from error
            await asyncio.sleep(pause)
        raise _unavailable()

    async def run(self, work: Callable[[], T]) -> T:
        """Runs what blocks in one of the threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)
        for client in (self.athena, self.glue, self.s3):
            client.close()


def _client(settings: RuntimeSettings, connections: int, service: str, url: str) -> Any:
    # Repeating is done above, where only throttling is worth it and no thread sleeps.
    return boto3.client(
        service,
        endpoint_url=url or None,
        region_name=settings.aws_default_region,
        aws_access_key_id=settings.aws_access_key_id or None,
        aws_secret_access_key=settings.aws_secret_access_key or None,
        aws_session_token=settings.aws_session_token or None,
        config=Config(
            connect_timeout=3, read_timeout=30, retries={"total_max_attempts": 1}, max_pool_connections=connections
        ),
    )


def _pauses() -> list[float]:
    """Pauses that grow, each anywhere up to its length, so that many who were throttled do not come back at once."""
    longest = [min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**number) for number in range(_MOST_TRIES - 1)]
    return [random.uniform(0, pause) for pause in longest]  # noqa: S311


def _unavailable() -> Unavailable:
    return Unavailable("LAKE_UNAVAILABLE", "The lake's query engine is not available at the moment.", retry_after=5)
