"""Rounds of a scenario, alternating between the proxies, and what else is told by figures."""

import os
import re
import socket
import subprocess
import time

from .cage import Cage
from .field import Field
from .load import closed, finish_pulse, start_pulse
from .peers import PEERS
from .process import Usage

WARM_UP_S = 1
IDLE_CONNECTIONS = 10_000


def measure(scenario, names, folder, rounds, seconds, say):
    """Samples by proxy. Rounds in which a request failed are dropped, and told."""
    cpus = 2 if scenario.workers > 1 else 1
    cage = Cage(0.5 * cpus, cpus)
    samples, dropped = {name: [] for name in names}, {}
    try:
        with Field(folder, names, endpoints=scenario.endpoints, cage=cage, routes=scenario.routes,
                   workers=scenario.workers, access_log=scenario.access_log) as field:
            pids = {name: field.proxies[name].tree() for name in names}
            for turn in range(rounds + 1):
                for name in names:
                    length = max(WARM_UP_S if turn == 0 else seconds, scenario.least_s)
                    try:
                        sample = closed(scenario, field.port(name), length, pids[name], folder)
                    except RuntimeError as error:
                        dropped.setdefault(name, []).append(str(error))
                        say(f"  {name:8} {error}")
                        continue
                    say(f"  {name:8} {sample.rate:10.0f}/s {sample.cost_us:8.2f} us {sample.failures}")
                    if turn == 0:
                        continue
                    if sample.failures:
                        dropped.setdefault(name, []).append(sample.failures)
                    else:
                        samples[name].append(sample)
    finally:
        cage.remove()
    return samples, dropped


def ceiling(folder, seconds=2):
    """Requests per second of a responder without a proxy: what the load itself can do."""
    from .scenarios import SCENARIOS
    usual = next(scenario for scenario in SCENARIOS if scenario.name == "keepalive-64")
    with Field(folder, [], endpoints=1) as field:
        process, port = next(iter(field.backends.values()))
        return closed(usual, port, seconds, [process.pid], folder).rate


def system_calls(name, folder, seconds=2):
    """System calls per request by `strace -c`, which slows the proxy down but not what it does."""
    with Field(folder, [name]) as field:
        process = field.proxies[name]
        pids = process.tree()
        trace = os.path.join(folder, "strace")
        attach = [argument for pid in pids for argument in ("-p", str(pid))]
        tracer = subprocess.Popen(["strace", "-f", "-c", "-o", trace, *attach], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        load = finish_pulse(start_pulse(field.port(name), 1000, seconds, 64))
        tracer.send_signal(2)
        tracer.wait(20)
        with open(trace, encoding="utf-8") as file:
            total = re.search(r"(\d+)\s+(?:\d+\s+)?total$", file.read(), re.M)
        return int(total.group(1)) / max(len(load.rows), 1) if total else None


def idle_memory(names, folder, say):
    """Resident KiB in all, and per connection, with many idle kept client connections."""
    result = {}
    with Field(folder, names) as field:
        for name in names:
            pids = field.proxies[name].tree()
            before = Usage(pids).resident_kib
            held, trouble = [], None
            try:
                for _ in range(IDLE_CONNECTIONS):
                    held.append(one_exchange(field.port(name)))
            except (OSError, RuntimeError) as error:
                trouble = f"{error} after {len(held)} connections"
            time.sleep(1)
            after = Usage(pids).resident_kib
            for one in held:
                one.close()
            result[name] = dict(connections=len(held), resident_mib=after / 1024,
                                each_kib=(after - before) / max(len(held), 1), trouble=trouble)
            say(f"  {name:8} {result[name]}")
    return result


def one_exchange(port):
    one = socket.create_connection(("127.0.0.1", port), 10)
    one.settimeout(10)
    one.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
    got = b""
    while not got.endswith(b"x" * 128):
        more = one.recv(4096)
        if not more:
            raise RuntimeError(f"connection closed after {got!r}")
        got += more
    return one


def latency(names, folder, rate, seconds, say):
    """Percentiles in milliseconds at a fixed rate that every proxy can bear, in an open loop."""
    result = {}
    cage = Cage(0.5)
    try:
        with Field(folder, names, cage=cage) as field:
            for name in names:
                pulse = finish_pulse(start_pulse(field.port(name), rate, seconds, 64))
                result[name] = dict(p50=pulse.percentile(0.5), p99=pulse.percentile(0.99),
                                    p999=pulse.percentile(0.999), failures=len(pulse.failures))
                say(f"  {name:8} {result[name]}")
    finally:
        cage.remove()
    return result


def start_and_reload(names, folder, say, endpoints=1000):
    """Seconds from the start to the first answer, and from a reload to the first answer of the
    new configuration, with many endpoints."""
    result = {}
    for name in names:
        with Field(os.path.join(folder, name), [], endpoints=endpoints) as field:
            begin = time.monotonic()
            field.names = [name]
            field.start_proxy(name)
            started = time.monotonic() - begin
            reloaded = None
            if PEERS[name].reload:
                reloaded = time_reload(field, name)
        result[name] = dict(start_s=started, reload_s=reloaded)
        say(f"  {name:8} {result[name]}")
    return result


def time_reload(field, name, patience=30):
    from .process import free_ports
    port = free_ports(1)[0]
    field.start_backend("new", port)
    setup = field.setups[name]
    setup.endpoints = [port]
    begin = time.monotonic()
    PEERS[name].reload(setup, field.proxies[name])
    while time.monotonic() - begin < patience:
        if b"X-Responder: new" in answer(setup.listen) or b"x-responder: new" in answer(setup.listen):
            return time.monotonic() - begin
    return None


def answer(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as one:
            one.settimeout(2)
            one.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
            return one.recv(4096)
    except OSError:
        return b""
