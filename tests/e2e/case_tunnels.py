# SPDX-License-Identifier: BSD-2-Clause
"""gust-wire with tunnels: two namespaces joined through one tunnel or several inside
each other, over a veth pair or over UDP sockets; every byte compared."""
import os
import random
import socket
import subprocess

import nssock
from netlab import until
from rig import ROOT, case, check, equal

A = {4: "10.121.0.1", 6: "fd00:121::1"}
B = {4: "10.121.0.2", 6: "fd00:121::2"}
UDP_PORT = {"vxlan": 4789, "geneve": 6081, "gue": 6080, "fou": 5555}
FRAMES = ("vxlan", "geneve", "gretap")


def spec(text, level, outermost, end, v6):
    """One tunnel's text: kind and words; each level has addresses of its own."""
    kind, *words = text.split()
    net = 9 if outermost else 20 + level
    addr = [f"fd67:{net}::{k}" if v6 else f"198.18.{net}.{k}" for k in (1, 2)]
    out = [kind, *words, "local", addr[end], "remote", addr[1 - end]]
    if kind in UDP_PORT:
        out += ["port", str(UDP_PORT[kind] + level)]
    if kind in ("vxlan", "geneve"):
        out += ["id", str(100 + level)]
    return " ".join(out)


class Tunnels:
    """gust-wire at both ends of a veth pair."""

    def __init__(self, rig, chain, underlay="packet", v6=False):
        self.rig, self.lab = rig, rig.lab
        if not hasattr(rig, "tunnel_spaces"):
            s = [rig.lab.space(n) for n in ("ta", "tb", "ua", "ub")]
            rig.lab.veth(s[2], s[3], "u0", "u1")
            for ns, dev, k in ((s[2], "u0", 1), (s[3], "u1", 2)):
                # kernel addresses, for sockets; a packet underlay has its own
                rig.lab.run(ns, "ip", "addr", "add", f"198.18.9.{10 + k}/24", "dev", dev)
                until(lambda ns=ns, dev=dev: "state UP" in rig.lab.run(
                    ns, "ip", "link", "show", dev).stdout, 5, f"{dev} up")
            rig.tunnel_spaces = s
        ta, tb, ua, ub = rig.tunnel_spaces
        self.A, self.B = ta, tb
        self.tag = f"tun{len(os.listdir(rig.lab.dir))}"
        self.procs = []
        first = chain[0].split()[0]
        tun = first not in FRAMES
        for end, (inner, outer, dev) in enumerate(((ta, ua, "u0"), (tb, ub, "u1"))):
            cmd = [os.path.join(ROOT, rig.build, "gust-wire"), "--up", "--netns-a", inner,
                   "--netns-b", outer, "--underlay", underlay]
            if tun:
                cmd.append("--tun")
            for level, text in enumerate(chain):
                last = level == len(chain) - 1
                t = spec(text, level, last, end, v6)
                if last and underlay == "udp":
                    t = t.replace("198.18.9.1 ", "198.18.9.11 ").replace(
                        "198.18.9.2 ", "198.18.9.12 ")
                cmd += ["--tunnel", t]
            cmd += ["t0", "-" if underlay == "udp" else dev]
            self.procs.append(rig.lab.start(None, *cmd, log=f"{self.tag}-{end}.log"))
        for end, ns in enumerate((ta, tb)):
            until(lambda end=end: "are joined" in self.log(end) or
                  self.procs[end].poll() is not None, 10, "gust-wire to start")
            check(self.procs[end].poll() is None, f"gust-wire ended: {self.log(end)}")
            addr = (A, B)[end]
            rig.lab.run(ns, "ip", "link", "set", "t0", "mtu", "1280")
            rig.lab.run(ns, "ip", "addr", "add", addr[4] + "/24", "dev", "t0")
            rig.lab.run(ns, "ip", "addr", "add", addr[6] + "/64", "dev", "t0", "nodad")
        until(lambda: rig.lab.run(ta, "ping", "-n", "-q", "-c", "1", "-W", "0.2", B[4],
                                  check=False).returncode == 0, 12,
              f"an answer through {' in '.join(chain)} ({self.log(0)})")

    def log(self, end):
        return self.lab.log(f"{self.tag}-{end}.log")

    def transfer(self, n):
        for fam in (4, 6):
            a, b = nssock.pair(self.A, self.B, B[fam])
            back = nssock.Job(nssock.transfer, b, a, n, timeout=60)
            nssock.transfer(a, b, n, timeout=60)
            back.wait(60)
            a.close()
            b.close()

    def datagrams(self, n):
        """UDP of all sizes, fragments included."""
        rnd = random.Random(n)
        rx = self.rig.keep(nssock.make(self.B, socket.AF_INET, socket.SOCK_DGRAM))
        tx = self.rig.keep(nssock.make(self.A, socket.AF_INET, socket.SOCK_DGRAM))
        rx.bind((B[4], 0))
        rx.settimeout(5)
        for _ in range(n):
            p = rnd.randbytes(rnd.choice((0, 1, 100, 1000, 1252, 4000)))
            tx.sendto(p, rx.getsockname())
            equal(rx.recv(65536), p, "datagram")

    def stop(self):
        for end, p in enumerate(self.procs):
            equal(self.lab.stop(p, 15), 0, f"exit status of gust-wire ({self.log(end)})")
            log = self.log(end)
            check("were not returned" not in log and "Sanitizer" not in log and
                  "runtime error" not in log and "faults" not in log, log)


def through(rig, chain, n=3 << 20, **kw):
    t = Tunnels(rig, chain, **kw)
    t.transfer(rig.size(n, n // 4))
    t.datagrams(20)
    t.stop()


@case("tun1", own=True, plain=False, timeout=180)
def test_tunnels_kinds(rig):
    """Each kind by itself, over a veth pair."""
    for chain in (["vxlan"], ["vxlan csum"], ["geneve"], ["gre"], ["gre csum key 7 seq"],
                  ["gretap"], ["ipip"], ["gue"], ["fou"]):
        if chain[0].split()[0] in ("ipip", "fou"):
            continue  # one family inside: below
        through(rig, chain)


@case("tun1", own=True, plain=False, timeout=180)
def test_tunnels_nested(rig):
    """Inside each other, to a depth of four."""
    for chain in (["vxlan", "vxlan", "vxlan"], ["vxlan", "gre"], ["gretap", "geneve", "vxlan"],
                  ["vxlan", "ipip", "gue", "vxlan"]):
        through(rig, chain)


@case("tun1", own=True, plain=False, timeout=120)
def test_tunnels_ip6(rig):
    """IPv6 outside."""
    for chain in (["vxlan csum"], ["gre", "geneve"]):
        through(rig, chain, v6=True)


@case("tun1", own=True, plain=False, timeout=120)
def test_tunnels_socket(rig):
    """Over UDP sockets, without privilege on the underlay."""
    for chain in (["vxlan"], ["gre", "vxlan"], ["vxlan", "geneve", "vxlan"]):
        through(rig, chain, underlay="udp")


@case("tun1", own=True, plain=False)
def test_tunnels_wrong(rig):
    """What is wrong with a tunnel's text is said."""
    prog = os.path.join(ROOT, rig.build, "gust-wire")
    for args, words in (
            (["--tunnel", "vxlan"], "--tunnel needs --underlay"),
            (["--underlay", "udp"], "udp needs a tunnel"),
            (["--underlay", "x"], '"x": expected tap, packet or udp'),
            (["--underlay", "packet", "--tunnel", "vxlan id 1"], "local ADDRESS and remote"),
            (["--underlay", "packet", "--tunnel", "vxlan local x"], '"x": expected an address'),
            (["--underlay", "packet", "--tunnel", "vxlan id 1 local 1.2.3.4 remote fd00::1"],
             "of one family"),
            (["--underlay", "packet", "--tunnel", "wx local 1.2.3.4 remote 1.2.3.5"],
             'no active plugin makes tunnels of kind "wx"'),
            (["--underlay", "packet", "--tunnel", "vxlan id 99999999 local 1.2.3.4 remote 1.2.3.5"],
             "24"),
            (["--underlay", "packet", "--tunnel", "vxlan foo local 1.2.3.4 remote 1.2.3.5"],
             '"foo": expected local, remote')):
        r = subprocess.run([prog, *args, "x0", "x1"], capture_output=True, text=True, timeout=20)
        check(r.returncode in (1, 2) and words in r.stderr,
              f"{args}: exit {r.returncode}: {r.stderr!r}")
