"""Between the contracts' messages and ours."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from atalaya.ingest.v1 import access_pb2, accounts_pb2, comments_pb2, data_pb2, records_pb2
from atalaya.jobs.v1 import job_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from service_parts import job_messages
from service_parts.times import timestamp
from service_runtime.errors import InvalidArgument
from service_runtime.jobs import JobRecord

from ingest_service.access_store import Access
from ingest_service.account_store import Account
from ingest_service.comment_store import Comment
from ingest_service.import_request import ImportRequest
from ingest_service.import_store import RejectedRow
from ingest_service.record_kinds import METRIC_RECORDS, POST_RECORDS
from ingest_service.replays import Correction

# The beginnings of 1900 and 2200 in UTC.
_FIRST_SECOND, _LAST_SECOND = -2_208_988_800, 7_258_118_399


def from_access(account: Account, access: Access) -> access_pb2.AccountAccess:
    return access_pb2.AccountAccess(
        cuenta=account.username,
        roles=access.roles,
        users=[str(user) for user in access.users],
        is_open=access.is_open,
    )


def from_account(account: Account) -> accounts_pb2.SocialAccount:
    return accounts_pb2.SocialAccount(
        id=str(account.account_id),
        platform=account.platform,
        username=account.username,
        is_active=account.is_active,
        status="connected",
        last_sync_at=timestamp(account.last_sync_at),
        created_at=timestamp(account.created_at),
        id_usuario=account.id_usuario,
        sync_interval_minutes=account.sync_interval_minutes,
    )


def to_import_request(first: data_pb2.ImportDataRequest, timezone: str) -> ImportRequest:
    """Reads the parameters of the first message; `timezone` is the caller's."""
    return ImportRequest(
        kind=first.kind,
        account=first.account.strip(),
        account_column=first.account_column,
        create_accounts=first.create_accounts,
        dataset=first.dataset,
        mapping=first.mapping,
        timezone=first.timezone or timezone,
        on_error=first.on_error or "skip",
        dry_run=first.dry_run,
        delimiter=first.delimiter,
        encoding=first.encoding,
        format=first.format,
        sheet=first.sheet,
    )


def to_corrections(request: data_pb2.ReplayRejectedRowsRequest) -> list[Correction]:
    return [Correction(row.line, dict(row.values), row.drop) for row in request.corrections]


def from_rejected_row(row: RejectedRow) -> data_pb2.RejectedRow:
    return data_pb2.RejectedRow(line=row.line, column=row.column_name, value=row.value, reason=row.reason, raw=row.raw)


def from_job(job: JobRecord) -> job_pb2.Job:
    message = job_messages.from_job(job)
    if job.kind == "export" and job.status == "SUCCEEDED":
        message.download_url = f"/api/v1/data/exports/{job.id}"
    return message


def from_post(row: Mapping[str, Any]) -> records_pb2.Publicacion:
    fields = {name: value for name, value in row.items() if name not in ("fecha_publicacion", "clave")}
    published = timestamp(row["fecha_publicacion"])
    return records_pb2.Publicacion(fecha_publicacion=published, id=row["id_publicacion"], **fields)


def to_post(request: records_pb2.CreatePublicacionRequest | records_pb2.UpdatePublicacionRequest) -> dict[str, Any]:
    """Gives the values of a post by column; None for what is absent."""
    return {
        **{name: _given(request, name) for name in POST_RECORDS.values if name != "fecha_publicacion"},
        "fecha_publicacion": moment(request.fecha_publicacion, "fecha_publicacion"),
    }


def to_numbers(request: records_pb2.UpdatePublicacionRequest) -> dict[str, Any]:
    """Gives the numbers that the caller says the post has; None for what is absent."""
    return {name: _given(request, name) for name in ("id", "id_usuario")}


def to_metric(request: records_pb2.CreateMetricaRequest) -> dict[str, Any]:
    """Gives the values of a reading by column; None for what is absent, the time too."""
    hora = moment(request.hora, "hora") if request.HasField("hora") else None
    return {**{name: _given(request, name) for name in METRIC_RECORDS.values}, "hora": hora}


def _given(request: Message, name: str) -> Any:
    if request.DESCRIPTOR.fields_by_name[name].has_presence and not request.HasField(name):
        return None
    return getattr(request, name)


def moment(value: Timestamp, name: str) -> datetime:
    """Gives the time to the microsecond; refuses what imports refuse too."""
    if not _FIRST_SECOND <= value.seconds <= _LAST_SECOND:
        raise InvalidArgument("TIME_OUT_OF_RANGE", f"{name} is before 1900 or after 2199.", field=name)
    return value.ToDatetime(UTC)


def from_newest_metric(row: Mapping[str, Any]) -> records_pb2.MetricaDeCuenta:
    fields = {name: value for name, value in row.items() if name not in ("id_metrica", "hora")}
    return records_pb2.MetricaDeCuenta(hora=timestamp(row["hora"]), **fields)


def from_comment(comment: Comment) -> comments_pb2.Comment:
    return comments_pb2.Comment(
        id=str(comment.id_comentario),
        post_id=str(comment.id_publicacion or comment.post),
        author=comment.autor,
        text=comment.texto,
        created_at=timestamp(comment.fecha),
        likes=comment.likes,
        reply_to=comment.responde_a,
        id_externo=comment.id_externo,
    )


def from_metric(row: Mapping[str, Any]) -> records_pb2.Metrica:
    return records_pb2.Metrica(
        hora=timestamp(row["hora"]), **{name: value for name, value in row.items() if name != "hora"}
    )
