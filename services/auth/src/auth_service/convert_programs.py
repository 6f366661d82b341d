"""Where the contract's messages and auth's own types meet, for API keys and the audit trail."""

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from atalaya.auth.v1 import api_keys_pb2, audit_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from service_parts.times import timestamp
from service_runtime.errors import InvalidArgument
from service_runtime.storable import storable, storable_map

from auth_service.accounts import AuditEvent, Origin, Role
from auth_service.api_key_exchange import KeyToken
from auth_service.audit_store import AuditQuery, Place
from auth_service.programs import ApiKey, NewApiKey


def to_role(text: str) -> Role:
    """Takes a role that the contract has checked."""
    return cast(Role, text)


def to_time(message: Timestamp, field: str) -> datetime:
    """Takes a time, to the microsecond."""
    try:
        return message.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument("BAD_TIME", f"{field} is no time.", field=field) from error


def from_new_api_key(made: NewApiKey) -> api_keys_pb2.CreateApiKeyResponse:
    record = made.record
    return api_keys_pb2.CreateApiKeyResponse(
        id=str(record.key_id),
        key=made.key,
        prefix=record.prefix,
        name=record.name,
        role=record.role,
        created_at=timestamp(record.created_at),
        expires_at=timestamp(record.expires_at),
    )


def from_api_key(record: ApiKey) -> api_keys_pb2.ApiKey:
    return api_keys_pb2.ApiKey(
        id=str(record.key_id),
        name=record.name,
        prefix=record.prefix,
        role=record.role,
        created_at=timestamp(record.created_at),
        last_used_at=timestamp(record.last_used_at),
        expires_at=timestamp(record.expires_at),
        revoked_at=timestamp(record.revoked_at),
        created_by=record.created_by,
    )


def from_key_token(token: KeyToken) -> api_keys_pb2.ExchangeApiKeyResponse:
    return api_keys_pb2.ExchangeApiKeyResponse(access_token=token.access_token, expires_in=token.expires_in)


def to_audit_query(request: audit_pb2.ListAuditEventsRequest) -> AuditQuery:
    return AuditQuery(
        # As ids are written here; a caller may have written it in capitals.
        actor=str(UUID(request.actor)) if request.HasField("actor") else "",
        action=storable(request.action),
        start=to_time(request.start_time, "start_time") if request.HasField("start_time") else None,
        end=to_time(request.end_time, "end_time") if request.HasField("end_time") else None,
    )


def to_place(position: Any) -> Place:
    """Takes the place that a page token holds."""
    time, event_id = position
    return datetime.fromisoformat(time), UUID(event_id)


def from_place(event: AuditEvent) -> list[str]:
    return [event.time.isoformat(), str(event.event_id)]


def from_audit_event(event: AuditEvent) -> audit_pb2.AuditEvent:
    return audit_pb2.AuditEvent(
        id=str(event.event_id),
        time=timestamp(event.time),
        actor=event.actor,
        action=event.action,
        resource=event.resource,
        outcome=event.outcome,
        ip=event.origin.source,
        user_agent=event.origin.user_agent,
        request_id=event.origin.request_id,
        details=event.details,
    )


def to_audit_event(message: audit_pb2.AuditEvent) -> AuditEvent:
    try:
        event_id = UUID(message.id)
    except ValueError as error:
        raise InvalidArgument("BAD_AUDIT_EVENT", "id must be a UUID.") from error
    if not message.HasField("time"):
        raise InvalidArgument("BAD_AUDIT_EVENT", "time is missing.")
    return AuditEvent(
        event_id=event_id,
        time=to_time(message.time, "time"),
        action=storable(message.action),
        outcome=message.outcome,
        origin=Origin(storable(message.ip), storable(message.user_agent), storable(message.request_id)),
        actor=storable(message.actor),
        resource=storable(message.resource),
        details=storable_map(message.details),
    )
