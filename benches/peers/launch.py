"""Runs one command and measures it: `launch.py TIMEOUT CORES LOG COMMAND…` prints a JSON line.

It stands apart because Linux hands the high-water mark of a process on to what it starts: a command started by the
benchmark itself would never show less memory than the benchmark has. It imports next to nothing for the same reason.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main() -> None:
    timeout, cores, log = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    command = sys.argv[4:]
    # Every peer has the same cores, also one that takes all it sees.
    available = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, available[:cores])
    # What an earlier run wrote is not to be flushed in the time of this one.
    os.sync()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            text = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(text, 1)
            os.dup2(text, 2)
            os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error}".encode())
        os._exit(127)
    expired = []

    def expire(*_: object) -> None:
        expired.append(True)
        os.killpg(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, expire)
    signal.alarm(timeout)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - start
    signal.alarm(0)
    code = os.waitstatus_to_exitcode(status)
    print(
        f'{{"code": {code}, "expired": {"true" if expired else "false"}, "wall": {wall:.6f}, '
        f'"cpu": {usage.ru_utime + usage.ru_stime:.6f}, "rss_kib": {usage.ru_maxrss}}}'
    )


if __name__ == "__main__":
    main()
