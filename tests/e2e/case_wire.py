# SPDX-License-Identifier: BSD-2-Clause
"""gust-wire: two namespaces joined by a wire that carries superpackets whole, or by
a bad one."""
import errno
import json
import os
import random
import re
import signal
import socket
import struct
import time

import nssock
from netlab import until
from rig import ROOT, case, check, equal

A = {4: "10.120.0.1", 6: "fd00:120::1"}
B = {4: "10.120.0.2", 6: "fd00:120::2"}
BOTH = ("tap1", "tun1")


class Wire:
    """A gust-wire between two namespaces of its own."""

    def __init__(self, rig, *args):
        self.rig, lab = rig, rig.lab
        if not hasattr(rig, "wire_spaces"):
            rig.wire_spaces = [lab.space("wa"), lab.space("wb")]
        self.A, self.B = rig.wire_spaces
        self.tag = f"wire{len(os.listdir(lab.dir))}"
        self.out = os.path.join(lab.dir, self.tag + ".json")
        cmd = [os.path.join(ROOT, rig.build, "gust-wire"), "--json", "--up",
               "--netns-a", self.A, "--netns-b", self.B, *args, "a0", "b0"]
        if rig.mode == "tun":
            cmd.insert(1, "--tun")
        with open(self.out, "w") as f, \
                open(os.path.join(lab.dir, self.tag + ".log"), "w") as log:
            self.proc = lab.start(None, *cmd, stdout=f, stderr=log)
        until(lambda: "are joined" in self.log() or self.proc.poll() is not None, 10,
              "gust-wire to start")
        check(self.proc.poll() is None, f"gust-wire ended: {self.log()}")
        for ns, dev, addr in ((self.A, "a0", A), (self.B, "b0", B)):
            lab.run(ns, "ip", "addr", "add", addr[4] + "/24", "dev", dev)
            lab.run(ns, "ip", "addr", "add", addr[6] + "/64", "dev", dev, "nodad")

    def log(self):
        return self.rig.lab.log(self.tag + ".log")

    def stop(self):
        """SIGTERM; what it counted."""
        rc = self.rig.lab.stop(self.proc, 15)
        equal(rc, 0, f"exit status of gust-wire ({self.log()})")
        check("were not returned" not in self.log() and "Sanitizer" not in self.log()
              and "runtime error" not in self.log(), self.log())
        with open(self.out) as f:
            st = json.load(f)
        for name, p in st["plugins"].items():
            equal(p["faults"], 0, f"faults of plugin {name}")
        return st

    def pair(self, fam, back=False):
        """A connection across the wire."""
        a, b = (self.B, self.A) if back else (self.A, self.B)
        x, y = nssock.pair(a, b, (A if back else B)[fam])
        return self.rig.keep(x), self.rig.keep(y)

    def transfer(self, n, fams=(4, 6), timeout=60):
        """Byte by byte the same, both ways at a time."""
        for fam in fams:
            a, b = self.pair(fam)
            back = nssock.Job(nssock.transfer, b, a, n, timeout=timeout)
            nssock.transfer(a, b, n, timeout=timeout)
            back.wait(timeout)
            a.close()
            b.close()

    def ping(self, fam, *args, count=1):
        return self.rig.lab.run(self.A, "ping", "-n", "-c", count, "-W", 3, *args, B[fam],
                                check=False)


def rtt(text):
    """The smallest round trip of a ping, milliseconds."""
    m = re.search(r"= ([\d.]+)/", text)
    check(m, f"no answer: {text[-200:]}")
    return float(m.group(1))


@case(*BOTH, own=True, plain=False)
def test_wire_whole(rig):
    """Superpackets pass as they are: nothing cut, nothing touched, nothing lost."""
    w = Wire(rig)
    w.transfer(rig.size(64 << 20, 8 << 20))
    st = w.stop()
    for end in "ab":
        d = st[end]
        check(d["rx_super"] > 50, f"{d['rx_super']} superpackets from {end}")
        check(d["tx_super"] >= d["rx_super"], "superpackets became fewer")
        equal((d["cut"], d["csum"], d["refused"]), (0, 0, 0), "cut, summed, refused")
        check("tx-tcp-segmentation" in d["granted"], "TSO was not granted")
    equal(st["drops"], {}, "drops")
    rig.note(f"{(st['a']['tx_bytes'] + st['b']['tx_bytes']) // (st['a']['tx_packets'] + st['b']['tx_packets'])} bytes a packet")


@case(*BOTH, own=True, plain=False)
def test_wire_merge(rig):
    """A sender without offloads: singles come in, superpackets leave."""
    w = Wire(rig)
    rig.run(w.A, "ethtool", "-K", "a0", "tso", "off", "gso", "off")
    w.transfer(rig.size(32 << 20, 4 << 20))
    st = w.stop()["a"]
    equal(st["rx_super"], 0, "superpackets from the sender")
    check(st["merged"] > st["rx_packets"] // 4, f"{st['merged']} of {st['rx_packets']} merged")
    check(st["tx_super"] > 20, f"{st['tx_super']} superpackets left")


@case(*BOTH, own=True, plain=False)
def test_wire_without(rig):
    """--no-offload: packets of the MTU's size, whole checksums."""
    w = Wire(rig, "--no-offload", "csum,gro")
    w.transfer(rig.size(8 << 20, 2 << 20))
    st = w.stop()
    for end in "ab":
        d = st[end]
        equal((d["rx_super"], d["tx_super"], d["merged"]), (0, 0, 0), "superpackets, merged")
        equal((d["granted"], d["takes"]), ([], []), "offloads")


@case("tun1", own=True, plain=False)
def test_wire_mtu(rig):
    """The far end's MTU is smaller: superpackets of larger segments do not fit, and
    path MTU discovery is the sender's affair; equal again, they pass."""
    w = Wire(rig)
    for ns, dev in ((w.A, "a0"), (w.B, "b0")):
        rig.run(ns, "ip", "link", "set", dev, "mtu", 9000)
    time.sleep(1.2)  # it is looked at once a second
    equal(w.ping(4, "-s", 8000, "-M", "do").returncode, 0, "ping of 8000 bytes")
    w.transfer(4 << 20)
    rig.run(w.B, "ip", "link", "set", "b0", "mtu", 1500)
    time.sleep(1.2)
    check(w.ping(4, "-s", 8000, "-M", "do").returncode != 0, "8000 bytes through 1500")
    st = w.stop()
    check(st["drops"].get("too_big"), f"drops: {st['drops']}")
    equal((st["a"]["mtu"], st["b"]["mtu"]), (9000, 1500), "MTUs")


@case(*BOTH, own=True, plain=False)
def test_wire_iperf(rig):
    w = Wire(rig)
    srv = rig.lab.start(w.B, "iperf3", "-s", "-p", "5299", log="iperf-wire.log")
    rig.lab.wait_port(w.B, 5299)
    for args in ((), ("-R",), ("-u", "-b", "50M"), ("-u", "-b", "50M", "-R")):
        r = rig.run(w.A, "iperf3", "-c", B[4], "-p", "5299", "-t", "1", "-J", *args)
        s = json.loads(r.stdout)["end"]
        if "-u" in args:
            check(s["sum"]["lost_percent"] < 5, f"{s['sum']['lost_percent']} % lost {args}")
        else:
            check(s["sum_received"]["bits_per_second"] > 50e6, f"slow {args}")
            rig.note(f"{s['sum_received']['bits_per_second'] / 1e9:.1f} Gbit/s")
    rig.lab.stop(srv)
    w.stop()


@case(*BOTH, own=True, plain=False)
def test_wire_loss(rig):
    """One packet in a hundred is lost, others are doubled, changed and late: TCP's
    bytes are the same."""
    w = Wire(rig, "--impair", "loss 1%, duplicate 0.5%, corrupt 0.2%, reorder 0.5%, seed 42")
    w.transfer(rig.size(8 << 20, 2 << 20), timeout=100)
    st = w.stop()
    p = st["plugins"]["impair"]
    for what in ("lost", "duplicated", "corrupted", "reordered"):
        check(p[what] > 0, f"none {what}: {p}")
    share = p["lost"] / p["in"]
    check(0.005 < share < 0.02, f"{share:.3%} lost")
    equal(st["drops"]["impaired"], p["lost"] + p["limited"], "impaired")
    rig.note(f"{p['lost']} of {p['in']} lost")


def fins(rig, ns, dev):
    """tcpdump that counts FINs to port 15001."""
    p = rig.lab.start(ns, "tcpdump", "-n", "-l", "-i", dev, "--immediate-mode",
                      "tcp[tcpflags] & tcp-fin != 0 and dst port 15001",
                      log=f"fins-{dev}-{len(os.listdir(rig.lab.dir))}.log")
    name = sorted((n for n in os.listdir(rig.lab.dir) if n.startswith(f"fins-{dev}-")),
                  key=lambda n: int(re.search(r"(\d+)\.log", n).group(1)))[-1]
    until(lambda: "listening on" in rig.lab.log(name), 10, "tcpdump")
    return p, lambda: rig.lab.log(name).count("Flags [F")


@case(*BOTH, own=True, plain=False)
def test_wire_second_fin(rig):
    """ "drop fin 2": seen on one side, missing on the other, and sent again."""
    w = Wire(rig, "--impair", "tx: drop fin 2 port 15001")
    server = rig.keep(nssock.listen(w.B, socket.AF_INET, B[4], 15001))
    dumps = [fins(rig, w.A, "a0"), fins(rig, w.B, "b0")]
    for i in range(3):
        a = rig.keep(nssock.connect(w.A, B[4], 15001))
        b = rig.keep(server.accept()[0])
        a.sendall(b"bye")
        equal(nssock.recv_exact(b, 3), b"bye", "data")
        t0 = time.monotonic()
        a.shutdown(socket.SHUT_WR)
        equal(b.recv(1), b"", "end of the stream")
        late = time.monotonic() - t0 > 0.15
        equal(late, i == 1, f"was the end of connection {i + 1} late?")
        b.close()
        a.close()
    until(lambda: dumps[0][1]() >= 4 and dumps[1][1]() >= 3, 5,
          "four FINs sent, three seen")
    equal((dumps[0][1](), dumps[1][1]()), (4, 3), "FINs sent and seen")
    for p, _ in dumps:
        rig.lab.stop(p)
    equal(w.stop()["plugins"]["impair"]["lost"], 1, "lost")


@case("tap1", own=True, plain=False)
def test_wire_delay(rig):
    w = Wire(rig)
    for fam in (4, 6):
        check(rtt(w.ping(fam, count=3).stdout) < 15, "a good wire is slow")
    w.stop()
    w = Wire(rig, "--impair", "tx: delay 30ms; rx: delay 10ms jitter 2ms ordered")
    for fam in (4, 6):
        ms = rtt(w.ping(fam, "-i", "0.2", count=4).stdout)
        check(37 < ms < 60, f"round trip of {ms} ms, expected 38 to 42")
    st = w.stop()
    check(st["plugins"]["impair"]["delayed"] >= 16, "delayed packets")


@case("tap1", own=True, plain=False)
def test_wire_rate(rig):
    w = Wire(rig, "--impair", "tx: rate 20mbit, limit 100")
    srv = rig.lab.start(w.B, "iperf3", "-s", "-p", "5298", log="iperf-rate.log")
    rig.lab.wait_port(w.B, 5298)
    r = rig.run(w.A, "iperf3", "-c", B[4], "-p", "5298", "-t", "2", "-J")
    got = json.loads(r.stdout)["end"]["sum_received"]["bits_per_second"] / 1e6
    check(13 < got < 20.5, f"{got:.1f} Mbit/s through 20")
    rig.lab.stop(srv)
    p = w.stop()["plugins"]["impair"]
    check(p["delayed"] > 100, f"{p}")
    rig.note(f"{got:.1f} Mbit/s")


@case(*BOTH, own=True, plain=False)
def test_wire_other_protocols(rig):
    """ICMP errors come back; on a tap, ARP passes and an unknown ethertype does not."""
    w = Wire(rig)
    for fam in (4, 6):
        equal(w.ping(fam, "-s", 20000).returncode, 0, f"IPv{fam} ping of 20000 bytes")
        s = rig.keep(nssock.udp(w.A, to=(B[fam], 9)))
        s.send(b"anyone?")
        equal(nssock.errno_of(s.recv, 10), errno.ECONNREFUSED, "UDP to a closed port")
    if rig.mode == "tap":
        check("lladdr" in rig.run(w.A, "ip", "neigh", "show", B[4]).stdout, "no ARP answer")
        with nssock.inside(w.A):
            s = rig.keep(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        s.bind(("a0", 0))
        s.send(b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + bytes(50))
        time.sleep(0.2)
    drops = w.stop()["drops"]
    equal(drops.get("bad_ethertype", 0), 1 if rig.mode == "tap" else 0, "unknown ethertype")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def sctp(tsn, n, rnd):
    """One DATA chunk."""
    body = bytes(rnd.randrange(256) for _ in range(n))
    chunk = struct.pack(">BBHIHHI", 0, 3, 16 + n, tsn, 1, tsn, 0) + body + bytes(-n % 4)
    head = struct.pack(">HHI", 40000, 50000, 0xC0FFEE)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk


@case(*BOTH, own=True, plain=False)
def test_wire_sctp(rig):
    """SCTP: merged by fragment list, cut again, every byte and CRC the same."""
    rnd = random.Random(6)
    w = Wire(rig)
    w.ping(4)  # neighbours are known
    tx = rig.keep(nssock.make(w.A, socket.AF_INET, socket.SOCK_RAW, 132))
    rx = rig.keep(nssock.make(w.B, socket.AF_INET, socket.SOCK_RAW, 132))
    sent = [sctp(i, rnd.randrange(1, 1400), rnd) for i in range(40)]
    os.kill(w.proc.pid, signal.SIGSTOP)  # so that they wait together
    try:
        for p in sent:
            tx.sendto(p, (B[4], 0))
    finally:
        os.kill(w.proc.pid, signal.SIGCONT)
    for i, p in enumerate(sent):
        equal(rx.recv(2000)[20:], p, f"SCTP packet {i}")
    st = w.stop()
    check(st["plugins"]["sctp"]["merged"] > 10, f"{st['plugins']['sctp']}")
    check(st["a"]["cut"] > 0 and st["a"]["csum"] == 0, f"{st['a']}")


@case("tun1", own=True, plain=False)
def test_wire_wrong(rig):
    """Wrong options: the word, and what was expected."""
    prog = os.path.join(ROOT, rig.build, "gust-wire")
    for args, status, words in (
            (("--impair", "loss 1", "x0", "x1"), 1, ('"1"', "such as 0.5%")),
            (("--impair", "drop fim 2", "x0", "x1"), 1, ('"fim"', "syn-ack")),
            (("--no-offload", "tso,gso", "x0", "x1"), 2, ('"gso"', "uso")),
            (("--seconds", "2s", "x0", "x1"), 2, ('"2s"',)),
            (("--netns-a", "no-such-space", "x0", "x1"), 1, ("no-such-space",)),
            (("x0",), 2, ("usage",)),
            (("a-name-that-is-too-long", "x1"), 1, ("15 bytes",))):
        r = rig.lab.run(rig.W, prog, *args, check=False, timeout=10)
        equal(r.returncode, status, f"exit status of {args}: {r.stdout}")
        for word in words:
            check(word in r.stdout, f"{args}: says {r.stdout!r}, expected {word}")
    r = rig.lab.run(rig.W, prog, "--seconds", "1", "x0", "x1", timeout=20)
    check("x0 -> x1:" in r.stdout, r.stdout)


__all__ = [n for n in globals() if n.startswith("test_")]
