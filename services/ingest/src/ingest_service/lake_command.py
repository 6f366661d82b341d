"""The command `check-lake`: what of the lake's copy is not as the record, for the operator."""

from functools import partial
from uuid import UUID

from service_runtime.database import Database
from service_runtime.lake import tenant_lake

from ingest_service.config import Settings
from ingest_service.lake_changes_store import LakeChanges
from ingest_service.lake_check import LakeCheck
from ingest_service.lake_store import LakeStore
from ingest_service.spool import Spool


async def check_lake(settings: Settings, tenant_id: UUID | None) -> bool:
    """Prints the partitions that differ, of one tenant or of all; tells whether there are none."""
    database = Database(settings.database_url)
    check = LakeCheck(database, LakeStore(), partial(tenant_lake, settings))
    tenants, differing = [tenant_id] if tenant_id else [], 0
    try:
        if tenant_id is None:
            async with database.system_session() as session:
                tenants = await LakeChanges().tenants(session)
        for tenant in tenants:
            with Spool(settings.ingest_spool_folder).folder() as folder:
                for difference in await check.differences(tenant, folder):
                    print(f"{tenant} {difference}")
                    differing += 1
    finally:
        await database.close()
    print(f"{len(tenants)} tenants were looked at; {differing} partitions differ.")
    return differing == 0
