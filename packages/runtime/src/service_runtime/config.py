"""Settings of a service, from the environment or from files named by NAME_FILE."""

import os
import sys
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from service_runtime.setting_types import (
    LakeUrl,
    ListenAddress,
    PageAddress,
    PostgresUrl,
    PrivateKeyFile,
    RedisUrl,
    ServiceAddress,
    WebUrl,
)

S = TypeVar("S", bound="RuntimeSettings")
# Where what counts beyond us, gRPC and Redis, takes no larger numbers for sure.
_LARGEST_NUMBER = 2**31 - 1


class _UnreadableFile(Exception):
    """A file that a setting names cannot be read; the text is a sentence."""


class _FileNamedSource(PydanticBaseSettingsSource):
    """Reads NAME from the file that NAME_FILE names, as orchestrators hand out secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:
        setting = f"{field_name.upper()}_FILE"
        path = os.environ.get(setting, "")
        try:
            return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False
        except OSError as error:
            raise _UnreadableFile(f"{setting} names {path}, which cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise _UnreadableFile(f"{setting} names {path}, which holds no text.") from error

    def __call__(self) -> dict[str, object]:
        # A field may itself be called NAME_FILE (a path it really wants); only fields NAME take their value from one.
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            if f"{name}_file" not in self.settings_cls.model_fields:
                value, _, _ = self.get_field_value(field, name)
                if value is not None:
                    found[name] = value
        return found


class RuntimeSettings(BaseSettings):
    """What every service can be told; a service's own Settings extend it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False, allow_inf_nan=False)

    # Fields that production refuses to start without, because their default is made up; services extend it.
    required_in_production: ClassVar[frozenset[str]] = frozenset({"database_url", "atalaya_lake"})

    # development or production; production makes nothing up.
    environment: Literal["development", "production"] = "development"
    # host:port or unix:/path of the gRPC server.
    listen_address: ListenAddress = "127.0.0.1:50051"
    # host:port of the Prometheus page; empty: none.
    metrics_address: PageAddress = ""
    # The service's own role: postgresql://role:password@host/database, or ...@/database?host=/socket/folder.
    database_url: PostgresUrl = ""
    # The owner's role, which only `migrate` uses.
    migration_database_url: PostgresUrl = ""
    # redis://host:port/0 or unix:///path; empty: no Redis.
    redis_url: RedisUrl = ""
    # Where bulk data lie: file://folder or s3://bucket/prefix.
    atalaya_lake: LakeUrl = "file://.atalaya/lake"
    # The documents' own name for an S3 lake; ATALAYA_LAKE goes before it.
    s3_bucket: str = ""
    # The S3 service, where it is not Amazon's own.
    aws_endpoint_url: WebUrl = ""
    # Region of the S3 bucket.
    aws_default_region: str = "us-east-1"
    # Keys for S3; empty: the machine's own identity.
    aws_access_key_id: str = ""
    # Secret of the key.
    aws_secret_access_key: str = ""
    # Token of temporary keys.
    aws_session_token: str = ""
    # Seconds that S3 may keep silent before a request is taken for lost, and made again.
    lake_silence_seconds: float = Field(default=30, gt=0)
    # gRPC addresses of the five services.
    auth_address: ServiceAddress = "127.0.0.1:50051"
    ingest_address: ServiceAddress = "127.0.0.1:50052"
    ml_address: ServiceAddress = "127.0.0.1:50053"
    insights_address: ServiceAddress = "127.0.0.1:50054"
    analytics_address: ServiceAddress = "127.0.0.1:50055"
    # Who signs access tokens and for whom, as in their claims iss and aud.
    jwt_issuer: str = "atalaya"
    jwt_audience: str = "atalaya"
    # PEM file with this service's own RSA private key of 2048 bits or more, by which it gets tokens to call others with
    # where no person asked for the work; empty: it cannot. Auth knows the public half. Page tokens are signed by what
    # is derived from it; where it is empty, they end with the process.
    service_private_key_file: PrivateKeyFile = ""
    # debug, info, warning or error.
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # Whether the server tells its contracts to tools such as grpcurl.
    grpc_reflection: bool = False
    # Calls through the gateway that one person or program may make in a minute, an hour and a day, over all processes
    # of all services together where they share a Redis; 0: any number.
    rate_limit_per_minute: int = Field(default=60, ge=0, le=_LARGEST_NUMBER)
    rate_limit_per_hour: int = Field(default=1_000, ge=0, le=_LARGEST_NUMBER)
    rate_limit_per_day: int = Field(default=10_000, ge=0, le=_LARGEST_NUMBER)
    # Jobs of one tenant that may wait or run at a time in each service; 0: any number.
    jobs_per_tenant: int = Field(default=100, ge=0, le=_LARGEST_NUMBER)
    # Days for which a job that has ended can be looked up; what still has something that is kept longer stays too.
    job_days: float = Field(default=90, ge=1, le=3650)
    # Proxies in front of the gateway whose word on the client's address counts: the same number as Envoy's
    # xff_num_trusted_hops. 0: the gateway is met by clients themselves.
    trusted_proxy_hops: int = Field(default=0, ge=0, le=10)
    # Longest time of a call, where the caller set no shorter one.
    default_deadline_seconds: float = Field(default=30, gt=0)
    # The same for calls that stream, such as uploads.
    stream_deadline_seconds: float = Field(default=600, gt=0)
    # How long calls in flight may take to end when the service stops.
    drain_seconds: float = Field(default=10, ge=0)
    # Largest message in bytes.
    max_message_bytes: int = Field(default=4 * 1024 * 1024, ge=1024, le=_LARGEST_NUMBER)
    # File that spans are written to as JSON lines; empty: none.
    traces_file: str = ""
    # OTLP receiver for spans; empty: none.
    otel_exporter_otlp_endpoint: WebUrl = ""

    @model_validator(mode="before")
    @classmethod
    def _lake_from_bucket(cls, values: dict[str, object]) -> dict[str, object]:
        if values.get("s3_bucket") and not values.get("atalaya_lake"):
            return {**values, "atalaya_lake": f"s3://{values['s3_bucket']}"}
        return values

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileNamedSource(settings_cls)


def load_settings(cls: type[S]) -> S:
    """Reads the settings; names every bad one on stderr in a sentence and ends the process with code 2."""
    settings, complaints = read_settings(cls)
    if settings is not None and not complaints:
        return settings
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    raise SystemExit(2)


def read_settings(cls: type[S], **given: Any) -> tuple[S | None, list[str]]:
    """Reads the settings, those that are given before the environment's; also gives a sentence for each bad one."""
    try:
        settings = cls(**given)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        return None, [_complaint(problem["loc"], problem["msg"]) for problem in problems]
    except _UnreadableFile as error:
        return None, [str(error)]
    return settings, _missing_in_production(settings)


def _complaint(place: tuple[int | str, ...], message: str) -> str:
    name = "_".join(str(part) for part in place).upper()
    return f"{name} is not valid: {message.removeprefix('Value error, ')}."


def _missing_in_production(settings: RuntimeSettings) -> list[str]:
    if settings.environment != "production":
        return []
    return [
        f"{name.upper()} must be set in production."
        for name in sorted(settings.required_in_production)
        if name not in settings.model_fields_set or not getattr(settings, name)
    ]
