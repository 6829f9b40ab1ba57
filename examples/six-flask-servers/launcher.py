"""Starts every server that a Roundel configuration lists, and keeps them running.

    python launcher.py
    python launcher.py --config roundel.toml --restart-after 5

The configuration is read again when it changes: a new line starts a server, a line taken out stops
one. A server that ends is started again. Ctrl-C ends them all.
"""

import argparse
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOOK_EVERY = 0.2  # seconds between two looks at the servers and the file
GRACE = 5  # seconds that a server has to end when told to


def listed(config: Path) -> dict[str, str]:
    """The port of each server, by its name."""
    pools = tomllib.loads(config.read_text(encoding="utf-8"))["pool"].values()
    endpoints = [endpoint for pool in pools for endpoint in pool["endpoints"]]
    return {endpoint["name"]: endpoint["address"].rpartition(":")[2] for endpoint in endpoints}


class Server:
    """One server process, started again after a pause when it ends."""

    def __init__(self, name: str, port: str, restart_after: float):
        self.name, self.port, self.restart_after = name, port, restart_after
        self.restart_at = None
        self.start()

    def start(self):
        command = [sys.executable, str(HERE / "server.py"), self.name, self.port]
        # Neither Flask's banner nor its warning about production is news here.
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        say(f"{self.name} started: http://127.0.0.1:{self.port} (process {self.process.pid})")

    def look(self):
        """Notices that the process has ended, and starts it again when the time has come."""
        if self.process.poll() is None:
            return
        now = time.monotonic()
        if self.restart_at is None:
            self.restart_at = now + self.restart_after
            say(f"{self.name} ended; starts again in {self.restart_after:g} s")
        elif now >= self.restart_at:
            self.restart_at = None
            self.start()

    def stop(self):
        try:
            self.process.terminate()
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        say(f"{self.name} stopped")


def say(text: str):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def follow(config: Path, servers: dict[str, Server], restart_after: float):
    """Starts and stops servers so that they are those of the list."""
    wanted = listed(config)
    for name, server in list(servers.items()):
        if wanted.get(name) != server.port:
            servers.pop(name).stop()
    for name, port in wanted.items():
        if name not in servers:
            servers[name] = Server(name, port, restart_after)


def watch(config: Path, restart_after: float, servers: dict[str, Server]):
    """Runs until interrupted."""
    seen = None
    while True:
        try:
            changed = config.stat().st_mtime_ns
            if changed != seen:
                seen = changed
                follow(config, servers, restart_after)
        except (OSError, KeyError, tomllib.TOMLDecodeError) as error:
            # An editor may be in the middle of saving it; the servers stay as they are.
            if not servers:
                sys.exit(f"{config}: {error!r}")
            say(f"{config.name} is not usable: {error!r}")
        for server in servers.values():
            server.look()
        time.sleep(LOOK_EVERY)


def main():
    parser = argparse.ArgumentParser(description="Starts the servers of a Roundel configuration.")
    parser.add_argument("--config", type=Path, default=HERE / "roundel.toml")
    parser.add_argument("--restart-after", type=float, default=5, metavar="SECONDS")
    arguments = parser.parse_args()
    # A plain `kill` ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    servers = {}
    try:
        watch(arguments.config, arguments.restart_after, servers)
    except KeyboardInterrupt:
        pass
    finally:
        for server in servers.values():
            server.stop()


if __name__ == "__main__":
    main()
