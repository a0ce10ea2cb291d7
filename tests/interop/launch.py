"""Runs a program under limits and writes its outcome as JSON: `launch.py RESULT LIMITS COMMAND…`.

The kernel counts what a process had before it became another program: started by a large one, every program looks large. This one
is small.
"""

import json
import os
import resource
import sys
import time


def main() -> None:
    result, limits, command = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:]
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        for name in ["RLIMIT_AS", "RLIMIT_NOFILE"]:
            if limits.get(name):
                resource.setrlimit(getattr(resource, name), (limits[name], limits[name]))
        if limits.get("cgroup"):
            with open(os.path.join(limits["cgroup"], "cgroup.procs"), "w") as members:
                members.write(str(os.getpid()))
        try:
            os.execvp(command[0], command)
        except OSError as error:
            print(f"{command[0]}: {error}", file=sys.stderr)
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    outcome = {"code": os.waitstatus_to_exitcode(status), "peak": usage.ru_maxrss / 1024, "seconds": time.monotonic() - start}
    with open(result, "w") as file:
        json.dump(outcome, file)


if __name__ == "__main__":
    main()
