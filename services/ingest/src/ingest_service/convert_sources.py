"""Between the contract of sources and ours."""

from collections.abc import Iterable

from atalaya.ingest.v1 import sources_pb2
from service_parts.times import timestamp

from ingest_service.sources.sources import Change, SourceView, dataset_of
from ingest_service.sources.table import TableState, WantedTable


def to_new(request: sources_pb2.CreateSourceRequest) -> Change:
    return Change(url=request.url, tables=_tables(request.tables), format=request.format, schedule=request.schedule)


def to_change(request: sources_pb2.UpdateSourceRequest) -> Change:
    return Change(
        url=request.url if request.HasField("url") else None,
        tables=_tables(request.tables) or None,
        format=request.format if request.HasField("format") else None,
        schedule=request.schedule if request.HasField("schedule") else None,
        is_active=request.is_active if request.HasField("is_active") else None,
    )


def from_source(view: SourceView) -> sources_pb2.Source:
    source = view.source
    return sources_pb2.Source(
        name=source.name,
        kind=source.address.kind,
        address=str(source.address),
        tables=[table.name for table in source.tables],
        format=source.format,
        schedule=source.schedule,
        is_active=source.is_active,
        created_at=timestamp(source.created_at),
        last_run_at=timestamp(source.last_run_at),
        last_run_status=source.last_status,
        last_run_rows=source.last_rows,
        table_states=[_state(source.address.kind, table, view.states.get(table.name)) for table in source.tables],
    )


def _state(kind: str, table: WantedTable, state: TableState | None) -> sources_pb2.SourceTableState:
    state = state or TableState(table.name, dataset_of(kind, table))
    return sources_pb2.SourceTableState(
        name=table.name,
        dataset=dataset_of(kind, table),
        cursor=table.cursor,
        cursor_value=state.cursor_value if state.cursor == table.cursor else "",
        contract=table.contract,
        rows=state.rows,
        deleted_rows=state.deleted_rows,
        columns=[column.name for column in state.columns],
        drift=state.drift,
    )


def _tables(tables: Iterable[sources_pb2.SourceTable]) -> tuple[WantedTable, ...]:
    return tuple(
        WantedTable(table.name, table.cursor, tuple(table.key_columns), table.contract or "evolve") for table in tables
    )
