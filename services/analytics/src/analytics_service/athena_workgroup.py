"""The workgroup that the queries run in: whether it is there, keeps the limit, and leaves results to their tenants."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

from service_runtime.errors import Unavailable

from analytics_service.aws_calls import AwsCalls, Refused


@dataclass
class Workgroup:
    """Checked before the first query; `bytes_limit` is set on it where it has none as low, 0 leaves its own."""

    aws: AwsCalls
    name: str
    bytes_limit: int
    _good: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def check(self) -> None:
        """Errors: LAKE_UNAVAILABLE, which says what is wrong with the workgroup."""
        if self._good:
            return
        async with self._lock:
            if not self._good:
                await self._check()
                self._good = True

    async def _check(self) -> None:
        try:
            get = partial(self.aws.athena.get_work_group, WorkGroup=self.name)
            found = (await self.aws.call(get, known=("InvalidRequestException",)))["WorkGroup"]
        except Refused as error:
            raise _wrong(f"There is no workgroup {self.name}.") from error
        configuration = found.get("Configuration", {})
        if found.get("State") == "DISABLED":
            raise _wrong(f"The workgroup {self.name} is switched off.")
        if configuration.get("EnforceWorkGroupConfiguration"):
            # The answers of all tenants would lie in one place.
            raise _wrong(f"The workgroup {self.name} enforces one place for the results of all tenants.")
        limit = configuration.get("BytesScannedCutoffPerQuery")
        if self.bytes_limit and (limit is None or limit > self.bytes_limit):
            changes = {"BytesScannedCutoffPerQuery": self.bytes_limit}
            update = partial(self.aws.athena.update_work_group, WorkGroup=self.name)
            await self.aws.call(update, ConfigurationUpdates=changes)


def _wrong(message: str) -> Unavailable:
    return Unavailable("LAKE_UNAVAILABLE", message)
