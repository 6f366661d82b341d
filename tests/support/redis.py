"""One embedded Redis for the whole run; tests keep apart by their keys, which carry their tenant."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from local_suite.redis import EmbeddedRedis


@cache
def server() -> EmbeddedRedis:
    """Starts Redis at the first call; it ends with the run."""
    home = Path(tempfile.mkdtemp(prefix="atalaya-redis-"))
    redis = EmbeddedRedis(home)
    redis.start()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    atexit.register(redis.stop)
    return redis
