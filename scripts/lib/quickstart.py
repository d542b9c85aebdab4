#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/quickstart's demonstration: iperf3 inside a namespace, through gust
and over a veth pair, two seconds each."""
import json
import os
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

from netlab import Gust, Lab, LabError, until  # noqa: E402

SECONDS = 2
CASES = [
    ("TCP, inside to host", []),
    ("TCP, host to inside", ["-R"]),
    ("TCP, 4 streams up", ["-P", "4"]),
    ("UDP, 1 Gbit/s up", ["-u", "-b", "1G", "-l", "1400"]),
]


class Path:
    def __init__(self, lab, host, inside, addr):
        self.lab, self.host, self.inside, self.addr = lab, host, inside, addr
        lab.start(host, "iperf3", "-s", "-p", "5201")
        lab.wait_port(host, 5201)

    def run(self, fam, args):
        r = self.lab.run(self.inside, "iperf3", "-c", self.addr[fam], "-p", "5201", "-t",
                         SECONDS, "-J", *args, check=False, timeout=SECONDS + 20,
                         stderr=subprocess.DEVNULL)
        try:
            doc = json.loads(r.stdout)
        except ValueError:
            raise LabError("iperf3 gave no result") from None
        if "error" in doc:
            raise LabError("iperf3: " + doc["error"])
        end = doc["end"]
        got = end.get("sum_received") or end["sum"]
        if "lost_percent" in got:
            return got["bits_per_second"] / 1e9 * (1 - got["lost_percent"] / 100)
        return got["bits_per_second"] / 1e9


def measure(gust, veth):
    print(f"{'':28}{'gust':>9}{'veth':>9}   of veth")
    for fam in (4, 6):
        for what, args in CASES:
            label = f"  IPv{fam}  {what}"
            print(f"{label:28}", end="", flush=True)
            values = []
            for path in (gust, veth):
                values.append(path.run(fam, args))
                print(f"{values[-1]:9.2f}", end="", flush=True)
            print(f"{100 * values[0] / values[1]:8.0f} %")
    print(f"{'':28}{'Gbit/s':>9}{'Gbit/s':>9}\n")


def show(g, *args):
    """gustctl as a person sees it."""
    print("$ gustctl " + " ".join(args), flush=True)
    r = g.lab.run(g.host, os.path.join(g.build, "gustctl"), "-s", g.sock, *args)
    print(r.stdout, flush=True)


def packets(g):
    st = g.ctl("status")
    t = st["traffic"]
    rx = t["rx_bytes"] / max(1, t["rx_packets"])
    tx = t["tx_bytes"] / max(1, t["tx_packets"])
    print(f"Packets were {rx / 1024:.1f} KB on average from the kernel and {tx / 1024:.1f} KB to "
          f"it, at MTU {st['interface']['mtu']}.\n")


def explained(g):
    """Which offloads, and why they are believed; then one that somebody switched off."""
    show(g, "features")
    print("What an administrator switches off is followed at once, and explained:\n\n"
          "# ethtool -K gust0 tso off", flush=True)
    g.lab.run(g.inside, "ethtool", "-K", g.name, "tso", "off")
    until(lambda: "tx-tcp-segmentation" not in g.ctl("features")["from_kernel"]["features"], 5,
          "the switch to be followed")
    show(g, "explain", "10.111.0.2", "tcp", "5201")


def demonstrate():
    # the namespaces go away however this ends
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(1))
    with Lab() as lab:
        print("\ngust: a user-mode stack behind gust0, a tun in a scratch namespace, against\n"
              f"a plain veth pair of the kernel. iperf3, MTU 1500, {SECONDS} seconds each.\n",
              flush=True)
        h, i = lab.space("host"), lab.space("inside")
        g = Gust(lab, h, i, workers="auto", top="drain = 100")
        gust = Path(lab, h, i, {4: "10.111.0.2", 6: "fd00:111::2"})
        vh, vi = lab.space("vhost"), lab.space("vinside")
        lab.veth(vh, vi, "v0", "v1", ["10.112.0.2/24", "fd00:112::2/64"],
                 ["10.112.0.1/24", "fd00:112::1/64"])
        veth = Path(lab, vh, vi, {4: "10.112.0.2", 6: "fd00:112::2"})
        measure(gust, veth)
        packets(g)
        explained(g)
        if g.stop():
            raise LabError("gustd did not end well:\n" + g.log())
    print("Go on: build/gustd -c FILE (README.md has a first configuration), then\n"
          "build/gustctl status; sudo scripts/check runs every test.")


def main():
    try:
        demonstrate()
    except KeyboardInterrupt:
        print("\nstopped; everything was removed", file=sys.stderr)
        return 130
    except (LabError, subprocess.SubprocessError) as e:
        print(f"\nerror: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
