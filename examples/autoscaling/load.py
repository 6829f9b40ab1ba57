"""Load that goes up, down and away, and how many instances there are for it.

    python load.py
    python load.py --phases 20x30,4x30,0x30     (clients x seconds)

Prints a line each second. Exit status 1 when any request failed.
"""

import argparse
import signal
import sys
import threading
import time

import requests

URL = "http://127.0.0.1:8080/"
STATS = "http://127.0.0.1:8090/stats"


class Load:
    """Clients that send one request after the other, as many as are wanted at the moment."""

    def __init__(self):
        self.wanted = 0
        self.clients = []
        self.lock = threading.Lock()
        self.answered = 0
        self.failed = 0

    def follow(self, wanted: int):
        self.wanted = wanted
        while len(self.clients) < wanted:
            client = threading.Thread(target=self.ask, args=(len(self.clients),))
            self.clients.append(client)
            client.start()
        for client in self.clients[wanted:]:
            client.join()
        del self.clients[wanted:]

    def ask(self, index: int):
        with requests.Session() as session:
            while index < self.wanted:
                try:
                    good = session.get(URL, timeout=60).ok
                except requests.RequestException:
                    good = False
                with self.lock:
                    self.answered += good
                    self.failed += not good


def instances() -> int:
    """How many instances take requests."""
    stats = requests.get(STATS, headers={"Accept": "application/json"}, timeout=10).json()
    endpoints = [endpoint for pool in stats["pools"] for endpoint in pool["endpoints"]]
    return sum(endpoint["eligible"] for endpoint in endpoints)


def phases(text: str) -> list[tuple[int, int]]:
    pairs = [phase.split("x") for phase in text.split(",")]
    return [(int(clients), int(seconds)) for clients, seconds in pairs]


def main():
    parser = argparse.ArgumentParser(description="Load that goes up, down and away.")
    parser.add_argument("--phases", type=phases, default="2x10,24x40,4x40,0x40")
    arguments = parser.parse_args()
    # A flag, since an exception is lost when the signal comes while Python tidies up a connection.
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: end.set())
    load = Load()
    try:
        for clients, seconds in arguments.phases:
            if end.is_set():
                break
            load.follow(clients)
            for _ in range(seconds):
                if end.wait(1):
                    break
                print(
                    f"{time.strftime('%H:%M:%S')} {clients} clients, {instances()} instances, "
                    f"{load.answered} answered, {load.failed} failed",
                    flush=True,
                )
    finally:
        load.follow(0)
    sys.exit(1 if load.failed else 0)


if __name__ == "__main__":
    main()
