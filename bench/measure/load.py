"""Loads: closed loop by wrk, open loop by the yard's `pulse`, tunnels by the yard's `tunnels`."""

import os
import re
import statistics
import subprocess
from dataclasses import dataclass

from . import peers
from .process import LOAD_CPU, Usage

UPLOAD = 'wrk.method = "POST"\nwrk.body = string.rep("x", {size})\n'


@dataclass
class Sample:
    """One round of one proxy. Times per request are in microseconds of processor time."""
    rate: float
    user_us: float
    system_us: float
    switches: float
    resident_mib: float
    failures: str

    @property
    def cost_us(self):
        return self.user_us + self.system_us

    @property
    def per_cpu_second(self):
        return 1e6 / self.cost_us if self.cost_us else 0.0


def closed(scenario, port, seconds, pids, folder):
    """One round of a scenario's load."""
    before = Usage(pids)
    done, rate, failures = (tunnels if scenario.tunnels else requests)(scenario, port, seconds, folder)
    after = Usage(pids)
    done = max(done, 1)
    return Sample(
        rate=rate, user_us=(after.user - before.user) / done, system_us=(after.system - before.system) / done,
        switches=(after.switches - before.switches) / done, resident_mib=after.resident_kib / 1024,
        failures=failures)


def requests(scenario, port, seconds, folder):
    command = ["wrk", "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--timeout", "10s"]
    if scenario.close:
        command += ["-H", "Connection: close"]
    if scenario.upload:
        script = os.path.join(folder, "upload.lua")
        with open(script, "w", encoding="ascii") as file:
            file.write(UPLOAD.format(size=scenario.upload))
        command += ["-s", script]
    out = run([*command, f"http://127.0.0.1:{port}{scenario.path}"])
    done = int(re.search(r"(\d+) requests in", out).group(1))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    return done, rate, "; ".join(re.findall(r"Non-2xx.*|Socket errors.*", out))


def tunnels(scenario, port, seconds, _folder):
    out = run([peers.yard("tunnels"), f"127.0.0.1:{port}", str(scenario.connections), str(seconds)])
    done, failed = map(int, out.split())
    return done, done / seconds, f"{failed} tunnels failed" if failed else ""


@dataclass
class Pulse:
    """What became of requests that were due on a timetable: (due s, took ms, status, who)."""
    rows: list

    @property
    def failures(self):
        return [row for row in self.rows if row[2] != 200]

    def percentile(self, share):
        took = sorted(row[1] for row in self.rows)
        return took[min(int(len(took) * share), len(took) - 1)] if took else float("nan")

    def last(self, who):
        """When the last request that `who` answered was due."""
        return max((row[0] for row in self.rows if row[3] == who), default=None)

    def share(self, who, begin, end):
        """Its share of the answers that were due between two moments."""
        due = [row[3] for row in self.rows if begin <= row[0] < end]
        return due.count(who) / len(due) if due else 0.0

    def regains(self, who, after, share, step=0.25):
        """How long after `after` it has `share` of the answers for the first time; None for never."""
        end = max((row[0] for row in self.rows), default=0.0)
        moment = after
        while moment < end:
            if self.share(who, moment, moment + step) >= share:
                return moment + step - after
            moment += step / 2
        return None


def start_pulse(port, rate, seconds, connections=256, method="GET"):
    """Starts an open-loop load; `finish_pulse` takes its result."""
    command = [peers.yard("pulse"), f"127.0.0.1:{port}", str(rate), str(seconds), str(connections), method]
    return subprocess.Popen(["taskset", "-c", str(LOAD_CPU), *command], stdout=subprocess.PIPE, text=True)


def finish_pulse(process):
    out, _ = process.communicate(timeout=180)
    rows = []
    for line in out.splitlines():
        due, took, status, who = line.split(" ", 3)
        rows.append((int(due) / 1e6, int(took) / 1e3, int(status), who))
    return Pulse(rows)


def run(command):
    done = subprocess.run(["taskset", "-c", str(LOAD_CPU), *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def median(samples, key):
    return statistics.median(key(sample) for sample in samples)


def spread(samples, key):
    """Half of the range, as a share of the median."""
    values = [key(sample) for sample in samples]
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0
