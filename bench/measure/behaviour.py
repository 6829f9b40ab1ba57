"""What users see when a server fails or the proxy is changed, under a steady open-loop load."""

import os
import time
from dataclasses import dataclass

from .field import GOES_ON, KILLED, STOPPED, Field
from .load import finish_pulse, start_pulse
from .peers import PEERS
from .process import free_ports

RATE, SECONDS, AT = 2000, 12, 3.0
# So many that those which wait for a hung server leave enough for the others' turns.
CONNECTIONS = 1000
VICTIM = "r1"


@dataclass(frozen=True)
class Drill:
    """Something that happens while the load runs, after `AT` seconds."""
    name: str
    title: str
    act: object
    can: object = lambda peer: True


def kill(field, _name):
    field.backend(VICTIM).signal(KILLED)


def hang(field, _name):
    field.backend(VICTIM).signal(STOPPED)


def restart(field, _name):
    process, port = field.backends[VICTIM]
    process.signal(KILLED)
    process.child.wait(5)
    time.sleep(2)
    field.start_backend(VICTIM, port)


def reload(field, name):
    setup = field.setups[name]
    port = free_ports(1)[0]
    field.start_backend("new", port)
    for _ in range(3):
        setup.endpoints = [*setup.endpoints, port] if port not in setup.endpoints else setup.endpoints[:-1]
        PEERS[name].reload(setup, field.proxies[name])
        time.sleep(1)


DRILLS = [
    Drill("kill", "a server is killed (SIGKILL)", kill),
    Drill("hang", "a server hangs (SIGSTOP)", hang),
    Drill("restart", "a server is killed and back after 2 s", restart),
    Drill("reload", "three reloads that add and remove a server", reload, lambda peer: peer.reload is not None),
]


def drill(what, name, folder, say, method="GET"):
    """One drill with one proxy: failures, and how long the failed server kept getting requests."""
    with Field(os.path.join(folder, name), [name]) as field:
        load = start_pulse(field.port(name), RATE, SECONDS, CONNECTIONS, method)
        time.sleep(AT + 0.1)
        what.act(field, name)
        pulse = finish_pulse(load)
        if what.name == "hang":
            field.backend(VICTIM).signal(GOES_ON)
    slow = sum(1 for row in pulse.rows if row[1] > 1000)
    result = dict(requests=len(pulse.rows), failures=len(pulse.failures), slower_than_1s=slow,
                  p99_ms=pulse.percentile(0.99), kinds=kinds(pulse))
    if what.name == "restart":
        result["regains_share_s"] = pulse.regains(VICTIM, AT + 2.0, 0.25)
    say(f"  {name:8} {result}")
    return result


def kinds(pulse):
    found = {}
    for _, _, status, who in pulse.failures:
        key = str(status) if status else who
        found[key] = found.get(key, 0) + 1
    return found


def stop(name, folder, say):
    """SIGTERM to the proxy under load: exchanges that had begun and were cut, connections aside."""
    with Field(os.path.join(folder, name), [name]) as field:
        load = start_pulse(field.port(name), RATE, 6)
        time.sleep(AT)
        field.proxies[name].signal(3 if name == "nginx" else 10 if name == "haproxy" else 15)
        pulse = finish_pulse(load)
    cut = [row for row in pulse.failures if row[3] not in ("ConnectionRefused",)]
    result = dict(requests=len(pulse.rows), cut=len(cut))
    say(f"  {name:8} {result}")
    return result


def slow_server(name, balance, folder, say):
    """p99 with one of three servers ten times slower than the others."""
    with Field(os.path.join(folder, name, balance), [], balance=balance) as field:
        for number, delay in enumerate((1, 1, 10)):
            process, port = field.backends[f"r{number}"]
            process.end()
            field.start_backend(f"r{number}", port, delay)
        field.start_proxy(name)
        pulse = finish_pulse(start_pulse(field.port(name), 200, SECONDS, 64))
    result = dict(p50_ms=pulse.percentile(0.5), p99_ms=pulse.percentile(0.99), failures=len(pulse.failures))
    say(f"  {name:8} {balance:14} {result}")
    return result
