"""The peer of read_load.py: FastAPI that checks a token and reads the caller's row, as its users write it."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

# One statement; the tenant is a condition in it, and no row-level security stands behind that.
ME = text(
    """SELECT u.user_id, u.email, u.username, u.full_name, u.role, u.tenant_id, t.name AS tenant_name, u.is_active,
              u.created_at, u.last_login_at
       FROM users u JOIN tenants t USING (tenant_id) WHERE u.tenant_id = :tenant_id AND u.user_id = :user_id"""
)


def serve(port: int, public_key: str, database_url: str) -> None:
    """Serves GET /api/v1/users/me on 127.0.0.1:port to callers whose RS256 token verifies under the PEM key."""
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+psycopg://"), pool_size=5)
    bearer = HTTPBearer()

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=life)

    def claims(credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)]) -> dict[str, Any]:
        try:
            return jwt.decode(credentials.credentials, public_key, algorithms=["RS256"], audience="atalaya")
        except jwt.InvalidTokenError as error:
            raise HTTPException(401, "bad token") from error

    @app.get("/api/v1/users/me")
    async def me(caller: Annotated[dict[str, Any], Depends(claims)]) -> dict[str, Any]:
        async with engine.connect() as connection:
            values = {"tenant_id": caller["tenant_id"], "user_id": caller["sub"]}
            row = (await connection.execute(ME, values)).mappings().one_or_none()
        if row is None:
            raise HTTPException(404, "no such person")
        return dict(row)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]).read_text(), sys.argv[3])
