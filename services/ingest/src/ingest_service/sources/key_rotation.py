"""Changes the operator's key: wraps every source's data key by the first of the keys."""

from service_runtime.database import Database

from ingest_service.sources.sealing import KeyRing
from ingest_service.sources.source_store import SourceStore


async def rewrap_all(database: Database, store: SourceStore, keys: KeyRing) -> int:
    """Gives how many were wrapped anew; after that no other key is needed. Repeating is safe."""
    async with database.system_session() as session:
        others = await store.under_other_keys(session, keys.first_id)
    for tenant_id, source_id in others:
        async with database.tenant_session(tenant_id) as session:
            source = await store.by_id(session, source_id)
            if source is not None and source.sealed.key_id != keys.first_id:
                await store.rewrap(session, source_id, keys.rewrap(tenant_id, source_id, source.sealed))
    return len(others)
