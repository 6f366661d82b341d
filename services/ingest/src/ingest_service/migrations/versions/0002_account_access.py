"""Who of a tenant may see an account, and what whoever asked for an import was."""

from alembic import op
from service_runtime.migrations import enable_tenant_isolation

revision = "0002"
down_revision = "0001"

ACCESS = """
-- An account without a row is open to everybody of its tenant.
CREATE TABLE account_access (
    tenant_id uuid NOT NULL,
    id_usuario integer NOT NULL,
    roles text[] NOT NULL CHECK (roles <@ ARRAY['viewer', 'user', 'admin']),
    users uuid[] NOT NULL,
    PRIMARY KEY (tenant_id, id_usuario),
    FOREIGN KEY (tenant_id, id_usuario) REFERENCES accounts ON DELETE CASCADE,
    CHECK (cardinality(roles) + cardinality(users) > 0)
);
-- Imports that wait already were asked for when every account was open; `user` is the least role that may import.
ALTER TABLE imports
    ADD COLUMN requested_role text NOT NULL DEFAULT 'user',
    ADD COLUMN requested_kind text NOT NULL DEFAULT 'person';
"""


def upgrade() -> None:
    op.execute(ACCESS)
    enable_tenant_isolation("account_access")
