"""Which of the eleven insurance datasets a tenant's lake holds."""

from dataclasses import dataclass
from uuid import UUID

from analytics_service.datasets import INSURANCE
from analytics_service.lake_files import as_text
from analytics_service.tables import Tables


@dataclass(frozen=True)
class DatasetFiles:
    """A dataset that is there: its database and name, its path, how many files make it up and how large they are."""

    database: str
    name: str
    path: str
    objects: int
    size: int


async def lake_contents(tables: Tables, tenant_id: UUID) -> list[DatasetFiles]:
    """The datasets that are there, in the documented order."""
    listed = await tables.files(tenant_id, INSURANCE)
    contents = []
    for dataset in INSURANCE:
        if files := listed[dataset.name]:
            database, _, name = dataset.name.partition("/")
            path = as_text(files[0].path) if len(files) == 1 else dataset.folder
            contents.append(DatasetFiles(database, name, path, len(files), sum(file.size for file in files)))
    return contents
