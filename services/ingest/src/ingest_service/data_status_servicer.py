"""The rpc of DataStatusService."""

from typing import Any

from atalaya.ingest.v1 import status_pb2
from atalaya.ingest.v1.status_pb2_grpc import DataStatusServiceServicer
from grpc.aio import ServicerContext
from service_parts.times import timestamp
from service_runtime.identity import caller

from ingest_service import convert
from ingest_service.data_status import AccountState, DataStatus, source_status
from ingest_service.status_store import LastRun


class DataStatusServicer(DataStatusServiceServicer):
    """Tells how fresh the data are."""

    def __init__(self, data_status: DataStatus) -> None:
        self._data_status = data_status

    async def GetDataStatus(
        self, request: status_pb2.GetDataStatusRequest, context: ServicerContext[Any, Any]
    ) -> status_pb2.GetDataStatusResponse:
        state = await self._data_status.now(caller())
        return status_pb2.GetDataStatusResponse(
            accounts=[_account(account) for account in state.accounts],
            jobs=[convert.from_job(job) for job in state.jobs],
            sources=[_source(run) for run in state.sources],
        )


def _account(state: AccountState) -> status_pb2.AccountStatus:
    return status_pb2.AccountStatus(
        account=state.account.username,
        platform=state.account.platform,
        last_sync_at=timestamp(state.account.last_sync_at),
        status=state.status,
        lag_seconds=state.lag_seconds,
        error=state.error,
    )


def _source(run: LastRun) -> status_pb2.SourceStatus:
    return status_pb2.SourceStatus(
        name=run.name,
        last_run_at=timestamp(run.last_run_at),
        rows=run.rows,
        status=source_status(run),
        error=run.error,
    )
