"""The worker that does what need not be done before the answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from service_runtime.background import repeating
from service_runtime.database import Database
from service_runtime.erasure import TenantRows
from service_runtime.jobs import Worker
from service_runtime.jobs.worker import Handler
from service_runtime.limits_redis import RedisCounters
from service_runtime.redis_client import open_redis
from uuid6 import uuid7

from auth_service.audit import AuditTrail
from auth_service.clean_up import EVERY_SECONDS, CleanUp
from auth_service.config import Settings
from auth_service.erasing import LOOK_EVERY_SECONDS, Counters, Erasing
from auth_service.erasure_client import ErasureClients
from auth_service.mail import Mailer
from auth_service.mail_file import FileMailer
from auth_service.mail_jobs import SEND_INVITATION_MAIL, SEND_RESET_MAIL
from auth_service.mail_sending import MailSending
from auth_service.mail_smtp import SmtpMailer, encryption_for
from auth_service.mail_texts import MailTexts
from auth_service.parts import utc_now
from auth_service.service_tokens import LIFE
from auth_service.store import Store
from auth_service.tokens import TokenSigner


def build_worker(settings: Settings, *, clock: Callable[[], datetime] = utc_now) -> Worker:
    """Joins the worker's parts; `clock` is for tests."""
    database = Database(settings.database_url)
    handlers: dict[str, Handler] = {**mail_handlers(settings, Store(database), clock)}
    return Worker(settings, database, "auth", handlers, concurrency=settings.auth_worker_concurrency)


def mail_handlers(settings: Settings, store: Store, clock: Callable[[], datetime]) -> dict[str, Handler]:
    sending = MailSending(
        store,
        build_mailer(settings, clock),
        MailTexts(settings.public_url),
        reset_life=timedelta(minutes=settings.password_reset_minutes),
        invitation_life=timedelta(days=settings.invitation_days),
        clock=clock,
    )
    return {SEND_RESET_MAIL: sending.send_reset_mail, SEND_INVITATION_MAIL: sending.send_invitation_mail}


def build_mailer(settings: Settings, clock: Callable[[], datetime]) -> Mailer:
    if not settings.smtp_host:
        return FileMailer(Path(settings.mail_file), sender=settings.from_email, clock=clock)
    return SmtpMailer(
        settings.smtp_host,
        settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password,
        encryption=settings.smtp_tls or encryption_for(settings.smtp_host),
        sender=settings.from_email,
        clock=clock,
    )


def build_erasing(
    settings: Settings,
    database: Database,
    signer: TokenSigner,
    clock: Callable[[], datetime],
    counters: Counters | None = None,
) -> Erasing:
    """Joins what erases tenants; the other services are those whose addresses the settings name."""
    addresses = {
        "ingest": settings.ingest_address,
        "ml": settings.ml_address,
        "insights": settings.insights_address,
        "analytics": settings.analytics_address,
    }

    def token(service: str, tenant_id: UUID) -> str:
        return signer.sign_for_service("auth", tenant_id, service, uuid7(), clock(), LIFE)

    services = ErasureClients(addresses, settings, token)
    audit = AuditTrail(clock=clock, new_id=uuid7)
    return Erasing(Store(database), TenantRows(database), services, audit, counters=counters, clock=clock)


async def work(settings: Settings, signer: TokenSigner) -> None:
    """Works until told to stop; cleans up and erases tenants meanwhile."""
    database = Database(settings.database_url, pool_size=2)
    redis = open_redis(settings.redis_url) if settings.redis_url else None
    counters = RedisCounters(redis) if redis is not None else None
    clean_up, erasing = CleanUp(Store(database)), build_erasing(settings, database, signer, utc_now, counters)
    try:
        async with (
            repeating("clean-up", clean_up.run_once, EVERY_SECONDS),
            repeating("erasing", erasing.look, LOOK_EVERY_SECONDS),
        ):
            await build_worker(settings).run()
    finally:
        if redis is not None:
            await redis.aclose()
        await database.close()
