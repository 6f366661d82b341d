"""What the auth service can be told, beyond what every service can."""

import os
from typing import ClassVar

from pydantic import Field, field_validator
from service_runtime.config import RuntimeSettings

from auth_service.names import require_timezone


class Settings(RuntimeSettings):
    """Settings of auth. Each limit is switched off by 0."""

    required_in_production: ClassVar[frozenset[str]] = RuntimeSettings.required_in_production - {"atalaya_lake"} | {
        "jwt_private_keys_file"
    }

    # PEM file with one or more RSA private keys of 2048 bits or more. The first signs; the public halves of all are
    # published, so that a new key can be put first while tokens of the old one still live. Nothing is made up here.
    jwt_private_keys_file: str = ""
    # Life of an access token.
    jwt_expiration_minutes: int = Field(default=60, ge=1, le=24 * 60)
    # Life of a refresh token, and so of a session that is not used.
    refresh_token_expiration_days: int = Field(default=30, ge=1, le=365)
    # A refresh token that is used again within this time gives the same successor again, unless that was used too: a
    # double click, or a reply that got lost. Later it is taken for stolen, and the session ends. 0: at once.
    refresh_grace_seconds: int = Field(default=5, ge=0, le=60)
    # Threads that hash passwords: as many as there are cores for this process.
    password_hash_threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=64)
    # Log-ins and registrations that may wait for a thread; one more is answered 429 OVERLOADED at once. With eight
    # waiting for each thread the last one admitted takes some nine times as long as hashing alone.
    password_hash_queue: int = Field(default=16, ge=0, le=1000)
    # Consecutive failures on one account before each further attempt has to wait.
    login_failures_before_delay: int = Field(default=10, ge=0, le=40)
    # Failures from one source (an IPv4 address or an IPv6 /64) within an hour before it has to wait.
    source_failures_before_delay: int = Field(default=50, ge=0)
    # Registrations from one source within an hour before it has to wait.
    registrations_before_delay: int = Field(default=200, ge=0)
    # Proxies in front of the gateway whose word on the client's address counts: the same number as Envoy's
    # xff_num_trusted_hops. 0: the gateway is met by clients themselves.
    trusted_proxy_hops: int = Field(default=0, ge=0, le=10)
    # Jobs that one worker does at the same time: mails, which wait for the mail server, and erasures.
    auth_worker_concurrency: int = Field(default=4, ge=1, le=64)
    # Time zone of a new tenant, as in the IANA list.
    default_timezone: str = "America/Lima"

    _is_a_timezone = field_validator("default_timezone")(require_timezone)
