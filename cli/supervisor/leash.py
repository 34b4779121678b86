"""Run as a script between the supervisor and a child: becomes the child, which then can't outlive its supervisor.

    python -I -S leash.py PARENT_PID DEATH_SIGNAL UID:GID|- COMMAND...

A separate program rather than a `preexec_fn`: the supervisor has threads, and Python code between its fork and its
exec may deadlock. It imports nothing of the project, so that it costs some 20 ms.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
EXIT_NOT_EXECUTABLE = 126
EXIT_PARENT_GONE = 125


def main(arguments: list[str]) -> None:
    parent, death_signal, account, *command = arguments
    if account != "-":
        uid, gid = (int(part) for part in account.split(":"))
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    # After the change of user, which would clear it. The kernel sends it when the parent *thread* ends.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit(EXIT_PARENT_GONE)
    try:
        os.execv(command[0], command)
    except OSError as error:
        print(f"{command[0]} can't be executed: {error.strerror}", file=sys.stderr, flush=True)
        sys.exit(EXIT_NOT_EXECUTABLE)


if __name__ == "__main__":
    main(sys.argv[1:])
