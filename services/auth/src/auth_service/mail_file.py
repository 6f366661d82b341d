"""Mails into a file, where no mail server is set: for one machine, and for reading them in tests."""

import asyncio
import mailbox
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from service_runtime.errors import Unavailable

from auth_service.mail import Mail, as_message


class FileMailer:
    """Appends each mail to an mbox file, which nobody else can read: it holds tokens."""

    def __init__(self, path: Path, *, sender: str, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._sender = sender
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def send(self, mail: Mail) -> None:
        message = as_message(mail, self._sender, self._clock())
        async with self._one_at_a_time:
            await asyncio.to_thread(self._append, mailbox.mboxMessage(message))

    def _append(self, message: mailbox.mboxMessage) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_CREAT | os.O_APPEND, 0o600))
        box = mailbox.mbox(self._path, create=False)
        try:
            box.lock()
            box.add(message)
        except mailbox.ExternalClashError as error:
            raise Unavailable("MAIL_FILE_BUSY", "Another process writes to the file of mails.") from error
        finally:
            box.close()
