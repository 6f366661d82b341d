"""Calendar months as the replies write them, `YYYY-MM` in UTC."""

from datetime import datetime


def last_months(as_of: datetime, months: int) -> list[str]:
    """The month of `as_of` and those before it, `months` in all, the oldest first."""
    last = as_of.year * 12 + as_of.month - 1
    return [f"{index // 12:04}-{index % 12 + 1:02}" for index in range(last - months + 1, last + 1)]
