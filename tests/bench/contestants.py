# SPDX-License-Identifier: BSD-2-Clause
"""The paths that scripts/bench relay compares: each joins a client namespace to
a server on a host, and says where the client finds the server."""
import os
import shutil
import time

from netlab import ROOT, Gust, LabError, cpu_ms, rss_bytes, until

SERVICES = 'services { echo = true\n discard = true\n chargen = true }\n'


class Path:
    """client: namespace of the client; server: of the server; addr: where the
    client finds it; pid: whose CPU time is the path's own (None: the kernel)."""
    name = ""
    pid = None

    def __init__(self, lab):
        self.lab = lab
        self.client = self.server = self.addr = None

    def cpu(self):
        return cpu_ms(self.pid) if self.pid else None

    def rss(self):
        return rss_bytes(self.pid) if self.pid else None

    def servers(self, tools):
        lab = self.lab
        lab.start(self.server, "iperf3", "-s", "-p", "5201")
        lab.start(self.server, tools.tcpload, "serve", "5202")
        lab.start(self.server, tools.udpgso, "serve", "5203")
        for port in (5201, 5202):
            lab.wait_port(self.server, port)
        lab.wait_port(self.server, 5203, "udp")


class Veth(Path):
    name = "veth"

    def __init__(self, lab, tools):
        super().__init__(lab)
        self.server, self.client = lab.space("veth-h"), lab.space("veth-i")
        lab.veth(self.server, self.client, "v0", "v1", ["10.112.0.2/24"], ["10.112.0.1/24"])
        self.addr = "10.112.0.2"
        self.servers(tools)


class Loopback(Path):
    name = "loopback"

    def __init__(self, lab, tools):
        super().__init__(lab)
        self.server = self.client = lab.space("lo")
        self.addr = "127.0.0.1"
        self.servers(tools)


class Bare(Path):
    name = "bare"

    def __init__(self, lab, tools):
        super().__init__(lab)
        self.server, self.client = lab.space("bare-h"), lab.space("bare-i")
        self.addr = "10.113.0.2"
        p = lab.start(self.server, tools.bare, "-i", "bare0", "-n",
                      f"/run/netns/{self.client}", log="bare.log")
        until(lambda: "ready" in lab.log("bare.log") or p.poll() is not None, 5, "bare")
        if p.poll() is not None:
            raise LabError("bare: " + lab.log("bare.log"))
        self.pid = p.pid
        for cmd in (["addr", "add", "10.113.0.1", "peer", "10.113.0.2", "dev", "bare0"],
                    ["link", "set", "bare0", "mtu", "1500", "txqueuelen", "4096", "up"],
                    ["link", "set", "bare0", "gro_max_size", "524280"]):
            lab.run(self.client, "ip", *cmd)
        self.servers(tools)


class GustPath(Path):
    name = "gust"

    def __init__(self, lab, tools, workers="auto"):
        super().__init__(lab)
        self.server, self.client = lab.space("gust-h"), lab.space("gust-i")
        self.addr = "10.111.0.2"
        self.gust = Gust(lab, self.server, self.client, build=tools.build, workers=workers,
                         rest=SERVICES + 'limits { flows = 262144\n }\n')
        self.pid = self.gust.pid
        self.start_rss = self.rss()
        self.servers(tools)


class Pasta(Path):
    name = "pasta"

    def __init__(self, lab, tools):
        super().__init__(lab)
        exe = shutil.which("pasta")
        if not exe:
            raise LabError("pasta is not installed")
        self.server, self.client = lab.space("pasta-h"), lab.space("pasta-i")
        far = lab.space("pasta-o")  # pasta copies the addresses of a real interface
        lab.veth(self.server, far, "v0", "v1", ["10.114.0.1/24"], ["10.114.0.254/24"])
        lab.run(self.server, "ip", "route", "add", "default", "via", "10.114.0.254")
        self.addr = "10.114.0.254"  # the gateway is mapped to the host's loopback
        p = lab.start(self.server, exe, "-f", "--config-net", "--runas", "0", "--netns",
                      f"/run/netns/{self.client}", "--ipv4-only", log="pasta.log")
        self.pid = p.pid
        until(lambda: "10.114.0.1" in lab.run(self.client, "ip", "addr").stdout
              or p.poll() is not None, 5, "pasta's interface")
        if p.poll() is not None:
            raise LabError("pasta: " + lab.log("pasta.log"))
        self.servers(tools)


class Slirp(Path):
    name = "slirp4netns"

    def __init__(self, lab, tools):
        super().__init__(lab)
        exe = shutil.which("slirp4netns")
        if not exe:
            raise LabError("slirp4netns is not installed")
        self.server, self.client = lab.space("slirp-h"), lab.space("slirp-i")
        self.addr = "10.0.2.2"
        p = lab.start(self.server, exe, "--configure", "--mtu=1500", "--netns-type=path",
                      f"/run/netns/{self.client}", "tap0", log="slirp.log")
        self.pid = p.pid
        until(lambda: "10.0.2.100" in lab.run(self.client, "ip", "addr").stdout
              or p.poll() is not None, 5, "slirp4netns' interface")
        if p.poll() is not None:
            raise LabError("slirp4netns: " + lab.log("slirp.log"))
        time.sleep(0.2)
        self.servers(tools)


class Tools:
    def __init__(self, build):
        self.build = build
        base = os.path.join(ROOT, build, "tests", "bench")
        for t in ("bare", "udpgso", "tcpload"):
            setattr(self, t, os.path.join(base, t))
