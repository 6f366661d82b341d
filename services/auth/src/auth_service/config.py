"""What the auth service can be told, beyond what every service can."""

import os
from typing import ClassVar, Literal

from pydantic import Field, field_validator
from service_runtime.config import RuntimeSettings

from auth_service.names import require_timezone


class Settings(RuntimeSettings):
    """Settings of auth. Each limit is switched off by 0."""

    required_in_production: ClassVar[frozenset[str]] = RuntimeSettings.required_in_production - {"atalaya_lake"} | {
        "jwt_private_keys_file",
        "smtp_host",
        "from_email",
        "public_url",
        "service_private_key_file",
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
    # Log-ins and registrations that may wait for a thread; one more is answered 429 OVERLOADED at once. With four
    # waiting for each of two threads the last one admitted takes some five times as long as hashing alone.
    password_hash_queue: int = Field(default=8, ge=0, le=1000)
    # Consecutive failures on one account before each further attempt has to wait.
    login_failures_before_delay: int = Field(default=10, ge=0, le=40)
    # Failures from one source (an IPv4 address or an IPv6 /64) within an hour before it has to wait.
    source_failures_before_delay: int = Field(default=50, ge=0)
    # Registrations from one source within an hour before it has to wait.
    registrations_before_delay: int = Field(default=200, ge=0)
    # Folder with `<service>.pem` for each service that may ask for tokens of its own: one or more RSA public keys of
    # 2048 bits or more. Empty: no service may.
    service_public_keys_folder: str = ""
    # Living API keys that a tenant may have; 0: any number.
    api_keys_per_tenant: int = Field(default=100, ge=0)
    # Mails that are asked for with one address within an hour before each further one has to wait.
    reset_mails_before_delay: int = Field(default=5, ge=0)
    # The same from one source.
    reset_mails_of_source_before_delay: int = Field(default=50, ge=0)
    # People and open invitations that a tenant may have.
    users_per_tenant: int = Field(default=1000, ge=0)
    # Life of the token with which a forgotten password is reset.
    password_reset_minutes: int = Field(default=60, ge=1, le=24 * 60)
    # Life of an invitation.
    invitation_days: int = Field(default=7, ge=1, le=90)
    # Where people open Atalaya in a browser; links in mails lead there.
    public_url: str = Field(default="http://localhost:8000", pattern="^https?://[^\\s#?]+$")
    # Mail server; empty: mails are written to MAIL_FILE.
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    # Log-in at the mail server; empty: none.
    smtp_user: str = ""
    smtp_password: str = Field(default="", repr=False)
    # none, starttls or tls; empty: starttls, but none where the server is on this machine.
    smtp_tls: Literal["", "none", "starttls", "tls"] = ""
    # Who mails come from.
    from_email: str = Field(default="atalaya@localhost", pattern="^[^@\\s]+@[^@\\s]+$")
    # File in the mbox format that gets the mails where there is no mail server.
    mail_file: str = ".atalaya/mail/outbox.mbox"
    # Jobs that one worker does at the same time: mails, which wait for the mail server, and erasures.
    auth_worker_concurrency: int = Field(default=4, ge=1, le=64)
    # Time zone of a new tenant, as in the IANA list.
    default_timezone: str = "America/Lima"

    _is_a_timezone = field_validator("default_timezone")(require_timezone)
