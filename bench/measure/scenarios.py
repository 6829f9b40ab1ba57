"""What is measured, as a table: each row a name, what it is, and how it differs from the usual."""

from dataclasses import dataclass

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class Scenario:
    """A closed-loop load: each connection sends when it has its answer."""
    name: str
    title: str
    connections: int = 64
    path: str = "/"
    upload: int = 0                 # bytes of a request body
    close: bool = False             # a new connection for each request
    endpoints: int = 3
    routes: int = 0
    access_log: bool = False
    workers: int = 1
    tunnels: bool = False
    least_s: int = 0                # a shorter round would be spent on opening connections
    quick: bool = False             # also measured by --quick
    goal: float = 0.0               # against the better of nginx and HAProxy


SCENARIOS = [
    Scenario("keepalive-1", "keep-alive, 1 connection, 128 B", connections=1),
    Scenario("keepalive-64", "keep-alive, 64 connections, 128 B", quick=True, goal=1.25),
    Scenario("keepalive-1000", "keep-alive, 1,000 connections, 128 B", connections=1000, least_s=3,
             quick=True, goal=1.6),
    Scenario("keepalive-10000", "keep-alive, 10,000 connections, 128 B", connections=10_000, least_s=8),
    Scenario("new-connections", "a new connection for each request", close=True, quick=True, goal=1.1),
    Scenario("response-1k", "responses of 1 KiB", path=f"/{KIB}"),
    Scenario("response-64k", "responses of 64 KiB", path=f"/{64 * KIB}", quick=True, goal=1.1),
    Scenario("response-1m", "responses of 1 MiB", path=f"/{MIB}", connections=16, goal=1.1),
    Scenario("response-100m", "responses of 100 MiB", path=f"/{100 * MIB}", connections=2),
    Scenario("upload-1k", "uploads of 1 KiB", upload=KIB),
    Scenario("upload-64k", "uploads of 64 KiB", upload=64 * KIB),
    Scenario("upload-1m", "uploads of 1 MiB", upload=MIB, connections=16),
    Scenario("chunked-1m", "chunked responses of 1 MiB", path=f"/chunked/{MIB}", connections=16),
    Scenario("tunnels-64", "messages through 64 WebSocket tunnels", tunnels=True),
    Scenario("access-log", "access log on, 64 connections", access_log=True),
    Scenario("endpoints-1", "1 endpoint", endpoints=1),
    Scenario("endpoints-100", "100 endpoints", endpoints=100),
    Scenario("endpoints-1000", "1,000 endpoints", endpoints=1000),
    Scenario("routes-1000", "1,000 routes", routes=1000),
    Scenario("workers-2", "two workers on two cores", workers=2),
]
