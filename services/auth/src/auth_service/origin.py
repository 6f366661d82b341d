"""Where a call came from, as every service finds it out."""

from service_runtime.origin import client_address as client_address
from service_runtime.origin import current_origin as current_origin
