"""Bulk data of a tenant, on a file system or on S3."""

from service_runtime.lake.alive import lake_alive as lake_alive
from service_runtime.lake.lake import Lake as Lake
from service_runtime.lake.lake import StoredObject as StoredObject
from service_runtime.lake.open import tenant_lake as tenant_lake
