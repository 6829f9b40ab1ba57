"""A field of play: responders, and the proxies of one scenario in their cage."""

import os
import signal

from .cage import PROXY_CPU, Cage
from .peers import PEERS, Setup, yard
from .process import Process, free_ports


class Field:
    """Use as a context: what was started is ended."""

    def __init__(self, folder, names, endpoints=3, cage=None, **setup):
        self.folder, self.names, self.cage = folder, names, cage
        self.endpoints, self.setup = endpoints, setup
        self.backends, self.proxies, self.setups = {}, {}, {}

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        try:
            for number, port in enumerate(free_ports(self.endpoints)):
                self.start_backend(f"r{number}", port)
            for name in self.names:
                self.start_proxy(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in [*self.proxies.values(), *(process for process, _ in self.backends.values())]:
            process.end()

    def start_backend(self, name, port, delay_ms=0):
        log = os.path.join(self.folder, f"{name}.log")
        process = Process([yard("responder"), str(port), name, str(delay_ms)], log)
        process.wait_for(port)
        self.backends[name] = (process, port)

    def backend(self, name):
        return self.backends[name][0]

    def start_proxy(self, name):
        listen, admin = free_ports(2)
        folder = os.path.join(self.folder, name)
        ports = [port for _, port in self.backends.values()]
        setup = Setup(folder, listen, admin, ports, **self.setup)
        os.makedirs(folder, exist_ok=True)
        peer = PEERS[name]
        cpus = self.cage.cpus if self.cage else 1
        process = Process([peer.program(), *peer.command(setup)], os.path.join(folder, "log"), cpu=PROXY_CPU,
                          env={"GOMAXPROCS": str(self.setup.get("workers", 1)), "XDG_DATA_HOME": folder,
                               "XDG_CONFIG_HOME": folder})
        self.proxies[name], self.setups[name] = process, setup
        process.wait_for(listen)
        if self.cage and cpus:
            self.cage.hold(process.tree())

    def port(self, name):
        return self.setups[name].listen


def make_cage(share, cpus=1):
    return Cage(share, cpus)


STOPPED, GOES_ON, KILLED = signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL
