# SPDX-License-Identifier: BSD-2-Clause
"""The daemon itself: privilege, persistence, signals, configuration, control."""
import contextlib
import errno
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import nssock
from nssock import connect, listen, port_of, udp
from netlab import Gust
from rig import (ALL, FAM, PAIR, ROOT, STACK, case, check, count_fds, default_interface, equal,
                 until)

NOBODY = 65534


def binary(rig, name):
    return os.path.join(ROOT, rig.build, name)


def private(rig):
    """A folder in which an unprivileged gustd runs: its program, the plugins beside
    it, and its socket."""
    d = os.path.join(rig.lab.dir, "private")
    os.makedirs(d, exist_ok=True)
    for name in ("gustd", "gustctl"):
        shutil.copy(binary(rig, name), d)
    shutil.copytree(binary(rig, "plugins"), os.path.join(d, "plugins"), dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("*.o", "*.d", ".deps"))
    for path, _, _ in os.walk(d):
        os.chmod(path, 0o755)
    return d


class Unprivileged(Gust):
    """gustd as nobody, without any capability, on an interface that exists."""

    def __init__(self, rig, ns, mode, workers):
        d = private(rig)
        run = os.path.join(d, f"run{len(os.listdir(d))}")
        os.mkdir(run)
        os.chown(run, NOBODY, NOBODY)
        self.rundir = run
        super().__init__(rig.lab, ns, ns, build=d, mode=mode, workers=workers,
                         top="drain = 300", rest='tcp { time_wait = "300 ms" }',
                         interface='stack = {"10.111.0.2", "fd00:111::2"}'
                         if mode == "tap" else "",
                         # (a device node with the usual mode, seen by it alone)
                         wrap=["sh", "-c", "mount -t tmpfs none /dev/net && "
                               "mknod -m 666 /dev/net/tun c 10 200 && exec \"$@\"", "sh",
                               "setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
                               "--clear-groups", "--bounding-set=-all", "--inh-caps=-all",
                               "--no-new-privs"])

    def start(self):
        # the namespace was entered before: the configuration names none
        with open(self.conf) as f:
            text = re.sub(r"\s*netns = .*", "", f.read())
        self.sock = os.path.join(self.rundir, "sock")
        text = re.sub(r'control = ".*"', f'control = "{self.sock}"', text)
        with open(self.conf, "w") as f:
            f.write(text)
        os.chmod(self.conf, 0o644)
        super().start()


@case(*ALL, plain=False, own=True)
def test_unprivileged(rig):
    """A persistent interface from ip tuntap, and gustd as nobody with no
    capability at all: superpackets and all."""
    ns = rig.lab.space(f"U{len(rig.lab.spaces)}")
    rig.lab.sysctl(ns, "net.ipv4.ping_group_range", "0 2147483647")
    rig.run(ns, "ip", "tuntap", "add", "dev", "gust0", "mode", rig.mode, "user", NOBODY,
            "multi_queue", "vnet_hdr")
    rig.run(ns, "ip", "link", "set", "gust0", "txqueuelen", "4096", "gro_max_size", "200000")
    rig.run(ns, "ip", "link", "set", "gust0", "up")
    for a in (["10.111.0.1", "peer", "10.111.0.2"], ["fd00:111::1", "peer", "fd00:111::2",
                                                     "nodad"]):
        rig.run(ns, "ip", "addr", "add", *a, "dev", "gust0")
    g = Unprivileged(rig, ns, rig.mode, rig.workers)
    g.fds0, g.rss0 = count_fds(g.pid), 0
    rig.gusts.append(g)
    rig.gust = g
    with open(f"/proc/{g.pid}/status") as f:
        status = f.read()
    equal(re.findall(r"^Cap(?:Eff|Prm|Bnd):\s+(\w+)$", status, re.M), ["0" * 16] * 3,
          "capabilities")
    equal(re.search(r"^Uid:\s+(\d+)", status, re.M).group(1), str(NOBODY), "user")
    for fam in (4, 6):
        with listen(ns, FAM[fam]) as ls:
            c = rig.keep(connect(ns, STACK[fam], port_of(ls)))
            s = rig.keep(ls.accept()[0])
        nssock.transfer(c, s, 16 << 20)
        nssock.transfer(s, c, 16 << 20)
        e = rig.keep(nssock.UdpEcho(ns, FAM[fam]))
        u = rig.keep(udp(ns, to=(STACK[fam], e.port)))
        u.send(b"datagram")
        equal(u.recv(100), b"datagram", "echo")
        r = rig.run(ns, "ping", "-n", "-q", "-c", "2", "-i", "0.01", STACK[fam], check=False)
        check(" 2 received" in r.stdout, r.stdout)
    st = rig.status()
    equal(st["workers"], rig.workers, "workers")
    check(st["traffic"]["rx_super"] > 0 and st["traffic"]["tx_super"] > 0,
          f"superpackets: {st['traffic']}")


def shape(rig):
    """What an administrator sees of the interface."""
    link = json.loads(rig.inside("ip", "-j", "link", "show", "gust0").stdout)[0]
    addrs = json.loads(rig.inside("ip", "-j", "addr", "show", "gust0").stdout)[0]["addr_info"]
    feats = rig.inside("ethtool", "-k", "gust0").stdout
    return {"mtu": link["mtu"], "txqlen": link["txqlen"], "up": "UP" in link["flags"],
            "addrs": sorted(a["local"] for a in addrs if a["scope"] == "global"),
            "tso": re.search(r"^tcp-segmentation-offload: (\w+)", feats, re.M).group(1),
            "uso": re.search(r"tx-udp-segmentation: (\w+)", feats).group(1)}


@case("tun1", "tap2", plain=False, own=True)
def test_restart_persistent(rig):
    """A restart finds a persistent interface as the administrator left it."""
    rig.inside("ip", "tuntap", "add", "dev", "gust0", "mode", rig.mode, "multi_queue",
               "vnet_hdr")
    try:
        rig.inside("ip", "addr", "add", "10.111.0.1", "peer", "10.111.0.2", "dev", "gust0")
        rig.inside("ip", "link", "set", "gust0", "mtu", "4000", "txqueuelen", "777", "up")
        stack = 'stack = {"10.111.0.2"}' if rig.mode == "tap" else ""
        for round_ in range(3):
            g = rig.start(interface=stack, wait=False)
            a, b = rig.pair(4)
            nssock.transfer(a, b, 4 << 20)
            nssock.transfer(b, a, 4 << 20)
            mss = [f["tcp"]["mss"] for f in g.ctl("flows")["flows"]]
            want = (4000, 4000, 3000)[round_]
            check(mss and want - 60 <= mss[0] <= want - 40, f"MSS {mss} at MTU {want}")
            if round_ == 0:
                equal(shape(rig)["txqlen"], 777, "txqueuelen")
                rig.inside("ethtool", "-K", "gust0", "tso", "off")
            if round_ == 1:
                rig.inside("ip", "link", "set", "gust0", "mtu", "3000")
                rig.inside("ip", "addr", "add", "10.99.0.1/32", "dev", "gust0")
            time.sleep(0.1)
            before = shape(rig)
            equal(before["tso"], "off", "tso")
            rig.close_all()
            rig.returned(g)
            rig.stop(g)
            after = shape(rig)
            # without a reader there are no offloads: they are back with it
            for k in ("mtu", "txqlen", "up", "addrs"):
                equal(after[k], before[k], f"{k} after the daemon's end")
    finally:
        rig.inside("ip", "link", "del", "gust0", check=False)


@case("tun2", plain=False, own=True, quick=False)
def test_persist_option(rig):
    """persist = true: the interface that gustd makes outlives it, and gustd
    finds it again. Without it, it goes."""
    g = rig.start(interface=default_interface("tun") + "\n    persist = true")
    rig.inside("ip", "link", "set", "gust0", "mtu", "2000")
    until(lambda: rig.status()["interface"]["mtu"] == 2000, 3, "mtu in status")
    rig.stop(g)
    equal(shape(rig)["mtu"], 2000, "mtu after the daemon's end")
    g = rig.start(interface=default_interface("tun") + "\n    persist = true")
    equal(rig.status()["interface"]["mtu"], 2000, "mtu after the restart")
    check(not rig.status()["interface"]["created"], "the interface was made anew")
    a, b = rig.pair(6)
    nssock.transfer(a, b, 1 << 20)
    rig.close_all()
    rig.returned(g)
    rig.stop(g)
    rig.inside("ip", "link", "del", "gust0")
    g = rig.start()
    rig.stop(g)
    r = rig.inside("ip", "link", "show", "gust0", check=False)
    check(r.returncode, "an interface that was not to persist is still there")


@case("tun1", plain=False, own=True, quick=False)
def test_single_queue(rig):
    """A persistent interface of one queue serves, with one worker."""
    rig.inside("ip", "tuntap", "add", "dev", "gust0", "mode", "tun", "vnet_hdr")
    try:
        rig.inside("ip", "addr", "add", "10.111.0.1", "peer", "10.111.0.2", "dev", "gust0")
        rig.inside("ip", "link", "set", "gust0", "up")
        g = rig.start(workers=2, interface="")
        equal(rig.status()["workers"], 1, "workers")
        a, b = rig.pair(4)
        nssock.transfer(a, b, 4 << 20)
        nssock.transfer(b, a, 4 << 20)
        rig.close_all()
        rig.returned(g)
        rig.stop(g)
    finally:
        rig.inside("ip", "link", "del", "gust0", check=False)


@case("tun1", "tap2", plain=False, own=True)
def test_sigterm_resets(rig):
    """SIGTERM with open flows: they are reset, promptly, on both sides."""
    for sig in (signal.SIGTERM, signal.SIGINT):
        g = rig.start(top='drain = "200 ms"')
        socks = [s for fam in (4, 6) for _ in range(3) for s in rig.pair(fam)]
        for a, b in zip(socks[::2], socks[1::2]):
            a.sendall(b"open")
            equal(b.recv(4), b"open", "data")
        t0 = time.monotonic()
        os.kill(g.pid, sig)
        for i, s in enumerate(socks):
            s.settimeout(3)
            got = nssock.errno_of(s.recv, 1)
            equal(got, errno.ECONNRESET, f"{'host' if i % 2 else 'inside'} end, "
                  f"signal {sig.name}")
        check(time.monotonic() - t0 < (5 if rig.sanitized else 1.5), "the resets came late")
        g.proc.wait(10)  # (a second signal would end it at once)
        rig.stop(g)
        rig.close_all()


@case("tun2", plain=False, own=True)
def test_sigterm_drains(rig):
    """A transfer that ends within the drain time ends well."""
    g = rig.start(top='drain = "5 s"')
    a, b = rig.pair(4)
    n = 64 << 20
    tx = nssock.Job(nssock.send_stream, a, n)
    nssock.recv_stream(b, 1 << 20)
    os.kill(g.pid, signal.SIGTERM)
    nssock.recv_stream(b, n - (1 << 20), off=1 << 20)
    tx.wait()
    with listen(rig.H) as ls:
        got = nssock.errno_of(connect, rig.I, STACK[4], port_of(ls), 1)
    check(got, "a new connection while stopping")
    a.close()
    b.close()
    t0 = time.monotonic()
    g.proc.wait(10)
    rig.stop(g)
    check(time.monotonic() - t0 < 3, "gustd waited though no flow was left")


@case("tun1", plain=False, own=True)
def test_deleted_interface(rig):
    """Somebody deletes the interface: gustd says so and ends, status 1."""
    g = rig.start()
    a, b = rig.pair(4)
    rig.inside("ip", "link", "del", "gust0")
    until(lambda: g.proc.poll() is not None, 5, "gustd to end")
    equal(g.proc.returncode, 1, "exit status")
    check("gust0" in g.log() and "deleted" in g.log(), "the log does not say why")
    b.settimeout(3)
    equal(nssock.errno_of(b.recv, 1), errno.ECONNRESET, "the host's end")
    rig.gusts.remove(g)
    rig.lab.stop(g.proc)


BAD = [
    ("workers = many\n", 1, "workers"),
    ('interface "gust0" {\n    mode = tin\n}\n', 2, "mode"),
    ('interface "gust0" {\n\n    mtu = 17\n}\n', 3, "mtu"),
    ('log = info\nspeed = fast\n', 2, "speed"),
    ('limits {\n    flows = 0\n}\n', 2, "flows"),
    ('publish = {"tcp nowhere:1 10.0.0.1:1"}\n', 1, "publish"),
    ('interface "gust0" {\n  address = {"10.0.0.1 peer fd00::1"}\n}\n', 2, "address"),
    ('tcp {\n  congestion = vegas\n}\n', 2, "congestion"),
    ('interface "gust0" {\n  mode = tun\n', 2, ""),
    ('udp {\n  timeout = "2 lightyears"\n}\n', 2, "timeout"),
    ('interface "gust0" {\n  route = {"10.0.0.1/8"}\n}\n', 2, "route"),
]


@case("tun1", plain=False, own=True, quick=False)
def test_bad_configuration(rig):
    """Exit status 78, and a line that names file, line and what was expected."""
    path = os.path.join(rig.lab.dir, "bad.conf")
    for text, line, word in BAD:
        with open(path, "w") as f:
            f.write(text)
        for args in ([], ["--check-config"]):
            r = rig.run(rig.H, binary(rig, "gustd"), "-c", path, *args, check=False, timeout=10)
            equal(r.returncode, 78, f"exit status for {text!r}")
            m = re.search(rf"^{re.escape(path)}:(\d+): (.*)", r.stdout, re.M)
            check(m, f"no file and line in: {r.stdout!r}")
            check(abs(int(m.group(1)) - line) <= (1 if not word else 0),
                  f"line {m.group(1)}, expected {line}: {r.stdout!r}")
            check(word in m.group(2) and "expected" in m.group(2), f"message: {m.group(2)!r}")
    r = rig.run(rig.H, binary(rig, "gustd"), "-c", path + ".none", check=False)
    equal(r.returncode, 78, "exit status for a file that is not there")
    with open(path, "w") as f:
        f.write('# a comment\ninterface "gust0" {\n    mode = tun\n}\n')
    r = rig.run(rig.H, binary(rig, "gustd"), "--check-config", "-c", path, check=False)
    equal(r.returncode, 0, f"a good file: {r.stdout}")
    r = rig.run(rig.H, binary(rig, "gustd"), "--nonsense", check=False)
    equal(r.returncode, 2, "a bad option")


@case("tun1", plain=False, own=True, quick=False)
def test_start_failures(rig):
    """What cannot work says why: status 1, no trace left."""
    for interface, what in ((f'mode = tun\n netns = "{rig.lab.prefix}-none"', "none"),
                            ("mode = tun", "control")):
        path = os.path.join(rig.lab.dir, "fail.conf")
        sock = "/proc/nowhere/sock" if what == "control" else rig.lab.dir + "/fail.sock"
        with open(path, "w") as f:
            f.write(f'control = "{sock}"\ninterface "gustfail0" {{ {interface} }}\n')
        r = rig.run(rig.H, binary(rig, "gustd"), "-c", path, check=False, timeout=20)
        equal(r.returncode, 1, f"exit status ({r.stdout})")
        check(len(r.stdout.strip()) > 20, "no reason given")
        r = rig.run(rig.H, "ip", "link", "show", "gustfail0", check=False)
        check(r.returncode, "the interface was left behind")
    # a second daemon on the same socket is refused, the first goes on
    g = rig.start()
    r = rig.run(rig.H, binary(rig, "gustd"), "-c", g.conf, check=False, timeout=20)
    equal(r.returncode, 1, "a second gustd")
    a, b = rig.pair(4)
    nssock.transfer(a, b, 1 << 20)


KEYS = {
    "status": {"version", "pid", "uptime_us", "config", "workers", "interface", "stack",
               "offload", "selftest", "flows", "traffic", "drops", "memory"},
    "features": {"interface", "ethtool", "features", "from_kernel", "to_kernel", "limits",
                 "used"},
    "flows": {"time_us", "flows"},
    "stats": {"total", "workers", "drop_texts"},
}
INNER = [
    ("status", ["interface"], {"name", "mode", "netns", "ifindex", "created", "persist", "up",
                               "mtu", "txqueuelen", "mac", "addresses", "routes"}),
    ("status", ["flows"], {"tcp", "tcp_half_open", "udp", "echo"}),
    ("status", ["memory"], {"rss", "slab_size", "slabs", "slabs_free", "slabs_max", "packets",
                            "packets_free", "packets_max"}),
    ("status", ["traffic"], {"rx_packets", "rx_bytes", "rx_super", "tx_packets", "tx_bytes",
                             "tx_super", "tx_big", "sw_segmented"}),
    ("features", ["features", 0], {"name", "from_kernel", "to_kernel", "configured",
                                   "requested", "active", "changeable", "granted", "proven",
                                   "demoted", "refused"}),
    ("features", ["to_kernel"], {"features", "mtu", "gso_max_size_ipv4", "gso_max_size_ipv6",
                                 "gso_max_size_udp", "gso_max_segs"}),
    ("flows", ["flows", 0], {"proto", "inside", "inside_port", "outside", "outside_port", "host",
                             "host_port", "kind", "worker", "age_us", "idle_us", "bytes_in",
                             "bytes_out", "tcp"}),
    ("flows", ["flows", 0, "tcp"], {"state", "congestion", "srtt_us", "rto_us", "cwnd",
                                    "ssthresh", "mss", "snd_wnd", "rcv_wnd", "retransmitted"}),
    ("stats", ["total"], {"port", "worker", "flows", "relay", "ip", "tcp", "drops", "refused"}),
]


@case(*PAIR, plain=False)
def test_control_json(rig):
    """The keys that scripts read are there, and what they say is true."""
    a, b = rig.pair(4)
    nssock.transfer(a, b, 3 << 20)
    docs = {cmd: rig.gust.ctl(cmd) for cmd in KEYS}
    for cmd, keys in KEYS.items():
        check(keys <= docs[cmd].keys(), f"{cmd} lacks {keys - docs[cmd].keys()}")
    for cmd, path, keys in INNER:
        d = docs[cmd]
        for step in path:
            d = d[step]
        check(keys <= d.keys(), f"{cmd} {path} lacks {keys - d.keys()}")
    st = docs["status"]
    equal((st["pid"], st["workers"], st["interface"]["mtu"], st["interface"]["mode"],
           st["interface"]["up"]), (rig.gust.pid, rig.workers, 1500, rig.mode, True), "status")
    equal(set(st["stack"]["addresses"]), set(STACK.values()), "the stack's addresses")
    f, = [x for x in docs["flows"]["flows"] if x["proto"] == "tcp"]
    equal((f["inside"], f["inside_port"], f["outside"], f["outside_port"], f["host"], f["kind"],
           f["tcp"]["state"]),
          ("10.111.0.1", port_of(a), STACK[4], a.getpeername()[1], "127.0.0.1", "relay",
           "ESTABLISHED"), "the flow")
    equal(f["bytes_in"], 3 << 20, "bytes of the flow")
    equal(len(docs["stats"]["workers"]), rig.workers, "workers in stats")
    with open(os.path.join(ROOT, "src/pkt/drop.def")) as fh:
        names = set(re.findall(r'^DROP\(\w+, "(\w+)"', fh.read(), re.M)) - {"none"}
    equal(docs["stats"]["total"]["drops"].keys(), names, "drop reasons by name")


@case(*PAIR, plain=False, light=True)
def test_gustctl_text(rig):
    """Every command has a form for people; mistakes are told from failures."""
    a, b = rig.pair(4)
    a.sendall(b"x")
    b.recv(1)

    def ctl(*args, sock=rig.gust.sock):
        return rig.run(rig.H, binary(rig, "gustctl"), "-s", sock, *args, check=False, timeout=20)
    for cmd, words in (("status", ["gust0", "1500"]), ("features", ["tx-tcp-segmentation"]),
                       ("flows", ["10.111.0.2"]), ("stats", [])):
        r = ctl(cmd)
        equal(r.returncode, 0, f"gustctl {cmd}: {r.stdout}")
        for w in words:
            check(w in r.stdout, f"gustctl {cmd} does not mention {w}: {r.stdout}")
    check(ctl("nonsense").returncode, "an unknown command succeeds")
    r = ctl("status", sock=rig.lab.dir + "/none.sock")
    check(r.returncode and r.stdout.strip(), "no daemon, and no word about it")


@case("tun2", plain=False, light=True)
def test_control_hostile(rig):
    """What is not a request harms nobody: garbage, huge, slow and many clients."""
    def client():
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.settimeout(5)
        s.connect(rig.gust.sock)
        return s

    def call(s, text):
        s.sendall(text.encode() + b"\0")
        got = b""
        while not got.endswith(b"\0"):
            part = s.recv(65536)
            if not part:
                break
            got += part
        return got
    for text in ("", "{", "[]", "null", "{}", '{"method": 5}', '{"method": "gust.Nothing"}',
                 '{"method":"gust.Status","method":"gust.Status"}', "[" * 10000,
                 '{"method":"gust.Flows","parameters":{"proto":7}}', "\xff\xfe" * 10):
        with client() as s, contextlib.suppress(OSError):
            got = call(s, text)
            check(not got or b"error" in got, f"{text[:40]!r}: {got[:100]!r}")
    with client() as s, contextlib.suppress(OSError):
        for _ in range(100):
            s.sendall(b"x" * 100000)
    idle = [client() for _ in range(20)]
    with client() as s:
        s.sendall(b'{"method":"gust.Status","parameters":{}}\0' * 200)
        time.sleep(0.2)
    check(rig.status()["pid"] == rig.gust.pid, "status")
    for s in idle:
        s.close()
    a, b = rig.pair(4)
    nssock.transfer(a, b, 1 << 20)


@case("tun1", plain=False, own=True)
def test_control_permissions(rig):
    """The socket is not for everybody."""
    g = rig.start()
    mode = os.stat(g.sock).st_mode & 0o777
    check(not mode & 0o007, f"mode {mode:o} of the control socket")


@case("tun1", plain=False)
def test_start_is_small(rig):
    """Under 30 MB at the start."""
    rss = rig.status()["memory"]["rss"]
    rig.note(f"{rss / 1e6:.1f} MB")
    check(rss < 30e6 or rig.sanitized, f"{rss / 1e6:.1f} MB")


@case("tun1", plain=False, own=True)
def test_selftest_off(rig):
    """selftest = false, and features disabled by name, are obeyed."""
    rig.start(top="drain = 300\nselftest = false")
    check(not rig.status()["selftest"]["tried"], "the self-test ran")
    a, b = rig.pair(4)
    nssock.transfer(a, b, 8 << 20)
    nssock.transfer(b, a, 8 << 20)
    g = rig.gust
    rig.close_all()
    rig.returned(g)
    rig.stop(g)
    names = ("tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-udp-segmentation",
             "tx-checksum-ip-generic", "big-tcp4", "big-tcp6-jumbo", "big-tcp6-plain")
    rig.start(interface=default_interface("tun") + "\n    disable = {" +
              ", ".join(f'"{n}"' for n in names) + "}")
    for fam in (4, 6):
        a, b = rig.pair(fam)
        nssock.transfer(a, b, 8 << 20)
        nssock.transfer(b, a, 8 << 20)
    t = rig.status()["traffic"]
    equal((t["rx_super"], t["tx_super"], t["tx_big"]), (0, 0, 0), "superpackets: the floor")


def notify_lines(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(5)
    return s


@case("tun1", "tap1", plain=False, own=True, quick=False)
def test_ready_means_traffic(rig):
    """When READY=1 comes, connections work at once."""
    rig.start(wait=False)
    t0 = time.monotonic()
    for fam in (4, 6):
        rig.pair(fam)
    took = time.monotonic() - t0
    check(took < 0.5, f"the first two connections took {took:.1f} s")


@case("tun1", plain=False, own=True, quick=False)
def test_notify(rig):
    """READY=1 when traffic flows, STOPPING=1 at the end (sd_notify)."""
    g = rig.start()
    rig.stop(g)
    path = os.path.join(rig.lab.dir, "notify.sock")
    with notify_lines(path) as s:
        p = rig.lab.start(rig.H, binary(rig, "gustd"), "-c", g.conf, log="notify.log",
                          env=dict(os.environ, NOTIFY_SOCKET=path))
        check(b"READY=1" in s.recv(4096), "READY=1")
        with listen(rig.H) as ls:  # at once, no waiting
            connect(rig.I, STACK[4], port_of(ls)).close()
        time.sleep(0.6)
        p.send_signal(signal.SIGTERM)
        check(b"STOPPING=1" in s.recv(4096), "STOPPING=1")
        equal(p.wait(10), 0, "exit status")
    check(subprocess.run(["grep", "-q", "were not returned",
                          os.path.join(rig.lab.dir, "notify.log")]).returncode, "leak")
