# SPDX-License-Identifier: BSD-2-Clause
"""The place where the end-to-end cases happen.

    I (inside)  --gust0--  gustd in H (host)  --veth--  W (world)

I has nothing but gust0: 10.111.0.1 / fd00:111::1 is the kernel's end,
10.111.0.2 / fd00:111::2 the stack. Servers in H listen on every address; from
the inside they are found at the stack's own address, which maps to H's
loopback. W is what lies beyond the host, reached by real routing.

With `plain` there is no gust: gust0 is a veth pair, and H's end has the
stack's address. Cases that only carry traffic must then pass too: that tests
the tests.
"""
import contextlib
import functools
import os
import re
import shutil
import subprocess
import time

import nssock
from netlab import ROOT, Gust, LabError, default_interface, rss_bytes, until

STACK = {4: "10.111.0.2", 6: "fd00:111::2"}
INSIDE = {4: "10.111.0.1", 6: "fd00:111::1"}
WORLD = {4: "198.51.100.2", 6: "2001:db8:51::2"}
HOST = {4: "198.51.100.1", 6: "2001:db8:51::1"}
FAM = {4: nssock.socket.AF_INET, 6: nssock.socket.AF_INET6}

EVERY = ("tun1", "tun2", "tap1", "tap2")
ALL = ("tun1", "tun2", "tap2")
SOME = ("tun1", "tap2")
PAIR = ("tun1", "tun2")  # where the link layer has no part in it
ONE = ("tun1",)

SANITIZER = re.compile(r"(ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer)")
BAD_LOG = re.compile(r"were not returned|Assertion .* failed|assertion failed")

CASES = []


class Failure(AssertionError):
    pass


def case(*variants, quick=True, plain=True, own=False, conf=None, timeout=60, long=False,
         light=False):
    """Register a case. VARIANTS: mode and workers. OWN: the case starts gustd
    itself. CONF: keyword arguments of Gust. QUICK: False leaves it out of
    --quick; a variant's name keeps only that one. LIGHT: carries little, so
    the start-up probe of the large forms is left out, which saves time."""
    def wrap(fn):
        @functools.wraps(fn)
        def run(rig):
            return fn(rig)
        run.name = fn.__name__.removeprefix("test_")
        run.variants = variants or SOME
        run.quick, run.plain, run.own, run.conf = quick, plain, own, conf or {}
        run.timeout, run.long, run.light = timeout, long, light
        CASES.append(run)
        return run
    return wrap


def check(cond, what):
    if not cond:
        raise Failure(what)


def equal(got, want, what):
    if got != want:
        raise Failure(f"{what}: {got!r}, expected {want!r}")


class Rig:
    def __init__(self, lab, build, plain=False, quick=False, long=False):
        self.lab, self.build, self.plain = lab, build, plain
        self.quick, self.long = quick, long
        self.sanitized = "asan" in build or "tsan" in build
        self.H, self.I, self.W = (lab.space(n) for n in ("H", "I", "W"))
        lab.veth(self.H, self.W, "w0", "h0", [HOST[4] + "/24", HOST[6] + "/64"],
                 [WORLD[4] + "/24", WORLD[6] + "/64"])
        lab.sysctl(self.H, "net.ipv4.ping_group_range", "0 2147483647")
        # no connection gets a server's port as its own
        for ns in (self.H, self.I, self.W):
            lab.sysctl(ns, "net.ipv4.ip_local_reserved_ports",
                       "2222,4433,4747,5200-5399,6379,8000-8099,15000,33000-33099")
        # answers to a test's own probes are not to be rationed by the kernel
        for ns in (self.H, self.I, self.W):
            lab.sysctl(ns, "net.ipv4.icmp_ratelimit", "0")
            lab.sysctl(ns, "net.ipv6.icmp.ratelimit", "0")
        if plain:
            lab.veth(self.I, self.H, "gust0", "g1", ["10.111.0.1/24", "fd00:111::1/64"],
                     ["10.111.0.2/24", "fd00:111::2/64"])
            for ns, fam, via in ((self.I, "-4", STACK[4]), (self.I, "-6", STACK[6]),
                                 (self.W, "-4", HOST[4]), (self.W, "-6", HOST[6])):
                lab.run(ns, "ip", fam, "route", "add", "default", "via", via)
            lab.sysctl(self.H, "net.ipv4.ip_forward", "1")
            lab.sysctl(self.H, "net.ipv6.conf.all.forwarding", "1")
        os.chmod(lab.dir, 0o755)
        self.data = self.data_dir()
        self.servers = {}
        self.gusts = []      # of the current case
        self.closing = []    # what the current case left to close
        self.notes = []
        self.gust = None
        self.variant = None

    # ---- what a case asks for ----

    @property
    def workers(self):
        return int(self.variant[-1])

    @property
    def mode(self):
        return self.variant[:-1]

    def note(self, text):
        """A few words for the line that says PASS."""
        self.notes.append(text)

    def start(self, workers=None, mode=None, host=None, inside=None, wait=True, **conf):
        """A gustd that the end of the case stops and checks."""
        self.kernel_forgets()
        conf.setdefault("top", "drain = 300")
        if "tcp {" not in conf.get("rest", ""):
            # a connection in TIME-WAIT counts as one
            conf["rest"] = conf.get("rest", "") + 'tcp { time_wait = "300 ms" }\n'
        g = Gust(self.lab, host or self.H, self.I if inside is None else inside,
                 build=self.build, mode=mode or self.mode, workers=workers or self.workers,
                 **conf)
        g.fds0 = count_fds(g.pid)
        g.rss0 = rss_bytes(g.pid)
        self.gusts.append(g)
        self.gust = g
        if wait:
            self.wait_addresses(g)
        return g

    def wait_addresses(self, g):
        """Duplicate address detection comes first on a tap."""
        if g.mode == "tap" and g.inside == self.I:
            for addr in STACK.values():
                until(lambda a=addr: self.inside("ping", "-n", "-q", "-c", "1", "-W", "0.2", a,
                                                 check=False).returncode == 0, 8,
                      f"an answer of {addr}")

    def kernel_forgets(self):
        """TCP metrics and path MTUs of earlier cases."""
        for fam in ("-4", "-6"):
            self.lab.run(self.I, "ip", fam, "tcp_metrics", "flush", check=False)
            self.lab.run(self.I, "ip", fam, "route", "flush", "cache", check=False)

    def keep(self, thing):
        """Closed when the case ends, whatever happens."""
        self.closing.append(thing)
        return thing

    def pair(self, fam=4, world=False, **kw):
        """A connection through gust: (inside's end, the other end)."""
        ns, addr = (self.W, WORLD[fam]) if world else (self.H, STACK[fam])
        a, b = nssock.pair(self.I, ns, addr, **kw)
        return self.keep(a), self.keep(b)

    def pairs(self):
        """Every kind of relayed connection."""
        for fam in (4, 6):
            for world in (False, True):
                yield self.pair(fam, world)

    def echo(self, fam=4, world=False, **kw):
        return self.keep(nssock.UdpEcho(self.W if world else self.H, FAM[fam], **kw))

    def run(self, ns, *cmd, **kw):
        return self.lab.run(ns, *cmd, **kw)

    def inside(self, *cmd, **kw):
        return self.lab.run(self.I, *cmd, **kw)

    def size(self, normal, quick):
        return quick if self.quick else normal

    # ---- servers that outlive a case ----

    def server(self, name, make):
        """Start once; MAKE returns a process and the port that it listens on."""
        if name not in self.servers:
            self.servers[name] = make()
        return self.servers[name][1]

    @staticmethod
    def data_dir():
        free = shutil.disk_usage("/dev/shm").free if os.path.isdir("/dev/shm") else 0
        base = "/dev/shm" if free > 6 << 30 else "/tmp"
        path = os.path.join(base, f"gust{os.getpid()}-data")
        os.makedirs(path, exist_ok=True)
        return path

    def file(self, n):
        """A file of N bytes that do not repeat, made once."""
        path = os.path.join(self.data, f"f{n}")
        if not os.path.exists(path):
            with open(path, "wb") as f:
                subprocess.run(["openssl", "enc", "-aes-128-ctr", "-nosalt", "-K", "67" * 16,
                                "-iv", "00" * 16, "-in", self.zeros(n)], stdout=f, check=True)
        return path

    def zeros(self, n):
        path = os.path.join(self.data, f"z{n}")
        with open(path, "wb") as f:
            f.truncate(n)
        return path

    # ---- the daemon's own view ----

    def status(self):
        return self.gust.ctl("status")

    def stats(self):
        return self.gust.ctl("stats")

    def drops(self):
        return self.stats()["total"]["drops"]

    def mss(self, sock):
        """Of gust's end of a connection whose inside end is SOCK."""
        ends = sock.getsockname()[:2] + sock.getpeername()[:2]
        return until(lambda: [f["tcp"]["mss"] for f in self.gust.ctl("flows")["flows"]
                              if f["proto"] == "tcp" and ends ==
                              (f["inside"], f["inside_port"], f["outside"],
                               f["outside_port"])], 2, "the connection in gustctl flows")[0]

    # ---- before and after a case ----

    def begin(self, fn, variant):
        self.variant, self.notes, self.gust = variant, [], None
        self.half_open = False  # the case leaves connections that never opened
        self.procs0 = list(self.lab.procs)
        if not self.plain and not fn.own:
            conf = dict(fn.conf)
            if fn.light:
                conf["top"] = conf.get("top", "drain = 300") + "\nselftest = false"
            self.start(**conf)
        if self.plain:
            self.kernel_forgets()

    def close_all(self):
        while self.closing:
            with contextlib.suppress(OSError):
                self.closing.pop().close()

    def end(self):
        """The case passed so far: everything must come back."""
        self.close_all()
        for g in self.gusts:
            if not self.half_open and g.proc and g.proc.poll() is None:
                self.returned(g)
        for g in list(self.gusts):
            self.stop(g)

    def returned(self, g):
        """Flows end and their descriptors are closed. What UDP and echo still
        map has one descriptor each."""
        def flows():
            return g.ctl("status")["flows"]
        try:
            until(lambda: not flows()["tcp"], 6, "connections to end")
        except LabError:
            left = [(f["kind"], f["inside_port"], f["host_port"], f["tcp"]["state"])
                    for f in g.ctl("flows")["flows"] if f["proto"] == "tcp"]
            raise Failure(f"{len(left)} connections are left: {left[:5]}") from None
        now = []

        def same():
            f = flows()
            now[:] = [count_fds(g.pid), g.fds0 + f["udp"] + f["echo"]]
            return now[0] <= now[1]
        try:
            until(same, 5, "descriptors")
        except LabError:
            raise Failure("%d descriptors open, expected %d" % tuple(now)) from None

    def stop(self, g, want=0):
        """SIGTERM; every packet and slab is back, nothing was reported."""
        if g not in self.gusts:
            return
        self.gusts.remove(g)
        t0 = time.monotonic()
        rc = g.stop()
        log = g.log()
        check(not SANITIZER.search(log), "sanitizer report")
        equal(rc, want, "exit status of gustd")
        check(not BAD_LOG.search(log), "gustd: " + grep(log, BAD_LOG))
        check(time.monotonic() - t0 < (15 if self.sanitized else 5), "gustd was slow to stop")

    def cleanup(self):
        """Whatever happened: nothing of this case is left."""
        self.close_all()
        for g in self.gusts:
            with contextlib.suppress(Exception):
                g.stop()
        self.gusts = []
        shared = {id(p) for p, _ in self.servers.values()}
        for p in list(self.lab.procs):
            if p not in self.procs0 and id(p) not in shared:
                self.lab.stop(p)

    def close(self):
        shutil.rmtree(self.data, ignore_errors=True)


def grep(text, pat):
    return "; ".join(line for line in text.splitlines() if pat.search(line))[:300]


def count_fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


__all__ = ["ALL", "CASES", "EVERY", "FAM", "Failure", "HOST", "INSIDE", "LabError", "ONE",
           "PAIR", "ROOT", "Rig", "SOME", "STACK", "WORLD", "case", "check", "count_fds",
           "default_interface", "equal", "grep", "rss_bytes", "until"]
