"""What was measured, and on what."""

import os
import platform
import subprocess
import time

from .peers import PEERS, ROOT
from .process import number, read


def describe(names):
    cpu = next((line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
                if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                            text=True, check=False).stdout.strip()
    return dict(
        date=time.strftime("%Y-%m-%d", time.gmtime()), cpu=cpu, cores=os.cpu_count(),
        memory_gib=round(number(r"MemTotal:\s+(\d+)", read("/proc/meminfo")) / 1024 / 1024),
        kernel=platform.release(), commit=commit,
        versions={name: PEERS[name].version_text() for name in names})
