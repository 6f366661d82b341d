"""What the commands of auth build alike, each once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from service_runtime.database import Database
from uuid6 import uuid7

from auth_service.attempts import AttemptLimits
from auth_service.audit import AuditTrail
from auth_service.config import Settings
from auth_service.own_password import OwnPassword
from auth_service.passwords import PasswordHashing
from auth_service.sessions import Sessions
from auth_service.store import Store
from auth_service.tokens import TokenSigner, read_signing_keys
from auth_service.users import Users


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Parts:
    """The parts that most rules are made of."""

    settings: Settings
    clock: Callable[[], datetime]
    database: Database
    store: Store
    signer: TokenSigner
    passwords: PasswordHashing
    sessions: Sessions
    limits: AttemptLimits
    audit: AuditTrail
    users: Users
    own_password: OwnPassword

    @classmethod
    def build(cls, settings: Settings, clock: Callable[[], datetime] = utc_now) -> Self:
        """Joins them; raises KeyFileError where there is nothing to sign with."""
        signer = build_signer(settings)
        database = Database(settings.database_url)
        store = Store(database)
        limits = build_limits(settings)
        passwords = PasswordHashing(threads=settings.password_hash_threads, queue=settings.password_hash_queue)
        audit = AuditTrail(clock=clock, new_id=uuid7)
        refresh_life = timedelta(days=settings.refresh_token_expiration_days)
        return cls(
            settings,
            clock,
            database,
            store,
            signer,
            passwords,
            Sessions(signer, refresh_life=refresh_life, clock=clock, new_id=uuid7),
            limits,
            audit,
            Users(store),
            OwnPassword(store, passwords, limits, audit, clock=clock),
        )

    async def close(self) -> None:
        """Ends the threads that hash and the connections to the database."""
        await self.passwords.close()
        await self.database.close()


def build_signer(settings: Settings) -> TokenSigner:
    """Reads the signing keys; raises KeyFileError where there are none."""
    return TokenSigner(
        read_signing_keys(settings.jwt_private_keys_file),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        life=timedelta(minutes=settings.jwt_expiration_minutes),
    )


def build_limits(settings: Settings) -> AttemptLimits:
    return AttemptLimits(
        account=settings.login_failures_before_delay,
        source=settings.source_failures_before_delay,
        registration=settings.registrations_before_delay,
        mail=settings.reset_mails_before_delay,
        mail_source=settings.reset_mails_of_source_before_delay,
    )
