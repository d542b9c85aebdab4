# SPDX-License-Identifier: BSD-2-Clause
"""gustctl capture: both views, read back with tshark, which shares nothing with
the code that wrote them."""
import contextlib
import glob
import json
import os
import random
import re
import select
import signal
import socket
import subprocess
import time

import nssock
from rig import FAM, STACK, case, check, count_fds, default_interface, equal, rss_bytes, until

UDP_SEGMENT = 103
SUPER, WIRE = 0, 1  # frame.interface_id with --view both


class Capture:
    """A running gustctl capture in the background."""

    def __init__(self, rig, *args, path=None, wait=True, **kw):
        self.path = path or os.path.join(rig.lab.dir, f"cap-{time.monotonic_ns()}.pcapng")
        self.err = None
        self.proc = rig.lab.start(None, os.path.join(rig.gust.build, "gustctl"), "-s",
                                  rig.gust.sock, "capture", "-w", self.path, *args,
                                  stderr=subprocess.PIPE, text=True, **kw)
        if wait:
            until(lambda: os.path.exists(self.path) and os.path.getsize(self.path) > 100, 5,
                  "the file's header")

    def end(self, sig=signal.SIGINT, want=0):
        """Interrupt it; returns its last line: (captured, wire, dropped)."""
        if sig and self.proc.poll() is None:
            self.proc.send_signal(sig)
        self.err = self.proc.communicate(timeout=30)[1]
        equal(self.proc.returncode, want, f"exit status of gustctl ({self.err})")
        m = re.search(r"(\d+) packets captured, (?:(\d+) on the wire, )?(\d+) dropped", self.err)
        check(m, f"no summary: {self.err!r}")
        return tuple(int(n or 0) for n in m.groups())


def tshark(path, *args, fields=(), display=None):
    """Lines of tshark; FIELDS makes each a list."""
    cmd = ["tshark", "-n", "-r", path]
    for pref in ("tcp.check_checksum", "udp.check_checksum", "ip.check_checksum"):
        cmd += ["-o", pref + ":TRUE"]
    if display:
        cmd += ["-Y", display]
    if fields:
        cmd += ["-T", "fields"] + [x for f in fields for x in ("-e", f)]
    r = subprocess.run(cmd + list(args), capture_output=True, text=True, timeout=120, check=False)
    equal(r.returncode, 0, f"exit status of tshark: {r.stderr}")
    check("cut short" not in r.stderr and "damaged" not in r.stderr, r.stderr)
    lines = r.stdout.splitlines()
    return [line.split("\t") for line in lines] if fields else lines


def capinfos(path):
    r = subprocess.run(["capinfos", path], capture_output=True, text=True, check=False)
    equal(r.returncode, 0, f"capinfos {path}: {r.stdout}{r.stderr}")
    return r.stdout


def check_links(path):
    """Every comment of a file of both views names the right packets. Returns the
    number of superpackets."""
    rows = tshark(path, fields=("frame.number", "frame.interface_id", "frame.comment",
                                "frame.packet_id", "frame.len"))
    frames = {int(n): (int(i), c, p, int(length)) for n, i, c, p, length in rows}
    linked, supers = set(), 0
    for n, (i, comment, pid, length) in frames.items():
        if i != SUPER:
            continue
        m = re.search(r"wire packets? #(\d+)(?:-#(\d+))?", comment)
        check(m, f"#{n} names no wire packets: {comment}")
        a, b = int(m[1]), int(m[2] or m[1])
        equal(a, n + 1, f"first wire packet of #{n}")
        m = re.match(r"superpacket: gso_type \w+, gso_size (\d+), (\d+) segments, layers .*"
                     r"payload@(\d+).*checksum (owed|verified|as it is), (in|out), worker \d+",
                     comment)
        if m:
            supers += 1
            size, segs, head = int(m[1]), int(m[2]), int(m[3])
            equal(b - a + 1, segs, f"wire packets of #{n}")
            check((segs - 1) * size < length - head <= segs * size, f"#{n}: {comment}, {length}")
        else:
            check(comment.startswith("plain packet, layers "), comment)
        for k in range(a, b + 1):
            linked.add(k)
            equal((frames[k][0], frames[k][2]), (WIRE, pid), f"view and packet id of #{k}")
            want = (f"segment {k - a + 1} of {b - a + 1} of superpacket #{n}," if m else
                    f"the same as packet #{n},")
            check(frames[k][1].startswith(want), f"#{k}: {frames[k][1]!r}, expected {want!r}")
    equal(linked, {n for n, f in frames.items() if f[0] == WIRE}, "wire packets named once")
    return supers


def check_wire(path, mtu, l2=False, display="frame.interface_id == 1"):
    """No wire packet is longer than the MTU, every checksum is right, nothing is
    malformed."""
    rows = tshark(path, display=display, fields=(
        "frame.number", "frame.len", "ip.checksum.status", "tcp.checksum.status",
        "udp.checksum.status"))
    check(rows, "no packets in the wire view")
    for n, length, *sums in rows:
        check(int(length) <= mtu + (14 if l2 else 0), f"#{n} has {length} bytes")
        check(all(s in ("", "1") for s in sums), f"#{n}: checksums {sums}")
    check(any(r[3] == "1" for r in rows) or any(r[4] == "1" for r in rows), "no checksum seen")
    equal(tshark(path, display="_ws.malformed"), [], "malformed packets")


def streams(path, port):
    """Both directions of the TCP connection at PORT as tshark puts them together."""
    wire = path + ".wire"
    tshark(path, "-w", wire, display=f"frame.interface_id == 1 && tcp.port == {port}")
    lines = tshark(wire, "-q", "-z", "follow,tcp,raw,0")
    data = [line for line in lines if re.fullmatch(r"\t?[0-9a-f]+", line)]
    return [bytes.fromhex("".join(s.strip() for s in data if s.startswith("\t") == server))
            for server in (False, True)]


def talk(a, b, up, down):
    """UP from A to B and DOWN back, with payload that is not the same twice."""
    for x, y, data in ((a, b, up), (b, a, down)):
        job = nssock.Job(x.sendall, data)
        equal(nssock.recv_exact(y, len(data)), data, "the stream itself")
        job.wait()


@case("tun2", "tap1", plain=False)
def test_capture_both(rig):
    """Both views of TCP up and down over both families."""
    cap = Capture(rig, "--view", "both")
    for fam in (4, 6):
        a, b = rig.pair(fam)
        up, down = random.randbytes(700001), random.randbytes(900001)
        port = b.getsockname()[1]
        talk(a, b, up, down)
        a.close()
        b.close()
        if fam == 4:
            port4, sent4 = port, (up, down)
    time.sleep(0.1)
    captured, wire, dropped = cap.end()
    equal(dropped, 0, "dropped")
    rows = tshark(cap.path, fields=("frame.interface_id", "frame.interface_name"))
    names = {tuple(r) for r in rows}
    equal(names, {("0", "gust0 (super)"), ("1", "gust0 (wire)")}, "interfaces")
    equal(sum(r[0] == "0" for r in rows), captured, "packets of the super view")
    equal(sum(r[0] == "1" for r in rows), wire, "packets of the wire view")
    supers = check_links(cap.path)
    check(supers >= 10, f"{supers} superpackets")
    check_wire(cap.path, 1500, rig.mode == "tap")
    got = streams(cap.path, port4)
    equal((got[0] == sent4[0], got[1] == sent4[1]), (True, True),
          f"the streams as tshark sees them ({len(got[0])}, {len(got[1])} bytes)")
    # a stream of the other family as well, without comparing it byte by byte
    check(tshark(cap.path, display="frame.interface_id == 1 && ipv6 && tcp.len > 0"), "IPv6")
    equal(tshark(cap.path, display="frame.interface_id == 1 && (tcp.analysis.ack_lost_segment "
                 "|| tcp.analysis.lost_segment)"), [], "holes in the wire view")
    both = {d: tshark(cap.path, display=f"frame.packet_flags_direction == {d}") for d in (1, 2)}
    check(both[1] and both[2], "packets of both directions")
    rig.note(f"{captured} packets, {supers} superpackets, {wire} on the wire")


@case("tun1", plain=False, quick=False)
def test_capture_big(rig):
    """Above 64 KB: both forms, whole in the wire view, snapped in the other."""
    lens = {}
    for fam in (4, 6):
        # written to memory: the disk would be what is measured
        cap = Capture(rig, "-B", "256M", "out")
        a, b = rig.pair(fam)
        nssock.transfer(b, a, 12 << 20)
        nssock.transfer(b, a, 12 << 20)
        a.close()
        b.close()
        time.sleep(0.1)
        equal(cap.end()[2], 0, "dropped")
        rows = tshark(cap.path, fields=("frame.interface_id", "frame.len", "frame.cap_len"))
        lens[fam] = max(int(r[1]) for r in rows if r[0] == "0")
        check(max(int(r[2]) for r in rows) <= 262144, "longer than Wireshark reads")
        check_links(cap.path)
        check_wire(cap.path, 1500)
        sent = sum(int(n) for (n,) in tshark(cap.path, fields=("tcp.len",),
                                             display="frame.interface_id == 1 && tcp.len > 0"))
        equal(sent, 24 << 20, "payload in the wire view")
        os.unlink(cap.path)
    big = rig.status()["traffic"]["tx_big"]
    check(not big or max(lens.values()) > 65575, f"the longest packets: {lens}")
    rig.note(f"longest {lens[4]} and {lens[6]} bytes")


@case("tun1", "tap2", plain=False)
def test_capture_udp(rig):
    """A superpacket of datagrams is what the wire carries as eleven."""
    cap = Capture(rig, "udp", "and", "super")
    for fam in (4, 6):
        with contextlib.closing(nssock.udp(rig.H, FAM[fam])) as s, contextlib.closing(
                nssock.udp(rig.I, to=(STACK[fam], nssock.port_of(s)))) as c:
            c.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
            c.send(nssock.pattern(0, 10500))
            got = b"".join(s.recv(2000) for _ in range(11))
            equal(got, nssock.pattern(0, 10500), "the datagrams")
    time.sleep(0.1)
    equal(cap.end(), (2, 22, 0), "packets")
    equal(check_links(cap.path), 2, "superpackets")
    check_wire(cap.path, 1500, rig.mode == "tap")
    rows = tshark(cap.path, display="frame.interface_id == 1", fields=("udp.length",))
    equal([int(r[0]) for r in rows], ([1008] * 10 + [508]) * 2, "datagrams")


@case("tun1", "tap1", plain=False)
def test_capture_views(rig):
    """Each view by itself, snapped, filtered; the filter is in the file."""
    a, b = rig.pair(4)
    other_a, other_b = rig.pair(6)
    port = b.getsockname()[1]
    caps = {v: Capture(rig, "--view", v, *extra, "tcp", "port", str(port), "and", "not", "ip6")
            for v, extra in (("super", ("-s", "100")), ("wire", ("-s", "80")))}
    for x, y in ((a, b), (other_a, other_b)):
        talk(x, y, random.randbytes(400000), random.randbytes(400000))
    time.sleep(0.1)
    n = {v: c.end() for v, c in caps.items()}
    for v, snap in (("super", 100), ("wire", 80)):
        rows = tshark(caps[v].path, fields=("frame.interface_name", "frame.cap_len", "frame.len",
                                            "tcp.port", "frame.comment", "ip.version"))
        equal(len(rows), n[v][0], f"packets of --view {v}")
        for name, have, length, ports, comment, version in rows:
            equal((name, version), (f"gust0 ({v})", "4"), "view and IP version")
            equal(int(have), min(int(length), snap), "captured length")
            check(str(port) in ports.split(","), f"ports {ports}")
            check("#" not in comment, f"a number that is nowhere: {comment}")
        check(f"tcp port {port} and not ip6" in capinfos(caps[v].path), "the filter's text")
        sizes = [int(r[2]) for r in rows]
        check(max(sizes) > 3000 if v == "super" else max(sizes) <= 1514, f"{v}: {max(sizes)}")
    check(n["wire"][0] > n["super"][0], f"counts {n}")


@case("tap1", plain=False, quick=False)
def test_capture_arp(rig):
    """Neighbour messages of a tap are there, as frames."""
    cap = Capture(rig, "--view", "wire", "arp")
    rig.inside("ip", "neigh", "flush", "dev", "gust0")
    rig.inside("ping", "-n", "-c", "1", "-W", "1", STACK[4])
    time.sleep(0.1)
    n = cap.end()[0]
    check(n >= 2, f"{n} packets")
    rows = tshark(cap.path, fields=("eth.type", "arp.opcode"))
    check({"1", "2"} <= {r[1] for r in rows} and {r[0] for r in rows} == {"0x0806"}, f"{rows}")


@case("tun1", "tun2", plain=False)
def test_capture_rotate(rig):
    """-C, -W and -G: every file stands by itself."""
    path = os.path.join(rig.lab.dir, "rot.pcapng")
    cap = Capture(rig, "-C", "1M", "-W", "3", path=path, wait=False)
    first = os.path.join(rig.lab.dir, "rot-00001.pcapng")
    until(lambda: os.path.exists(first), 5, "the first file")
    a, b = rig.pair(4)
    for _ in range(8):
        talk(a, b, random.randbytes(300000), random.randbytes(300000))
        time.sleep(0.02)
    time.sleep(0.1)
    equal(cap.end()[2], 0, "dropped")
    made = int(re.search(r"(\d+) files", cap.err)[1])
    check(made >= 6, f"{made} files")
    files = sorted(glob.glob(path.replace(".pcapng", "-*")))
    equal([int(f[-12:-7]) for f in files], [made - 2, made - 1, made], "the newest files")
    for f in files:
        capinfos(f)
        check(check_links(f) or f == files[-1], f"no superpackets in {f}")
        size = os.path.getsize(f)
        check(f == files[-1] or (1 << 20) <= size < (3 << 20), f"{f} has {size} bytes")
    path = os.path.join(rig.lab.dir, "sec.pcap")
    cap = Capture(rig, "-G", "1", path=path, wait=False)
    for _ in range(12):
        talk(a, b, b"x" * 1000, b"y" * 1000)
        time.sleep(0.2)
    total = cap.end()[0]
    files = sorted(glob.glob(path.replace(".pcap", "-*")))
    check(3 <= len(files) <= 5, f"files {files}")
    equal(sum(int(r[0] == "0") for f in files for r in tshark(f, fields=("frame.interface_id",))),
          total, "packets in all files")


@case("tun1", plain=False)
def test_capture_live(rig):
    """Into a pipe: packets come when they come, and every end is a clean one."""
    ctl = [os.path.join(rig.gust.build, "gustctl"), "-s", rig.gust.sock, "capture"]

    def ping(n=1):
        rig.inside("ping", "-n", "-c", n, "-i", "0.01", "-W", "1", STACK[4])
    # bytes appear as soon as there are packets, without an end
    with subprocess.Popen(ctl + ["icmp"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
        def grows(what):
            check(select.select([p.stdout], [], [], 2)[0], what)
            return os.read(p.stdout.fileno(), 65536)
        check(grows("no header").startswith(b"\x0a\x0d\x0d\x0a"), "not pcapng")
        for _ in range(3):
            ping()
            check(b"plain packet" in grows("no packet within 2 s"), "comment")
        p.send_signal(signal.SIGTERM)
        err = p.communicate(timeout=10)[1].decode()
        equal(p.returncode, 0, "exit status")
        check("6 packets captured" in err and " 0 dropped" in err, err)
    # tshark at the other end sees every packet when it happens
    live = subprocess.Popen(" ".join(ctl) + " -w - --view wire icmp 2>/dev/null | tshark -l -n "
                            "-r - -T fields -e icmp.type 2>/dev/null",
                            shell=True, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        end = time.monotonic() + 15
        while not select.select([live.stdout], [], [], 0.1)[0]:
            check(time.monotonic() < end, "tshark shows nothing")
            ping()
        equal(live.stdout.readline().strip(), "8", "type of the first packet")
    finally:
        os.killpg(live.pid, signal.SIGTERM)  # the group that was begun above
        live.wait(10)
        live.stdout.close()
    # -c, as in the manual
    r = subprocess.Popen(" ".join(ctl) + " -w - -c 20 icmp | tshark -n -r - -T fields -e "
                         "frame.number", shell=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    ping(15)
    out, err = r.communicate(timeout=20)
    equal((len(out.split()), r.returncode), (40, 0), f"20 packets in two views: {err}")
    check("20 packets captured, 20 on the wire, 0 dropped" in err, err)
    # a reader that has enough
    with subprocess.Popen(ctl + ["-w", "-"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as p:
        p.stdout.read(64)
        p.stdout.close()
        err = p.stderr.read().decode()
        equal(p.wait(10), 0, f"exit status after the reader left: {err}")
        check("packets captured" in err, err)


@case("tun1", "tun2", plain=False)
def test_capture_stalled(rig):
    """A reader that sleeps costs the traffic nothing, and memory up to a bound."""
    n = rig.size(64, 16) << 20
    a, b = rig.pair(4)

    def best():
        return min(min(nssock.transfer(a, b, n), nssock.transfer(b, a, n)) for _ in range(3))
    free = best()
    cap = Capture(rig, "-B", "8M")
    cap.proc.send_signal(signal.SIGSTOP)
    rss0 = rss_bytes(rig.gust.pid)
    stalled = best()
    grown = rss_bytes(rig.gust.pid) - rss0
    cap.proc.send_signal(signal.SIGCONT)
    time.sleep(0.3)
    talk(a, b, b"x" * 1000, b"y" * 1000)
    time.sleep(0.2)
    captured, _, dropped = cap.end()
    check(dropped > 100 and captured > 10, f"{captured} captured, {dropped} dropped")
    check(stalled < free * 2 + 0.05, f"{stalled:.3f} s with a sleeping reader, {free:.3f} without")
    if not rig.sanitized:
        # two rings of 8 MB at the most, the output, the pieces of one superpacket
        check(grown < 32e6, f"the daemon grew by {grown / 1e6:.1f} MB")
    check_links(cap.path)
    lost = [int(r[0]) for r in tshark(cap.path, fields=("frame.drop_count",)) if r[0]]
    equal(sum(lost), dropped, "the gaps in the file")
    rig.note(f"{dropped} dropped, {free / stalled * 100:.0f} % of the speed, "
             f"{grown / 1e6:.1f} MB")


@case("tun1", "tun2", plain=False)
def test_capture_several(rig):
    """Four at a time, no fifth; afterwards everything is as before."""
    fds = count_fds(rig.gust.pid)
    caps = [Capture(rig, "--view", v) for v in ("super", "wire", "both", "super")]
    r = rig.run(None, os.path.join(rig.gust.build, "gustctl"), "-s", rig.gust.sock, "capture",
                "-w", "/dev/null", check=False)
    equal(r.returncode, 1, "exit status")
    check("too many captures" in r.stdout, r.stdout)
    a, b = rig.pair(4)
    talk(a, b, random.randbytes(100000), random.randbytes(100000))
    a.close()
    b.close()
    time.sleep(0.4)
    caps[0].proc.kill()  # one dies
    caps[0].proc.wait()
    n = [c.end() for c in caps[1:]]
    equal(n[1][0], n[2][0], "two captures of the same packets")
    equal(n[0][0], n[1][1], "the wire view, alone and with the other")
    until(lambda: count_fds(rig.gust.pid) <= fds, 3, "the captures' descriptors")
    a, b = rig.pair(4)
    nssock.transfer(a, b, 4 << 20)


@case("tun1", plain=False, light=True)
def test_capture_refused(rig):
    """What is wrong is said, with its place, and status 2."""
    def run(*args):
        r = rig.run(None, os.path.join(rig.gust.build, "gustctl"), "-s", rig.gust.sock,
                    "capture", "-w", os.path.join(rig.lab.dir, "no.pcapng"), *args, check=False)
        return r.returncode, r.stdout
    for args, text in (
            (("tcp", "port", "http"), 'expected a port from 0 to 65535, or two with a - between '
             'them, not "http" (at byte 10)'),
            (("tcp", "and"), "not the end (at byte 8)"),
            (("(tcp",), "expected and, or or ), not the end (at byte 5)"),
            (("host", "10.0.0.0/33"), "expected a prefix length up to 32"),
            (("-i", "eth7"), 'there is no port "eth7", only "gust0"'),
            (("-s", "300000"), "-s takes a number from 0 to 262144"),
            (("-C", "10"), "-C takes a number from 65536"),
            (("-W", "3"), "-W counts the files that -C or -G make"),
            (("--view", "none"), "--view is super, wire or both")):
        code, out = run(*args)
        check(code == 2 and text in out, f"{args}: {code}, {out}")
    r = rig.run(None, os.path.join(rig.gust.build, "gustctl"), "-s", rig.gust.sock, "capture",
                "-w", "/nonexistent/x", check=False)
    check(r.returncode == 1 and "No such file" in r.stdout, r.stdout)
    check(not os.path.exists(os.path.join(rig.lab.dir, "no.pcapng")), "a file was made")


def raw_call(rig, params):
    """gust.Capture by hand: (socket, reply, bytes behind it)."""
    s = rig.keep(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    s.settimeout(5)
    s.connect(rig.gust.sock)
    s.sendall(json.dumps({"method": "gust.Capture", "parameters": params}).encode() + b"\0")
    got = b""
    while b"\0" not in got:
        part = s.recv(65536)
        check(part, "end of the stream")
        got += part
    head, rest = got.split(b"\0", 1)
    return s, json.loads(head), rest


@case("tun1", plain=False, light=True)
def test_capture_socket(rig):
    """The method itself: its reply, what is refused, a client that babbles."""
    for params, text in (({"view": "none"}, "view: expected"), ({"snaplen": 0}, "snaplen: "),
                         ({"snaplen": 1 << 30}, "snaplen: "), ({"count": -1}, "count: "),
                         ({"filter": 5}, "filter: expected text"), ({"what": 1}, "no parameter"),
                         ({"filter": "x" * 1001}, "filter: longer than 1000 bytes"),
                         ({"filter": "tcp\0udp"}, "not JSON"),
                         ({"buffer": 5}, "buffer: expected a number")):
        s, reply, rest = raw_call(rig, params)
        check(text in reply["parameters"]["message"] and not rest, f"{params}: {reply}")
        s.sendall(b'{"method":"gust.Status"}\0')  # the connection is good for more
        check(b'"pid"' in s.recv(65536), "another request")
    s, reply, rest = raw_call(rig, {"filter": "icmp", "count": 2})
    equal({k: reply["parameters"][k] for k in ("port", "link", "view", "snaplen")},
          {"port": "gust0", "link": "raw", "view": "both", "snaplen": 262144}, "the reply")
    for _ in range(50):
        s.sendall(b"\xff" * 10000)  # nothing that a stream's client has to say
    rig.inside("ping", "-n", "-c", "2", "-i", "0.01", STACK[4])
    with contextlib.suppress(TimeoutError):
        while True:
            part = s.recv(65536)
            if not part:
                break
            rest += part
    path = os.path.join(rig.lab.dir, "raw.pcapng")
    with open(path, "wb") as f:
        f.write(rest)
    equal(len(tshark(path)), 4, "packets, and the end after them")


@case("tun1", "tun2", plain=False)
def test_capture_plugins(rig):
    """Plugins come and go in the middle of a capture; it cuts with what there is."""
    a, b = rig.pair(4)
    cap = Capture(rig, "tcp", "and", "in")
    for args in (("disable", "tso"), ("enable", "tso"), ("disable", "tso"), ("enable", "tso")):
        nssock.transfer(a, b, 600000)
        r = rig.run(rig.H, os.path.join(rig.gust.build, "gustctl"), "-s", rig.gust.sock,
                    "plugins", *args, check=False)
        equal(r.returncode, 0, f"plugins {args}: {r.stdout}")
    nssock.transfer(a, b, 600000)
    time.sleep(0.1)
    equal(cap.end()[2], 0, "dropped")
    rows = tshark(cap.path, fields=("frame.len", "frame.comment"),
                  display="frame.interface_id == 1 && tcp.len > 0")
    cut = [r for r in rows if r[1].startswith("segment")]
    whole = [r for r in rows if r[1].startswith("not cut: no plugin that cuts it is active")]
    check(len(cut) > 400 and all(int(r[0]) <= 1500 for r in cut), f"{len(cut)} segments")
    rig.note(f"{len(cut)} segments, {len(whole)} superpackets uncut")
    equal(tshark(cap.path, display="_ws.malformed"), [], "malformed packets")


@case("tun1", "tun2", plain=False, own=True)
def test_capture_and_stop(rig):
    """gustd stops in the middle of captures; the file is whole as far as it goes."""
    g = rig.start(interface=default_interface(rig.mode))
    cap = Capture(rig)
    a, b = rig.pair(4)
    job = nssock.Job(nssock.send_stream, b)
    nssock.recv_stream(a, 8 << 20)
    rig.half_open = True
    rig.stop(g)
    cap.proc.communicate(timeout=10)
    equal(cap.proc.returncode, 1, "exit status when the daemon ends")
    check(len(tshark(cap.path, fields=("frame.number",))) > 100, "packets")
    with contextlib.suppress(OSError):
        job.wait()
