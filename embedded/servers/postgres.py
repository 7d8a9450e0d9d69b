"""PostgreSQL 18 on loopback TCP with SCRAM. No Unix socket, whose path is limited to about 107 bytes."""

import asyncio
import os
import shutil
import signal
import tempfile
from pathlib import Path

import asyncpg
import psutil

from embedded.process.child import ChildSpec
from embedded.process.errors import ChildFailedError, StateLostError, UserNamespaceError
from embedded.process.files import fsync_directory, read_or_create_secret, read_secret
from embedded.process.layout import Layout
from embedded.process.ports import LOOPBACK
from embedded.process.spawn import postgres_accepts_user, run_to_end, user_namespace_works
from embedded.process.wheels import postgres_program

NAME = "postgres"
SUPERUSER = "postgres"
_CONNECT_SECONDS = 5.0
_BACKENDS_END_SECONDS = 5.0

# For a small machine with other load. Durability is PostgreSQL's default: fsync and synchronous_commit are on. Errors
# go to the client only, since their texts quote values; the log has starts, stops and crashes.
_PARAMETERS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "cluster_name": "assay",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "max_wal_size": "512MB",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


class PostgresServer:
    """The data directory of one PostgreSQL server and the child that serves it."""

    def __init__(self, layout: Layout, port: int) -> None:
        self._layout = layout
        self._port = port
        self._data = layout.root / NAME
        self._password_file = layout.secrets / "postgres_superuser"
        self._namespace = not postgres_accepts_user()

    @property
    def superuser_password(self) -> str:
        """Return the password of the role ``postgres``, read from its file."""
        return read_secret(self._password_file)

    def spec(self) -> ChildSpec:
        """Return the child: SIGINT is PostgreSQL's fast shutdown, which ends sessions and writes a checkpoint."""
        parameters = (f"--{name}={value}" for name, value in _PARAMETERS.items())
        return ChildSpec(
            name=NAME,
            argv=(str(postgres_program("postgres")), "-D", str(self._data), "-p", str(self._port), *parameters),
            ready=self._accepts_login,
            port=self._port,
            before_start=self._prepare,
            stop_signal=signal.SIGINT,
            stop_grace_seconds=15.0,
            start_attempts=8,  # backends of a killed postmaster keep its shared memory for a moment
            user_namespace=self._namespace,
        )

    async def _prepare(self) -> None:
        if self._namespace and not await user_namespace_works():
            raise UserNamespaceError
        if self._data.exists():
            if not self._password_file.exists():
                raise StateLostError(
                    f"{self._data} exists, but the superuser's password file is missing: restore it from a backup"
                )
            await asyncio.to_thread(self._drop_foreign_pid_file)
        else:
            await self._initialise()

    async def _initialise(self) -> None:
        """Build the cluster in a temporary directory and rename it, atomically."""
        if self._layout.bootstrap_marker.exists():
            raise StateLostError(
                f"{self._data} is missing from a data directory that was set up before: restore it from a backup"
            )
        for abandoned in self._layout.root.glob(f"{NAME}-new-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        read_or_create_secret(self._password_file)
        building = Path(tempfile.mkdtemp(prefix=f"{NAME}-new-", dir=self._layout.root))
        argv = (
            *(str(postgres_program("initdb")), "-D", str(building), "-U", SUPERUSER, f"--pwfile={self._password_file}"),
            *("--auth-local=reject", "--auth-host=scram-sha-256", "--encoding=UTF8", "--no-locale", "--data-checksums"),
        )
        log = self._layout.log(f"{NAME}-initdb")
        code = await run_to_end(argv, log=log, user_namespace=self._namespace)
        if code != 0:
            raise ChildFailedError("initdb", f"exited with code {code}", log)
        await asyncio.to_thread(self._put_in_place, building)

    def _put_in_place(self, building: Path) -> None:
        building.rename(self._data)
        fsync_directory(self._layout.root)

    def _drop_foreign_pid_file(self) -> None:
        """Remove a stale ``postmaster.pid`` whose process ID belongs to another program.

        PostgreSQL would take that program for a running server and refuse for ever. This process has the directory's
        lock and no postmaster is left, but backends of a killed one may be, for a moment: wait, or they could continue
        to write.
        """
        pid_file = self._data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text("ascii").split(maxsplit=1)[0])
            if not psutil.pid_exists(pid) or _is_postgres(psutil.Process(pid)):
                return  # PostgreSQL itself handles these correctly
        except (OSError, ValueError, IndexError, psutil.Error):
            return
        program = os.path.realpath(postgres_program("postgres"))
        backends = [p for p in psutil.process_iter() if _serves(p, program, self._data)]
        _, remaining = psutil.wait_procs(backends, timeout=_BACKENDS_END_SECONDS)
        if not remaining:
            pid_file.unlink(missing_ok=True)

    async def _accepts_login(self) -> bool:
        try:
            connection = await asyncpg.connect(
                host=LOOPBACK,
                port=self._port,
                user=SUPERUSER,
                password=self.superuser_password,
                database="postgres",
                ssl=False,
                timeout=_CONNECT_SECONDS,
            )
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
            return False  # still starting up, or replaying its log
        await connection.close()
        return True


def _is_postgres(process: psutil.Process) -> bool:
    return Path(process.exe()).name == "postgres"


def _serves(process: psutil.Process, program: str, data: Path) -> bool:
    try:
        return process.exe() == program and process.cwd() == str(data)
    except psutil.Error:
        return False
