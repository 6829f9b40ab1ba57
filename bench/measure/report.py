"""The result for people (Markdown) and programs (JSON). Ratios first: absolute figures are the machine's."""

import json
import os

from .chart import bars
from .load import median, spread
from .scenarios import SCENARIOS

RIVALS = ("nginx", "haproxy")


class Report:
    """What is known so far; written anew after each part, so that a run that is cut short counts."""

    def __init__(self, folder, machine):
        self.folder, self.data = folder, dict(machine=machine, speed={}, behaviour={})

    def add_speed(self, scenario, samples, dropped):
        rows = {name: dict(
            rate=median(of, lambda s: s.rate), rate_spread=spread(of, lambda s: s.rate),
            user_us=median(of, lambda s: s.user_us), system_us=median(of, lambda s: s.system_us),
            per_cpu_second=median(of, lambda s: s.per_cpu_second),
            switches=median(of, lambda s: s.switches), resident_mib=median(of, lambda s: s.resident_mib),
            rounds=len(of)) for name, of in samples.items() if of}
        self.data["speed"][scenario.name] = dict(rows=rows, dropped=dropped)
        self.write()

    def add(self, part, value):
        self.data[part] = value
        self.write()

    def add_behaviour(self, name, value):
        self.data["behaviour"][name] = value
        self.write()

    def write(self):
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "results.json"), "w", encoding="utf-8") as file:
            json.dump(self.data, file, indent=1, sort_keys=True)
            file.write("\n")
        with open(os.path.join(self.folder, "results.md"), "w", encoding="utf-8") as file:
            file.write("\n".join(self.markdown()) + "\n")
        with open(os.path.join(self.folder, "chart.svg"), "w", encoding="utf-8") as file:
            file.write(bars(self.ratios()))

    def ratios(self):
        """Requests per CPU second against Roundel's, by scenario and proxy."""
        found = {}
        for scenario in SCENARIOS:
            rows = self.data["speed"].get(scenario.name, {}).get("rows", {})
            own = rows.get("roundel", {}).get("per_cpu_second")
            if own:
                found[scenario.title] = {name: row["per_cpu_second"] / own for name, row in rows.items()}
        return found

    def markdown(self):
        machine = self.data["machine"]
        versions = ", ".join(f"{name} {text}".strip() for name, text in machine["versions"].items())
        yield "# Results"
        yield ""
        yield f"Measured on {machine['date']} at commit {machine['commit']}."
        yield (f"{machine['cores']} cores of {machine['cpu']}, {machine['memory_gib']} GiB, "
               f"Linux {machine['kernel']}.")
        yield f"Proxies: {versions}."
        yield f"Each proxy {machine.get('cage', 'pinned')}."
        if "ceiling" in self.data:
            yield f"The load and one responder alone reach {self.data['ceiling']:,.0f} requests per second."
        yield ""
        yield "![requests per CPU second, Roundel = 1](chart.svg)"
        yield from self.speed_table()
        yield from self.other_tables()

    def speed_table(self):
        for scenario in SCENARIOS:
            part = self.data["speed"].get(scenario.name)
            if not part:
                continue
            rows = part["rows"]
            yield ""
            yield f"## {scenario.title[0].upper()}{scenario.title[1:]}"
            yield ""
            yield ("| proxy | requests/s | ± | user µs | kernel µs | requests per CPU second | switches "
                   "| resident MiB | rounds |")
            yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
            for name, row in sorted(rows.items(), key=lambda pair: -pair[1]["per_cpu_second"]):
                yield (f"| {name} | {row['rate']:,.0f} | {row['rate_spread']:.0%} | {row['user_us']:.2f} "
                       f"| {row['system_us']:.2f} | {row['per_cpu_second']:,.0f} | {row['switches']:.2f} "
                       f"| {row['resident_mib']:.1f} | {row['rounds']} |")
            yield ""
            yield self.verdict(scenario, rows)
            for name, failures in part["dropped"].items():
                yield f"Dropped rounds of {name}: {'; '.join(failures)}."

    def verdict(self, scenario, rows):
        own = rows.get("roundel")
        rivals = [rows[name]["per_cpu_second"] for name in RIVALS if name in rows]
        if not own or not rivals:
            return ""
        ratio = own["per_cpu_second"] / max(rivals)
        goal = f" (goal {scenario.goal:.2f}×)" if scenario.goal else ""
        return f"Roundel does {ratio:.2f}× the better of nginx and HAProxy{goal}."

    def other_tables(self):
        for part, title in (("idle_memory", "10,000 idle connections"), ("latency", "Latency at a fixed rate"),
                            ("start", "Start and reload with 1,000 endpoints"),
                            ("system_calls", "System calls per request")):
            if part in self.data:
                yield from table(title, self.data[part])
        for name, rows in self.data["behaviour"].items():
            yield from table(f"Behaviour: {name}", rows)


def table(title, rows):
    columns = sorted({column for row in rows.values() for column in row})
    yield ""
    yield f"## {title}"
    yield ""
    yield "| proxy | " + " | ".join(columns) + " |"
    yield "|---|" + "---:|" * len(columns)
    for name, row in rows.items():
        yield f"| {name} | " + " | ".join(show(row.get(column)) for column in columns) + " |"


def show(value):
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {count}" for key, count in value.items()) or "none"
    return f"{value:,}" if isinstance(value, int) else str(value)
