"""Opens the lake that the settings name."""

from pathlib import Path
from uuid import UUID

from service_runtime.config import RuntimeSettings
from service_runtime.lake.lake import Lake


def tenant_lake(settings: RuntimeSettings, tenant_id: UUID) -> Lake:
    """Opens one tenant's lake, `<ATALAYA_LAKE>/tenant=<id>/`."""
    folder = f"tenant={UUID(str(tenant_id))}"
    scheme, _, rest = settings.atalaya_lake.partition("://")
    if scheme == "s3":
        from service_runtime.lake.s3 import S3Lake

        bucket, _, prefix = rest.partition("/")
        root = "/".join(part for part in (prefix.strip("/"), folder) if part)
        return S3Lake(settings, bucket, root)
    from service_runtime.lake.local import LocalLake

    return LocalLake(Path(rest).absolute() / folder)
