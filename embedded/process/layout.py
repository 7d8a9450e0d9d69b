"""Layout of the data directory. Only its owner may enter it."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from embedded.process.errors import DataDirError

_LOG_BOUND_BYTES = 5 * 1024 * 1024
_OWNER_ONLY = 0o700


@dataclass(frozen=True)
class Layout:
    """Paths below a data directory. Build it with ``Layout.at``, so that ``root`` is absolute."""

    root: Path

    @classmethod
    def at(cls, data_dir: Path) -> "Layout":
        """Return the layout of ``data_dir``, relative to the working directory if it is relative."""
        return cls(data_dir.expanduser().resolve())

    @property
    def lock(self) -> Path:
        """Return the lock file of the directory's owner; it contains that process's ID."""
        return self.root / "lock"

    @property
    def bootstrap_marker(self) -> Path:
        """Return the marker of a completed set-up."""
        return self.root / "bootstrap-complete"

    @property
    def secrets(self) -> Path:
        """Return the directory of the credential files, each of mode 0600."""
        return self.root / "secrets"

    @property
    def run(self) -> Path:
        """Return the directory of the running children's identities."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        """Return the directory of the children's logs."""
        return self.root / "logs"

    def log(self, name: str) -> Path:
        """Return the log of child ``name``."""
        return self.logs / f"{name}.log"

    def prepare(self) -> None:
        """Create the directory with mode 0700, or restrict an existing one to that.

        Raises:
            DataDirError: if it belongs to another user, or contains foreign files.
        """
        self.root.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        status = self.root.stat()
        if status.st_uid != os.geteuid():
            raise DataDirError(f"{self.root} belongs to another user: choose a directory of your own")
        if not self.lock.exists() and any(self.root.iterdir()):
            raise DataDirError(f"{self.root} contains files that are not Assay's: choose a new or empty directory")
        if stat.S_IMODE(status.st_mode) != _OWNER_ONLY:
            self.root.chmod(_OWNER_ONLY)
        self.lock.touch(0o600)
        for directory in (self.secrets, self.run, self.logs):
            directory.mkdir(mode=_OWNER_ONLY, exist_ok=True)

    def open_log(self, name: str) -> int:
        """Open the log of child ``name`` for appending. One larger than 5 MiB is kept as the only older one."""
        path = self.log(name)
        if path.exists() and path.stat().st_size > _LOG_BOUND_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
