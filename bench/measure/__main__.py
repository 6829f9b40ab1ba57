"""`python3 -m measure`: see --help. `cargo xtask bench` builds what it needs and calls it."""

import argparse
import os
import sys
import tempfile

from . import behaviour, machine, speed
from .cage import Cage
from .peers import HERE, PEERS, install
from .process import raise_limit
from .report import Report
from .scenarios import SCENARIOS

USUAL = "nginx,haproxy,envoy,traefik,caddy,pingora,floor"


def arguments():
    parser = argparse.ArgumentParser(prog="cargo xtask bench", description="Measures Roundel against its peers.")
    parser.add_argument("--quick", action="store_true", help="few scenarios, short rounds: some minutes")
    parser.add_argument("--peers", default=USUAL, metavar="NAMES", help=f"among {USUAL}")
    parser.add_argument("--scenarios", default="", metavar="NAMES", help="only these: --list shows them")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each proxy, alternating")
    parser.add_argument("--seconds", type=int, default=3, help="length of a round")
    parser.add_argument("--parts", default="speed,memory,latency,start,calls,behaviour", metavar="NAMES")
    parser.add_argument("--out", default=os.path.join(HERE, "results"), metavar="FOLDER")
    parser.add_argument("--list", action="store_true", help="print the scenarios and end")
    given = parser.parse_args()
    names = [name for name in given.peers.split(",") if name]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        parser.error(f"no such peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    if given.quick:
        given.rounds, given.seconds = min(given.rounds, 3), min(given.seconds, 2)
    given.names = [*(name for name in names if name != "roundel"), "roundel"]
    return given


def chosen(given):
    wanted = [name for name in given.scenarios.split(",") if name]
    unknown = [name for name in wanted if name not in [scenario.name for scenario in SCENARIOS]]
    if unknown:
        sys.exit(f"error: no such scenario: {', '.join(unknown)}; --list shows them")
    if wanted:
        return [scenario for scenario in SCENARIOS if scenario.name in wanted]
    return [scenario for scenario in SCENARIOS if scenario.quick or not given.quick]


def main():
    given = arguments()
    if given.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:16} {scenario.title}{'  (quick)' if scenario.quick else ''}")
        return 0
    raise_limit()
    install([PEERS[name] for name in given.names])
    about = machine.describe(given.names)
    cage = Cage(0.5)
    about["cage"] = cage.kind
    cage.remove()
    report = Report(given.out, about)
    parts = given.parts.split(",")
    with tempfile.TemporaryDirectory(prefix="roundel-bench-") as folder:
        run(given, parts, report, folder)
    print(f"\nwritten: {given.out}/results.md, results.json, chart.svg")
    return 0


def run(given, parts, report, folder):
    def place(name):
        return os.path.join(folder, name)

    whole = [name for name in given.names if name != "floor"]
    if "speed" in parts:
        report.add("ceiling", speed.ceiling(place("ceiling")))
        for scenario in chosen(given):
            # The floor is no proxy: it knows neither bodies nor tunnels nor logs.
            is_plain = not (scenario.upload or scenario.tunnels or scenario.close or scenario.access_log or scenario.routes)
            can_floor = is_plain and scenario.workers == 1 and "chunked" not in scenario.path
            names = given.names if can_floor else whole
            print(f"\n{scenario.title}")
            report.add_speed(scenario, *speed.measure(
                scenario, names, place(scenario.name), given.rounds, given.seconds, print))
    if "memory" in parts:
        print("\nidle connections")
        report.add("idle_memory", speed.idle_memory(whole, place("idle"), print))
    if "latency" in parts:
        rates = [row["rate"] for name, row in
                 report.data["speed"].get("keepalive-64", {}).get("rows", {}).items() if name != "floor"]
        rate = int(0.7 * min(rates)) if rates else 2000
        print(f"\nlatency at {rate} requests per second: 70 % of what the slowest can do")
        report.add("latency", speed.latency(whole, place("latency"), rate, 10, print))
    if "start" in parts:
        print("\nstart and reload with 1,000 endpoints")
        report.add("start", speed.start_and_reload(whole, place("start"), print))
    if "calls" in parts:
        print("\nsystem calls per request")
        report.add("system_calls", {name: dict(calls=speed.system_calls(name, place(f"calls-{name}")))
                                    for name in given.names})
    if "behaviour" in parts:
        run_behaviour(whole, report, place, print)


def run_behaviour(names, report, place, say):
    for what in behaviour.DRILLS:
        print(f"\n{what.title}")
        able = [name for name in names if what.can(PEERS[name])]
        report.add_behaviour(what.title, {
            name: behaviour.drill(what, name, place(what.name), say) for name in able})
    print("\ngraceful stop")
    report.add_behaviour("graceful stop under load", {
        name: behaviour.stop(name, place("stop"), say) for name in names})
    for balance in ("round_robin", "p2c", "least_request"):
        print(f"\none of three servers ten times slower, {balance}")
        able = [name for name in names if name in ("roundel", "haproxy", "envoy", "caddy")]
        report.add_behaviour(f"one server of three ten times slower, {balance}", {
            name: behaviour.slow_server(name, balance, place("slow"), say) for name in able})


sys.exit(main())
