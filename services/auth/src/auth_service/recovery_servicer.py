"""The rpcs of RecoveryService: new passwords for who forgot theirs."""

from typing import Any, TypeAlias

from atalaya.auth.v1 import recovery_pb2
from atalaya.auth.v1.recovery_pb2_grpc import RecoveryServiceServicer
from grpc.aio import ServicerContext
from service_runtime.origin import current_origin

from auth_service.mail_jobs import asked_language
from auth_service.recovery import Recovery

Context: TypeAlias = ServicerContext[Any, Any]


class RecoveryServicer(RecoveryServiceServicer):
    """Resets forgotten passwords by mail."""

    def __init__(self, recovery: Recovery) -> None:
        self._recovery = recovery

    async def ForgotPassword(
        self, request: recovery_pb2.ForgotPasswordRequest, context: Context
    ) -> recovery_pb2.ForgotPasswordResponse:
        await self._recovery.ask(request.email, asked_language(), current_origin())
        return recovery_pb2.ForgotPasswordResponse()

    async def ResetPassword(
        self, request: recovery_pb2.ResetPasswordRequest, context: Context
    ) -> recovery_pb2.ResetPasswordResponse:
        await self._recovery.reset(request.token, request.new_password, current_origin())
        return recovery_pb2.ResetPasswordResponse()
