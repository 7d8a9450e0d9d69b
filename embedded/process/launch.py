"""Launcher of a child process: ties its life to its parent's, keeps its files private, executes its program.

Run by path with ``python -I -S``, so the standard library only: ``launch.py PARENT_PID DEATH_SIGNAL host|user-namespace
PROGRAM [ARGUMENT ...]``.

The signal on the parent's death is set here, in the child's own single thread, since code between fork and exec of a
threaded parent may deadlock. It survives exec, but not a change of credentials: hence after the namespace.
"""

import ctypes
import os
import pwd
import sys
from pathlib import Path

EXIT_NAMESPACE_REFUSED = 78  # EX_CONFIG of sysexits.h
EXIT_NOT_FOUND = 127  # as of a shell
_CLONE_NEWUSER = 0x10000000  # linux/sched.h
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def ordinary_id() -> int:
    """Return a user ID other than root's with a name, as initdb requires."""
    for name in ("daemon", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    return 65534


def enter_user_namespace() -> None:
    """Become an ordinary user in a new namespace (user_namespaces(7)); outside, files keep the original owner."""
    uid, gid, inside = os.geteuid(), os.getegid(), ordinary_id()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{inside} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{inside} {gid} 1", encoding="ascii")


def die_with(parent: int, death_signal: int) -> None:
    """Have the kernel send ``death_signal`` to this process when its parent's starting thread ends (prctl(2))."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before the request
        sys.exit(1)


def main(arguments: list[str]) -> None:
    """Prepare this process according to the arguments, then execute the program in its place."""
    parent, death_signal, place, *program = arguments
    os.umask(0o077)
    if sys.platform == "linux":
        if place == "user-namespace":
            try:
                enter_user_namespace()
            except OSError as error:
                sys.stderr.write(f"user namespace refused: {error.strerror}\n")
                sys.exit(EXIT_NAMESPACE_REFUSED)
        die_with(int(parent), int(death_signal))
    try:
        os.execv(program[0], program)  # noqa: S606 - the point of this file; no shell on purpose
    except OSError as error:
        sys.stderr.write(f"cannot execute {program[0]}: {error.strerror}\n")
        sys.exit(EXIT_NOT_FOUND)


if __name__ == "__main__":
    main(sys.argv[1:])
