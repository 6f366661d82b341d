"""What the system says where a disk, or what one may have of it, is full."""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
