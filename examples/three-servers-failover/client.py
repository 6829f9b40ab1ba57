"""Many clients at once; counts who answered and what failed.

    python client.py
    python client.py --clients 12 --seconds 30
    python client.py --requests 600

Exit status 1 when any request failed.
"""

import argparse
import collections
import itertools
import signal
import sys
import threading
import time

import requests

URL = "http://127.0.0.1:8080/"


class Client(threading.Thread):
    """Sends one request after the other on a connection of its own."""

    def __init__(self, numbers, end: threading.Event):
        super().__init__()
        self.numbers, self.end = numbers, end
        self.answers = collections.Counter()
        self.failures = collections.Counter()

    def run(self):
        with requests.Session() as session:
            for _ in self.numbers:
                if self.end.is_set():
                    return
                self.ask(session)

    def ask(self, session):
        try:
            response = session.get(URL, timeout=30)
        except requests.RequestException as error:
            self.failures[type(error).__name__] += 1
            return
        text = response.text.strip()
        if response.ok and text.startswith("Hello from "):
            self.answers[text.removeprefix("Hello from ")] += 1
        else:
            self.failures[f"{response.status_code} {text[:60]}"] += 1


class Numbers:
    """Hands out so many numbers to all threads together."""

    def __init__(self, count: int | None):
        self.lock = threading.Lock()
        self.numbers = iter(range(count)) if count else itertools.count()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.numbers)


def report(clients: list[Client], took: float) -> bool:
    """Prints the counts; whether nothing failed."""
    answers = sum((client.answers for client in clients), collections.Counter())
    failures = sum((client.failures for client in clients), collections.Counter())
    total = sum(answers.values())
    for name, count in sorted(answers.items()):
        print(f"{name}: {count} answers, {100 * count / total:.1f} %")
    for what, count in failures.items():
        print(f"  {what}: {count}")
    print(f"{total} answered, {sum(failures.values())} failed, {total / took:.0f} a second")
    return not failures


def main():
    parser = argparse.ArgumentParser(description="Many clients at once.")
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--requests", type=int, help="so many altogether instead of a time")
    arguments = parser.parse_args()
    end = threading.Event()
    # A plain `kill` ends it as Ctrl-C does: early, and with the counts so far.
    signal.signal(signal.SIGTERM, lambda *_: end.set())
    numbers = Numbers(arguments.requests)
    clients = [Client(numbers, end) for _ in range(arguments.clients)]
    start = time.monotonic()
    for client in clients:
        client.start()
    try:
        if not arguments.requests:
            end.wait(arguments.seconds)
            end.set()
        for client in clients:
            client.join()
    except KeyboardInterrupt:
        end.set()
        for client in clients:
            client.join()
    sys.exit(0 if report(clients, time.monotonic() - start) else 1)


if __name__ == "__main__":
    main()
