"""Where a proxy runs while it is measured: on one core, with a fixed share of it.

The share makes the proxy, and not the load, the bottleneck, so that requests per second compare what
a proxy costs. Control groups of both versions are supported; without them a proxy is only pinned,
and what it costs is told by its processor time alone.
"""

import os
import subprocess

PROXY_CPU = 0
PERIOD_US = 10_000


class Cage:
    """A control group with a share of the processor; `share` is in cores."""

    def __init__(self, share, cpus=1):
        self.share, self.cpus = share, cpus
        self.path = self._make()

    @property
    def kind(self):
        if self.path is None:
            return f"pinned to {self.cpus} core(s), no control group"
        return f"pinned to {self.cpus} core(s), {self.share:g} of a core by a control group"

    def _make(self):
        quota = str(int(self.share * PERIOD_US))
        try:
            if os.path.exists("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"):
                path = f"/sys/fs/cgroup/cpu/roundel-bench-{os.getpid()}"
                os.makedirs(path, exist_ok=True)
                write(path + "/cpu.cfs_period_us", str(PERIOD_US))
                write(path + "/cpu.cfs_quota_us", quota)
            else:
                write("/sys/fs/cgroup/cgroup.subtree_control", "+cpu")
                path = f"/sys/fs/cgroup/roundel-bench-{os.getpid()}"
                os.makedirs(path, exist_ok=True)
                write(path + "/cpu.max", f"{quota} {PERIOD_US}")
            return path
        except OSError:
            return None

    def hold(self, pids):
        """Puts processes into the cage."""
        for pid in pids:
            mask = ",".join(str(cpu) for cpu in range(PROXY_CPU, PROXY_CPU + self.cpus))
            subprocess.run(["taskset", "-acp", mask, str(pid)], stdout=subprocess.DEVNULL, check=False)
            if self.path:
                write(self.path + "/cgroup.procs", str(pid))

    def remove(self):
        """Takes the group away; its processes must have ended."""
        if self.path and os.path.isdir(self.path):
            os.rmdir(self.path)


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
