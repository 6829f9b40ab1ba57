"""Processes of a measurement: started, watched through /proc, and ended by their ids."""

import glob
import os
import re
import resource
import signal
import socket
import subprocess
import time

LOAD_CPU = 1
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
PATIENCE_S = 30
# Two for each of 10,000 connections, and some to spare.
DESCRIPTORS = 65_536


def raise_limit():
    """As many descriptors as are needed, or as the system grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (DESCRIPTORS, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            return
        except (OSError, ValueError):
            continue


def descriptors():
    """How many a program that is started now may have."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_ports(count):
    """Ports that nobody listens on now, held together so that they differ."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Process:
    """A program in a session of its own, with its output in a file."""

    def __init__(self, command, log, cpu=LOAD_CPU, env=None):
        self.log = log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                ["taskset", "-c", str(cpu), *command], stdout=out, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True, env=dict(os.environ, **(env or {})))

    @property
    def pid(self):
        return self.child.pid

    def tree(self):
        """Its own id and those of its descendants."""
        found, todo = [], [self.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for path in glob.glob(f"/proc/{pid}/task/*/children"):
                todo += [int(child) for child in read(path).split()]
        return found

    def wait_for(self, port):
        """Waits until something answers HTTP on the port."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if answers(port):
                return
            if self.child.poll() is not None:
                break
            time.sleep(0.02)
        tail = read(self.log)[-2000:]
        raise RuntimeError(f"{self.child.args} does not answer on port {port}:\n{tail}")

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self):
        """Ends it and whatever it started."""
        for number, patience in ((signal.SIGTERM, 2), (signal.SIGKILL, 5)):
            if self.child.poll() is None:
                try:
                    os.killpg(self.pid, number)
                    self.child.wait(patience)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


class Usage:
    """What processes have used so far."""

    def __init__(self, pids):
        self.user = self.system = self.switches = 0
        self.resident_kib = 0
        for pid in pids:
            stat = read(f"/proc/{pid}/stat").rsplit(")", 1)[-1].split()
            if len(stat) < 13:
                continue
            self.user += int(stat[11]) * TICK_US
            self.system += int(stat[12]) * TICK_US
            status = read(f"/proc/{pid}/status")
            self.resident_kib += number(r"VmRSS:\s+(\d+)", status)
            for task in glob.glob(f"/proc/{pid}/task/*/status"):
                self.switches += sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", read(task))))


def answers(port, timeout=1.0):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as one:
            one.settimeout(timeout)
            one.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return one.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def number(pattern, text):
    found = re.search(pattern, text)
    return int(found.group(1)) if found else 0


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
