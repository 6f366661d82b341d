"""Sending the mails that were queued: the handlers of those jobs. Each attempt makes a token of its own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from service_runtime.jobs import JobRun

from auth_service.accounts import LoginAccount
from auth_service.mail import Mail, Mailer
from auth_service.mail_texts import MailTexts
from auth_service.mail_tokens import mail_token_hash, new_mail_token
from auth_service.names import comparison_key
from auth_service.store import Store


class MailSending:
    """Makes tokens and mails them. A token is recorded before its mail leaves, and voids the one before it."""

    def __init__(
        self,
        store: Store,
        mailer: Mailer,
        texts: MailTexts,
        *,
        reset_life: timedelta,
        invitation_life: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._mailer = mailer
        self._texts = texts
        self._reset_life = reset_life
        self._invitation_life = invitation_life
        self._clock = clock

    async def send_reset_mail(self, run: JobRun) -> None:
        """Mails whoever has the address; where nobody active has it there is nothing to do."""
        # Nothing may be written by an attempt that was given up; the job is nobody's, the token is a tenant's.
        await run.report()
        email_key = comparison_key(run.payload["email"])
        async with self._store.before_tenant() as lookups:
            account = await lookups.account_by_email(email_key, "", self._clock())
        mail = await self._reset_mail(account, run) if account is not None and account.is_active else None
        if mail is not None:
            await self._mailer.send(mail)

    async def _reset_mail(self, account: LoginAccount, run: JobRun) -> Mail | None:
        token, now = new_mail_token(), self._clock()
        async with self._store.tenant(account.bearer.tenant_id) as records:
            user = await records.lock_user(account.bearer.user_id)
            settings = await records.settings(account.bearer.user_id)
            if user is None or settings is None:
                return None
            await records.save_reset(user.user_id, mail_token_hash(token), now, now + self._reset_life)
        # To the address that was registered, not the one that was typed: what looks alike need not be the same.
        return self._texts.reset(
            user.email,
            language=settings.language or run.payload["language"],
            name=user.full_name,
            token=token,
            minutes=int(self._reset_life.total_seconds()) // 60,
        )

    async def send_invitation_mail(self, run: JobRun) -> None:
        """Mails who is invited, unless the invitation was accepted or withdrawn meanwhile."""
        token = new_mail_token()
        async with self._store.tenant(run.tenant_id) as records:
            tenant = await records.tenant()
            invitation = await records.lock_invitation(UUID(run.payload["invitation_id"]), self._clock())
            if tenant is None or invitation is None:
                return
            await records.give_invitation_token(invitation.invitation_id, mail_token_hash(token))
            await run.report(session=records.session)
        mail = self._texts.invitation(
            invitation.email,
            language=run.payload["language"],
            tenant=tenant.name,
            token=token,
            days=self._invitation_life.days,
        )
        await self._mailer.send(mail)
