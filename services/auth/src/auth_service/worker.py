"""The worker that does what need not be done before the answer."""

from service_runtime.database import Database
from service_runtime.jobs import Worker

from auth_service.config import Settings


def build_worker(settings: Settings) -> Worker:
    """Joins the worker's parts."""
    database = Database(settings.database_url)
    return Worker(settings, database, "auth", {}, concurrency=settings.auth_worker_concurrency)
