"""What keeps the suite from running, each with the exit code that scripts can tell it by."""

# They are named after what is wrong, as everywhere in the project.


class SuiteError(Exception):
    """The suite cannot start or go on; the text is one sentence for the person at the terminal."""

    exit_code = 1


class BadSetting(SuiteError):
    """A variable of the environment has a value that the local suite cannot work with."""

    exit_code = 2


class PortTaken(SuiteError):
    """Something else listens on the gateway's port."""

    exit_code = 3


class DiskFull(SuiteError):
    """There is no room to start, or to go on."""

    exit_code = 4


class NewerData(SuiteError):
    """The data folder was written by a release, or a PostgreSQL, that this one does not know."""

    exit_code = 5


class AlreadyRunning(SuiteError):
    """Another runner holds this home."""

    exit_code = 6


class UnsupportedMachine(SuiteError):
    """This Python or this platform has no wheels of what the suite is made of."""

    exit_code = 7


class NotRunning(SuiteError):
    """A command needs a running suite, and none runs on this home."""

    exit_code = 8
