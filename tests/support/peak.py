"""Runs a program and writes its status, peak of resident memory in kB and seconds as JSON to a file: peak.py FILE PROGRAM [ARGUMENT...].

A program of its own because Linux counts the memory of who starts a process as that process's peak, too: this one is small."""
import json
import os
import sys
import time

start = time.monotonic()
_, status, usage = os.wait4(os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ), 0)
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump({"status": os.waitstatus_to_exitcode(status), "peak_kb": usage.ru_maxrss, "took_s": time.monotonic() - start,
               "cpu_s": usage.ru_utime + usage.ru_stime}, out)
