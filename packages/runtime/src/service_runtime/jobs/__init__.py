"""Work that takes longer than a call: queued with its cause, run by workers, retried, cancellable, fenced."""

from service_runtime.jobs.alive import workers_alive as workers_alive
from service_runtime.jobs.audit_outbox import AuditOutbox as AuditOutbox
from service_runtime.jobs.audit_outbox import Deliver as Deliver
from service_runtime.jobs.ended import EndedJobs as EndedJobs
from service_runtime.jobs.queue import JobQueue as JobQueue
from service_runtime.jobs.record import JobRecord as JobRecord
from service_runtime.jobs.run import JobCancelled as JobCancelled
from service_runtime.jobs.run import JobRun as JobRun
from service_runtime.jobs.run import StaleAttempt as StaleAttempt
from service_runtime.jobs.side_tasks import SideTask as SideTask
from service_runtime.jobs.worker import Worker as Worker
