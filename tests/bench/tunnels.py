#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/bench tunnels: nested tunnels over a veth pair, gust beside the kernel.

    A1 --tap-- gust-wire --u1=veth=u2-- gust-wire --tap-- A2

iperf3 from A1 to A2, single stream; the kernel's VXLAN at the same depths over a
veth pair of its own. Contestants are interleaved in rounds; ratios are taken round by
round. Besides, without traffic: encap and decap of a superpacket by level
(tests/bench/tunnel.c), and fib, a lookup among 100,000 routes (tests/bench/fib.c).
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from netlab import ROOT, Lab, LabError, cpu_ms, until  # noqa: E402

MTU = 1500
VXLAN_OVERHEAD = 50
MIXED = ["vxlan", "gre", "ipip"]  # innermost first
# header bytes that a kind takes from the MTU, IPv4 outside
OVERHEAD = {"vxlan": 50, "geneve": 50, "gre": 24, "ipip": 20, "gue": 32, "fou": 28}


def spec(kind, level, a, b):
    """One tunnel: at each level addresses of its own; the outermost has the veth's."""
    text = f"{kind} local {a} remote {b}"
    if kind in ("vxlan", "geneve"):
        text += f" id {42 + level}"
    if kind in ("vxlan", "geneve", "gue", "fou"):
        text += f" port {4789 + level}"
    return text


class Gust:
    """Two gust-wires joined by a veth pair."""

    def __init__(self, lab, build, case, kinds):
        underlay, kind, depth = case.split(".")
        self.lab, self.name = lab, case
        tag = underlay[0] + kind[0] + depth
        self.a = [lab.space(f"{tag}-a{i}") for i in (1, 2)]
        self.u = [lab.space(f"{tag}-u{i}") for i in (1, 2)]
        addr = ["198.18.9.1/24", "198.18.9.2/24"] if underlay == "udp" else [None, None]
        lab.veth(self.u[0], self.u[1], "u1", "u2", [x for x in addr[:1] if x],
                 [x for x in addr[1:] if x])
        mtu = MTU - sum(OVERHEAD[k] for k in kinds)
        self.procs = []
        for i in (0, 1):
            args = [os.path.join(build, "gust-wire"), "--netns-a", self.a[i], "--netns-b",
                    self.u[i], "--underlay", underlay, "--up"]
            for level, kind in enumerate(kinds):
                ip = [f"198.18.{9 if level == len(kinds) - 1 else 10 + level}.{k}"
                      for k in (1, 2)]
                args += ["--tunnel", spec(kind, level, ip[i], ip[1 - i])]
            args += ["gw0", "-" if underlay == "udp" else f"u{i + 1}"]
            if kinds and kinds[0] in ("gre", "ipip", "gue", "fou"):
                args.insert(1, "--tun")
            self.procs.append(lab.start(None, *args, log=f"{tag}-{i}.log"))
            until(lambda i=i: lab.run(self.a[i], "ip", "link", "show", "gw0",
                                      check=False).returncode == 0, 10, "the tap")
            lab.run(self.a[i], "ip", "link", "set", "gw0", "mtu", mtu, "txqueuelen", 4096, "up")
            lab.run(self.a[i], "ip", "addr", "add", f"10.9.0.{i + 1}/24", "dev", "gw0")
        self.client, self.server, self.addr = self.a[0], self.a[1], "10.9.0.2"
        self.tag = tag

    def cpu(self):
        return sum(cpu_ms(p.pid) for p in self.procs)


class Kernel:
    """The kernel's VXLAN in itself, DEPTH times."""

    def __init__(self, lab, depth):
        self.lab, self.name = lab, f"kernel.{depth}"
        self.k = [lab.space(f"k{depth}-{i}") for i in (1, 2)]
        lab.veth(self.k[0], self.k[1], "u1", "u2", ["198.18.9.1/24"], ["198.18.9.2/24"])
        for i in (0, 1):
            ns = self.k[i]
            for d in range(depth):
                net = 9 if d == 0 else 20 + d
                lab.run(ns, "ip", "link", "add", f"vx{d}", "type", "vxlan", "id", 42 + d,
                        "local", f"198.18.{net}.{i + 1}", "remote", f"198.18.{net}.{2 - i}",
                        "dstport", 4789 + d)
                lab.run(ns, "ip", "link", "set", f"vx{d}", "mtu", MTU - VXLAN_OVERHEAD * (d + 1),
                        "up")
                lab.run(ns, "ip", "addr", "add", f"198.18.{21 + d}.{i + 1}/24", "dev", f"vx{d}")
        self.client, self.server = self.k
        self.addr = f"198.18.{20 + depth}.2" if depth else "198.18.9.2"

    def cpu(self):
        return None


def path_up(p):
    until(lambda: p.lab.run(p.client, "ping", "-n", "-q", "-c", "1", "-W", "0.3", p.addr,
                            check=False).returncode == 0, 15, f"an answer over {p.name}")
    p.lab.start(p.server, "iperf3", "-s", "-p", "5201")
    p.lab.wait_port(p.server, 5201)


def iperf(p, seconds):
    cpu0, t = p.cpu(), time.monotonic()
    r = p.lab.run(p.client, "iperf3", "-c", p.addr, "-p", 5201, "-t", seconds, "-J", check=False,
                  timeout=seconds + 20, stderr=subprocess.DEVNULL)
    try:
        got = json.loads(r.stdout)["end"]["sum_received"]
    except (ValueError, KeyError) as e:
        raise LabError(f"iperf3 over {p.name}: {r.stdout[-300:]}") from e
    cpu = (p.cpu() - cpu0) / (got["bytes"] / 1e9) if cpu0 is not None else None
    return {"value": got["bits_per_second"] / 1e9, "cpu_ms_per_gb": cpu,
            "seconds": time.monotonic() - t}


def wanted(args):
    cases = []
    for under in ("packet", "udp"):
        for kind in ("vxlan", "mixed"):
            for depth in range(0 if under == "packet" and kind == "vxlan" else 1, 4):
                if under == "udp" and kind == "mixed":
                    continue
                cases.append(f"{under}.{kind}.{depth}")
    cases += [f"kernel.vxlan.{d}" for d in range(4)] + list(CALLS)
    return [c for c in cases if not args.cases or c in args.cases.split(",")]


# ---- calls: nanoseconds, no traffic ----

KINDS = ["ipip", "gre", "gretap", "vxlan", "geneve", "fou", "gue"]


def call(build, prog, *args):
    cmd = [os.path.join(build, "tests", "bench", prog), *map(str, args)]
    r = subprocess.run(cmd, capture_output=True, text=True, timeout=120, check=False)
    if r.returncode:
        raise LabError(f"{prog}: {r.stderr.strip()}")
    return json.loads(r.stdout)


def tunnel_call(build, key, seconds):
    """{kind.depth: ns}; the value is the slowest."""
    got = {}
    for kind in KINDS:
        for depth in (1, 3):
            r = call(build, "tunnel", os.path.join(build, "plugins"), kind, depth,
                     int(seconds * 100))
            if key in r:
                got[f"{kind}.{depth}"] = r[key]
    return {"value": max(got.values()), "of": got}


def fib_call(build, _key, _seconds):
    r = call(build, "fib", 100000)
    got = {f"{v}.{k}": r[v][k] for v in ("ipv4", "ipv6")
           for k in ("ns", "latency_ns", "miss_ns")}
    return {"value": max(got[v + ".latency_ns"] for v in ("ipv4", "ipv6")), "of": got}


CALLS = {"encap": (tunnel_call, "encap_ns"), "decap": (tunnel_call, "decap_ns"),
         "train": (tunnel_call, "train_ns"), "fib": (fib_call, None)}


def call_rows(rounds, cases):
    for case in cases:
        mine = [r[case] for r in rounds if r.get(case)] if case in CALLS else []
        if mine:
            yield {"bench": "tunnels", "case": case, "value": med([m["value"] for m in mine]),
                   "unit": "ns", "baseline": None, "ratio": None, "ratio_depth0": None,
                   "cpu_ms_per_gb": None,
                   "of": {k: med([m["of"][k] for m in mine]) for k in mine[0]["of"]}}


# ---- the picture ----

def picture(rows, path):
    """Throughput by depth, the kernel's and gust's, as SVG."""
    curves = [("packet.vxlan", "#1f77b4", "gust, packet"), ("udp.vxlan", "#2ca02c", "gust, udp"),
              ("kernel.vxlan", "#d62728", "kernel")]
    val = {r["case"]: r["value"] for r in rows if r["unit"] == "Gbit/s"}
    top = max(val.values())
    w, h, x0, y0 = 640, 360, 60, 300

    def at(depth, v):
        return x0 + 60 + depth * 150, y0 - v / top * 260

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" '
           'font-family="sans-serif" font-size="13">',
           f'<rect width="{w}" height="{h}" fill="white"/>',
           f'<path d="M{x0} 30V{y0}H{w - 20}" fill="none" stroke="#444"/>',
           f'<text x="{x0}" y="20">Gbit/s, one TCP stream, VXLAN in VXLAN, MTU 1500</text>']
    step = max(1, round(top / 5))
    for v in range(0, int(top) + 1, step):
        y = at(0, v)[1]
        out.append(f'<path d="M{x0 - 4} {y:.0f}H{w - 20}" stroke="#ddd"/>'
                   f'<text x="{x0 - 10}" y="{y + 4:.0f}" text-anchor="end">{v}</text>')
    for d in range(4):
        out.append(f'<text x="{at(d, 0)[0]}" y="{y0 + 20}" text-anchor="middle">depth {d}</text>')
    for n, (name, colour, label) in enumerate(curves):
        pts = [(d, val[f"{name}.{d}"]) for d in range(4) if f"{name}.{d}" in val]
        line = " ".join("%.0f,%.1f" % at(*p) for p in pts)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for p in pts:
            x, y = at(*p)
            out.append(f'<circle cx="{x:.0f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
                       f'<text x="{x + 6:.0f}" y="{y + (18 if n == 1 else -6):.1f}" '
                       f'fill="{colour}">{p[1]:.1f}</text>')
        out.append(f'<text x="{x0 + 60 + n * 170}" y="{y0 + 45}" fill="{colour}">{label}</text>')
    out.append("</svg>")
    with open(path, "w", encoding="ascii") as f:
        f.write("\n".join(out) + "\n")


def make(lab, build, case):
    who, kind, depth = case.split(".")
    depth = int(depth)
    if who == "kernel":
        return Kernel(lab, depth)
    kinds = ["vxlan"] * depth if kind == "vxlan" else MIXED[:depth]
    return Gust(lab, build, case, kinds)


def med(vals):
    vals = [v for v in vals if v is not None]
    return statistics.median(vals) if vals else None


def rows_of(rounds, cases):
    for case in cases:
        base = "kernel." + ".".join(case.split(".")[1:]).replace("mixed", "vxlan")
        own = "packet.vxlan.0"
        mine = [r[case] for r in rounds if r.get(case)]
        if not mine or case in CALLS:
            continue
        yield {"bench": "tunnels", "case": case, "value": med([m["value"] for m in mine]),
               "unit": "Gbit/s", "baseline": base if base in cases else None,
               "ratio": med([r[case]["value"] / r[base]["value"] for r in rounds
                             if r.get(case) and r.get(base)]),
               "ratio_depth0": med([r[case]["value"] / r[own]["value"] for r in rounds
                                    if r.get(case) and r.get(own)]),
               "cpu_ms_per_gb": med([m["cpu_ms_per_gb"] for m in mine])}


def show(rows):
    print(f"{'case':18} {'Gbit/s':>8} {'to kernel':>9} {'to own depth 0':>14} {'ms/GB':>7}")
    for r in rows:
        def num(k, f):
            return f % r[k] if r.get(k) is not None else "-"
        if r["unit"] == "ns":
            of = ", ".join(f"{k} {v:.0f}" for k, v in r["of"].items())
            print(f"{r['case']:18} {r['value']:8.0f} ns  ({of})")
            continue
        print(f"{r['case']:18} {num('value', '%.2f'):>8} {num('ratio', '%.2f'):>9} "
              f"{num('ratio_depth0', '%.2f'):>14} {num('cpu_ms_per_gb', '%.0f'):>7}")


def main():
    ap = argparse.ArgumentParser(prog="scripts/bench tunnels")
    ap.add_argument("--json", action="store_true")
    ap.add_argument("--seconds", type=int, default=2)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--cases", default="")
    ap.add_argument("--build", default="build")
    ap.add_argument("--picture", metavar="FILE.svg", help="both curves, gust's and the kernel's")
    args = ap.parse_args()
    cases = wanted(args)
    if not cases:
        ap.error("no such case; for example packet.vxlan.3, udp.vxlan.2, kernel.vxlan.3")
    rounds = []
    with Lab() as lab:
        paths = {}
        for case in [c for c in cases if c not in CALLS]:
            try:
                paths[case] = make(lab, os.path.join(ROOT, args.build), case)
                path_up(paths[case])
            except LabError as e:
                print(f"without {case}: {e}", file=sys.stderr)
                for n in (0, 1):
                    tag = getattr(paths.get(case), "tag", None)
                    if tag:
                        print(lab.log(f"{tag}-{n}.log"), file=sys.stderr)
                paths.pop(case, None)
        for n in range(args.rounds):
            row = {}
            for case, p in paths.items():
                print(f"round {n + 1} of {args.rounds}: {case}", file=sys.stderr)
                try:
                    row[case] = iperf(p, args.seconds)
                except (LabError, subprocess.TimeoutExpired) as e:
                    print(f"  {case}: {e}", file=sys.stderr)
            for case in [c for c in cases if c in CALLS]:
                fn, key = CALLS[case]
                try:
                    row[case] = fn(os.path.join(ROOT, args.build), key, args.seconds)
                except (LabError, subprocess.TimeoutExpired) as e:
                    print(f"  {case}: {e}", file=sys.stderr)
            rounds.append(row)
    rows = list(rows_of(rounds, cases)) + list(call_rows(rounds, cases))
    if args.picture:
        picture(rows, args.picture)
    if args.json:
        for r in rows:
            print(json.dumps(r))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
