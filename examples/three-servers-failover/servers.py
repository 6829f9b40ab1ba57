"""Starts three servers and, when asked to, lets one after the other die and return.

    python servers.py
    python servers.py --disturb 5

With `--disturb 5` one server is killed every five seconds, without a warning and in the middle of
its work, and started again after half of that time. Ctrl-C ends them all.
"""

import argparse
import itertools
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Name, port and capacity. The weights in roundel.toml follow the capacities.
SERVERS = [("Server 1", 5001, 6), ("Server 2", 5002, 4), ("Server 3", 5003, 2)]


class Server:
    def __init__(self, name: str, port: int, capacity: int):
        self.name, self.port = name, port
        self.command = [sys.executable, str(HERE / "server.py"), name, str(port), str(capacity)]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)

    def wait_until_it_listens(self):
        while self.process.poll() is None:
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", self.port)) == 0:
                    return say(f"{self.name} serves on http://127.0.0.1:{self.port}")
            time.sleep(0.05)
        sys.exit(f"{self.name} did not start (exit status {self.process.returncode})")

    def kill(self):
        self.process.kill()
        self.process.wait()


def say(text: str):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def disturb(servers: list[Server], period: float):
    """Kills one server after the other, for ever. Only one is away at a time."""
    for server in itertools.cycle(servers):
        time.sleep(period)
        server.kill()
        say(f"{server.name} killed")
        time.sleep(period / 2)
        server.start()
        server.wait_until_it_listens()


def main():
    parser = argparse.ArgumentParser(description="Starts three servers.")
    parser.add_argument("--disturb", type=float, metavar="SECONDS", help="kill one so often")
    arguments = parser.parse_args()
    # A plain `kill` ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    servers = [Server(*of) for of in SERVERS]
    try:
        for server in servers:
            server.start()
        for server in servers:
            server.wait_until_it_listens()
        if arguments.disturb:
            disturb(servers, arguments.disturb)
        while True:
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    finally:
        for server in servers:
            if server.process:
                server.kill()


if __name__ == "__main__":
    main()
