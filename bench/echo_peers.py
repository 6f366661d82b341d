"""The two peers of gateway_echo.py, a process each: FastAPI that checks a token, and a bare grpc.aio echo."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Any

import grpc
import grpc.aio
import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer


def fastapi_echo(port: int, public_key: str) -> None:
    """Serves GET / on 127.0.0.1:port to callers whose RS256 token verifies under the PEM key, as users write it."""
    app = FastAPI()
    bearer = HTTPBearer()

    def claims(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
        try:
            return jwt.decode(credentials.credentials, public_key, algorithms=["RS256"], audience="atalaya")
        except jwt.InvalidTokenError as error:
            raise HTTPException(401, "bad token") from error

    @app.get("/")
    async def root(caller: Annotated[dict[str, Any], Depends(claims)]) -> dict[str, Any]:
        databases = ["MySQL", "PostgreSQL", "Cassandra"]
        return {"message": "echo", "version": "1", "status": "OK", "data_source": "", "available_databases": databases}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


async def grpc_echo(port: int) -> None:
    """Serves /echo/Echo on 127.0.0.1:port: the bytes that come go back, nothing else."""

    async def echo(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return request

    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler("echo", {"Echo": grpc.unary_unary_rpc_method_handler(echo)})
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    if sys.argv[1] == "fastapi":
        fastapi_echo(int(sys.argv[2]), Path(sys.argv[3]).read_text())
    else:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(grpc_echo(int(sys.argv[2])))
