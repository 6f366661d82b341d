"""What people of a tenant do in auth, as tests do it again and again, with the mails that come of it."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID

from atalaya.auth.v1 import auth_pb2, people_pb2, profile_pb2, recovery_pb2, tenants_pb2
from atalaya.auth.v1.people_pb2_grpc import PeopleServiceStub
from atalaya.auth.v1.profile_pb2_grpc import ProfileServiceStub
from atalaya.auth.v1.recovery_pb2_grpc import RecoveryServiceStub
from atalaya.auth.v1.tenants_pb2_grpc import JobsServiceStub, TenantsServiceStub
from auth_service.store import Store
from auth_service.worker import mail_handlers
from service_runtime.database import Database
from service_runtime.jobs.attempts import Attempts
from service_runtime.jobs.execution import Execution
from uuid6 import uuid7

from support.auth_running import PASSWORD, Person, RunningAuth, came_from
from support.tokens import bearer

if TYPE_CHECKING:
    from atalaya.auth.v1.people_pb2_grpc import PeopleServiceAsyncStub
    from atalaya.auth.v1.profile_pb2_grpc import ProfileServiceAsyncStub
    from atalaya.auth.v1.recovery_pb2_grpc import RecoveryServiceAsyncStub
    from atalaya.auth.v1.tenants_pb2_grpc import JobsServiceAsyncStub, TenantsServiceAsyncStub
    from auth_service.config import Settings

    from support.mail_server import MailServer

_numbers = count(1)
KINDS = ["send_reset_mail", "send_invitation_mail"]


class PeopleAndMail:
    """Calls of a running auth service about people, and the mail server that it sends to."""

    def __init__(self, auth: RunningAuth, settings: Settings, mail: MailServer) -> None:
        self.auth = auth
        # Mails that other tests left are none of ours.
        self._since = UUID(str(uuid7()))
        self.mail = mail
        own = {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "public_url": "https://atalaya.example.com"}
        self.settings = settings.model_copy(update=own)
        self.people: PeopleServiceAsyncStub = PeopleServiceStub(auth.channel)
        self.profile: ProfileServiceAsyncStub = ProfileServiceStub(auth.channel)
        self.recovery: RecoveryServiceAsyncStub = RecoveryServiceStub(auth.channel)
        self.tenants: TenantsServiceAsyncStub = TenantsServiceStub(auth.channel)
        self.jobs: JobsServiceAsyncStub = JobsServiceStub(auth.channel)

    async def invite(self, token: str, email: str, role: str = "user") -> auth_pb2.User:
        request = people_pb2.InviteUserRequest(email=email, role=role)
        return await self.people.InviteUser(request, metadata=bearer(token))

    async def join(
        self, token: str, email: str, *, password: str = PASSWORD, full_name: str = "New Person", source: str = ""
    ) -> Person:
        """Registers by an invitation."""
        request = auth_pb2.RegisterRequest(
            email=email, password=password, full_name=full_name, invitation_token=token, tenant_name="Never made"
        )
        return Person(email, password, await self.auth.calls.Register(request, metadata=came_from(source)))

    async def add(self, admin: Person, role: str = "user") -> Person:
        """Invites somebody new, who joins at once."""
        email = f"member{next(_numbers)}@example.com"
        await self.invite(admin.reply.access_token, email, role)
        await self.deliver()
        return await self.join(self.mail.token(), email)

    async def everybody(self, token: str, **page: Any) -> people_pb2.ListUsersResponse:
        return await self.people.ListUsers(people_pb2.ListUsersRequest(**page), metadata=bearer(token))

    async def change(self, token: str, user_id: str, **changes: Any) -> auth_pb2.User:
        request = people_pb2.UpdateUserRequest(user_id=user_id, **changes)
        return await self.people.UpdateUser(request, metadata=bearer(token))

    async def rename(self, token: str, **names: str) -> auth_pb2.User:
        return await self.profile.UpdateMe(profile_pb2.UpdateMeRequest(**names), metadata=bearer(token))

    async def leave(self, token: str, password: str = PASSWORD) -> None:
        await self.profile.DeleteMe(profile_pb2.DeleteMeRequest(password=password), metadata=bearer(token))

    async def own_settings(self, token: str) -> profile_pb2.UserSettings:
        return await self.profile.GetMySettings(profile_pb2.GetMySettingsRequest(), metadata=bearer(token))

    async def set(self, token: str, **settings: Any) -> profile_pb2.UserSettings:
        request = profile_pb2.UpdateMySettingsRequest(**settings)
        return await self.profile.UpdateMySettings(request, metadata=bearer(token))

    async def forget(self, email: str, *, source: str = "", language: str = "") -> None:
        """Asks for a mail that lets one set a new password."""
        metadata = (*came_from(source), *((("accept-language", language),) if language else ()))
        await self.recovery.ForgotPassword(recovery_pb2.ForgotPasswordRequest(email=email), metadata=metadata)

    async def reset(self, token: str, password: str, *, source: str = "") -> None:
        request = recovery_pb2.ResetPasswordRequest(token=token, new_password=password)
        await self.recovery.ResetPassword(request, metadata=came_from(source))

    async def tenant(self, token: str) -> tenants_pb2.Tenant:
        return await self.tenants.GetTenant(tenants_pb2.GetTenantRequest(), metadata=bearer(token))

    async def deliver(self) -> list[dict[str, Any]]:
        """Makes one attempt at each mail that waits, as a worker would; gives how their jobs stand then."""
        database = Database(self.auth.database.url)
        handlers = mail_handlers(self.settings, Store(database), self.auth.clock)
        execution = Execution(database, "auth", Attempts(database, "auth"), handlers)
        waiting = self.auth.query(
            """SELECT id::text, tenant_id::text FROM jobs
               WHERE status = 'QUEUED' AND kind = ANY(%s) AND id > %s ORDER BY id""",
            KINDS,
            self._since,
        )
        try:
            for job in waiting:
                await execution.run(job["tenant_id"], job["id"], {}, "")
        finally:
            await database.close()
        ids = [UUID(job["id"]) for job in waiting]
        return self.auth.query("SELECT * FROM jobs WHERE id = ANY(%s) ORDER BY id", ids)
