"""Calls that are made twice, rejected rows that are tried again, and since when the lake lacks something."""

from alembic import op
from service_runtime.migrations import create_idempotency_table

revision = "0005"
down_revision = "0004"

REPLAYS = """
ALTER TABLE imports
    -- The file's columns, where rows of it were rejected.
    ADD COLUMN columns text[],
    -- What was judged of the file as a whole: how it writes numbers and dates.
    ADD COLUMN judged jsonb,
    -- The import whose rejected rows this one tries again, and with which corrections.
    ADD COLUMN replay_of uuid,
    ADD COLUMN corrections jsonb,
    ADD FOREIGN KEY (tenant_id, replay_of) REFERENCES imports ON DELETE CASCADE;
CREATE INDEX imports_replays ON imports (tenant_id, replay_of) WHERE replay_of IS NOT NULL;
CREATE INDEX imports_by_account ON imports (tenant_id, (request->>'account'), import_id DESC);
ALTER TABLE rejected_rows
    -- The newest import that tried the row again, and whether it was taken, as far as is known before that one's end.
    ADD COLUMN tried_by uuid,
    ADD COLUMN taken boolean NOT NULL DEFAULT false,
    -- The row's cells; NULL where they cannot be told, or are more than what is kept.
    ADD COLUMN cells jsonb;
-- Bytes of the file in the lake when it was last known whole: what stands behind them was never acknowledged.
ALTER TABLE datasets ADD COLUMN size bigint;
"""
LAG = """
ALTER TABLE lake_partitions ADD COLUMN stale_since timestamptz;
CREATE FUNCTION lake_partitions_note_lag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.copied >= NEW.changed THEN
        NEW.stale_since := NULL;
    ELSIF TG_OP = 'INSERT' OR OLD.copied >= OLD.changed OR OLD.stale_since IS NULL THEN
        NEW.stale_since := clock_timestamp();
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER lake_partitions_lag BEFORE INSERT OR UPDATE ON lake_partitions
    FOR EACH ROW EXECUTE FUNCTION lake_partitions_note_lag();
"""


def upgrade() -> None:
    op.execute(REPLAYS)
    # Whoever changes a partition need not think of it.
    op.execute(LAG)
    create_idempotency_table()
