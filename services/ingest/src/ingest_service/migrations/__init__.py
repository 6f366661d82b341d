"""The schema of ingest's database."""
