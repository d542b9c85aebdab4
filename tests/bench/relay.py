#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/bench relay: gust beside plain veth, loopback, the bare relay, pasta
and slirp4netns, interleaved in rounds.

Every figure is the median over the rounds; ratios are taken within a round.
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
sys.path.insert(0, HERE)

import contestants as c  # noqa: E402
from netlab import Lab, LabError  # noqa: E402

UDP_PACED_MBIT = 1000
UDP_SIZE = 1300
IDLE_CONNECTIONS = 100_000


class Bench:
    def __init__(self, lab, tools, seconds):
        self.lab, self.tools, self.seconds = lab, tools, seconds

    # Each case returns {"value": ..., "bytes": ... or None, further columns}.

    def iperf(self, path, *args):
        r = self.lab.run(path.client, "iperf3", "-c", path.addr, "-p", 5201, "-t",
                         self.seconds, "-J", *args, check=False,
                         timeout=self.seconds + 20, stderr=subprocess.DEVNULL)
        try:
            end = json.loads(r.stdout)["end"]
        except (ValueError, KeyError) as e:
            raise LabError(f"iperf3 over {path.name}: {r.stdout[-300:]}") from e
        return end

    def tcp(self, path, *args):
        end = self.iperf(path, *args)
        if "sum_received" not in end:
            raise LabError(f"iperf3 over {path.name} gave no result")
        got = end["sum_received"]
        return {"value": got["bits_per_second"] / 1e9, "bytes": got["bytes"]}

    def up(self, path):
        return self.tcp(path)

    def down(self, path):
        return self.tcp(path, "-R")

    def up4(self, path):
        return self.tcp(path, "-P", "4")

    def down4(self, path):
        return self.tcp(path, "-P", "4", "-R")

    def udp(self, path):
        end = self.iperf(path, "-u", "-l", "1400", "-b", f"{UDP_PACED_MBIT}M")
        s = end["sum"]
        return {"value": s["bits_per_second"] / 1e9 * (1 - s["lost_percent"] / 100),
                "bytes": s["bytes"], "loss_percent": s["lost_percent"]}

    def udpgso_once(self, path, up, mbit):
        t, port, secs = self.tools.udpgso, "5204", "1"
        if up:
            rx = self.lab.start(path.server, t, "recv", port, secs, stdout=subprocess.PIPE)
            self.lab.wait_port(path.server, port, "udp")
            tx = json.loads(self.lab.run(path.client, t, "send", path.addr, port, secs,
                                         UDP_SIZE, mbit).stdout.splitlines()[-1])
            got = json.loads(rx.communicate(timeout=20)[0])
            self.lab.procs.remove(rx)
            lost = tx["datagrams"] - got["datagrams"]
        else:
            r = self.lab.run(path.client, t, "pull", path.addr, "5203", secs, UDP_SIZE, mbit)
            got = json.loads(r.stdout.splitlines()[-1])
            lost = got["lost"]
        rate = got["bytes"] * 8 / max(got["seconds"], 0.5) / 1e9
        return rate, lost <= got["datagrams"] / 10000, got["bytes"]

    def udpgso(self, path, up):
        """The highest rate without loss (below 1 in 10,000), by bisection."""
        low, high, best = 0, 64000, (0.0, 0)
        cpu0, total = path.cpu(), 0
        for _ in range(7):
            mbit = (low + high) // 2
            rate, clean, n = self.udpgso_once(path, up, mbit)
            total += n
            if clean and rate * 1000 >= mbit * 0.8:
                low, best = mbit, (rate, n)
            elif clean:  # the sender cannot go faster: this is its highest
                best = max(best, (rate, n))
                high = mbit
            else:
                high = mbit
        cpu = (path.cpu() - cpu0) if cpu0 is not None else None
        return {"value": best[0], "bytes": total, "cpu": cpu}

    def udpgso_up(self, path):
        return self.udpgso(path, True)

    def udpgso_down(self, path):
        return self.udpgso(path, False)

    def tool(self, path, mode):
        r = self.lab.run(path.client, self.tools.tcpload, mode, path.addr, "5202",
                         self.seconds, timeout=self.seconds + 30)
        return json.loads(r.stdout.splitlines()[-1])

    def conn(self, path):
        d = self.tool(path, "conn")
        return {"value": d["connections"] / d["seconds"], "bytes": None,
                "failed": d["failed"]}

    def rr(self, path):
        d = self.tool(path, "rr")
        return {"value": d["p50_us"], "bytes": None, "p99_us": d["p99_us"]}

    def mem(self, path):
        """Bytes of daemon memory for an idle connection of a built-in service."""
        time.sleep(2.5)  # what the cases before have touched is given back
        before, half = path.rss(), IDLE_CONNECTIONS // 2
        clients = []
        for port in ("7", "9"):
            p = self.lab.start(path.client, self.tools.tcpload, "idle", path.addr, port, half,
                               stdout=subprocess.PIPE, stdin=subprocess.PIPE)
            if not p.stdout.readline():
                raise LabError("could not open the idle connections")
            clients.append(p)
        time.sleep(2.5)
        after = path.rss()
        flows = path.gust.ctl("status")["flows"]["tcp"]
        for p in clients:
            p.stdin.close()
            self.lab.stop(p)
        return {"value": (after - before) / (2 * half), "bytes": None, "connections": flows,
                "rss_start_mb": path.start_rss / 1e6}


# case: (unit, contestants besides gust)
CASES = {
    "up": ("Gbit/s", ["veth", "loopback", "bare", "pasta", "slirp4netns"]),
    "down": ("Gbit/s", ["veth", "loopback", "bare", "pasta", "slirp4netns"]),
    "up4": ("Gbit/s", ["veth", "bare", "pasta", "slirp4netns"]),
    "down4": ("Gbit/s", ["veth", "bare", "pasta", "slirp4netns"]),
    "udp": ("Gbit/s", ["veth", "pasta", "slirp4netns"]),
    "udpgso_up": ("Gbit/s", ["veth"]),
    "udpgso_down": ("Gbit/s", ["veth"]),
    "conn": ("1/s", ["veth", "pasta", "slirp4netns"]),
    "rr": ("us", ["veth", "loopback", "pasta", "slirp4netns"]),
    "mem": ("bytes", []),
}


def measure(bench, case, path):
    cpu0 = path.cpu()
    try:
        r = getattr(bench, case)(path)
    except (LabError, subprocess.TimeoutExpired) as e:
        print(f"  {path.name}.{case}: {e}", file=sys.stderr)
        return None
    cpu = r.pop("cpu", (path.cpu() - cpu0) if cpu0 is not None else None)
    r["cpu_ms_per_gb"] = cpu / (r["bytes"] / 1e9) if cpu is not None and r["bytes"] else None
    return r


def median(rows, key):
    vals = [r[key] for r in rows if r and r.get(key) is not None]
    return statistics.median(vals) if vals else None


def ratio(rounds, name, base):
    vals = [r[name]["value"] / r[base]["value"] for r in rounds
            if r.get(name) and r.get(base) and r[base]["value"]]
    return statistics.median(vals) if vals else None


def summarise(case, unit, rounds):
    """One row a contestant, gust first, under the bench's stable keys."""
    names = list(dict.fromkeys(n for r in rounds for n in r))
    for name in sorted(names, key=lambda n: n != "gust"):
        rows = [r.get(name) for r in rounds]
        value = median(rows, "value")
        if value is None:
            continue
        row = {"bench": "relay", "case": case if name == "gust" else f"{name}.{case}",
               "value": value, "unit": unit,
               "baseline": "veth" if any("veth" in r for r in rounds) else None,
               "ratio": ratio(rounds, name, "veth"),
               "ratio_bare": ratio(rounds, name, "bare"),
               "cpu_ms_per_gb": median(rows, "cpu_ms_per_gb")}
        for extra in ("loss_percent", "p99_us", "failed", "connections", "rss_start_mb"):
            if any(r and extra in r for r in rows):
                row[extra] = median(rows, extra)
        yield row


def show(rows):
    def num(v, fmt):
        return fmt % v if v is not None else "-"
    print(f"{'case':22} {'value':>10} {'unit':7} {'to veth':>8} {'to bare':>8} {'ms/GB':>7}")
    for r in rows:
        more = "".join(f"  {k}={r[k]:g}" for k in ("loss_percent", "p99_us", "failed",
                                                 "connections", "rss_start_mb")
                       if r.get(k) is not None)
        print(f"{r['case']:22} {num(r['value'], '%10.2f'):>10} {r['unit']:7} "
              f"{num(r['ratio'], '%.3f'):>8} {num(r['ratio_bare'], '%.3f'):>8} "
              f"{num(r['cpu_ms_per_gb'], '%.0f'):>7}{more}")


def main():
    ap = argparse.ArgumentParser(prog="scripts/bench relay")
    ap.add_argument("--json", action="store_true", help="one JSON object a line")
    ap.add_argument("--seconds", type=int, default=3, help="of each measurement")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--cases", default=",".join(CASES), help="comma separated: %(default)s")
    ap.add_argument("--against", default=None, help="only these baselines, comma separated")
    ap.add_argument("--workers", default="auto")
    ap.add_argument("--build", default="build")
    args = ap.parse_args()
    cases = args.cases.split(",")
    for case in cases:
        if case not in CASES:
            ap.error(f"unknown case {case!r}, expected some of {','.join(CASES)}")
    load = os.getloadavg()[0]
    if load > 1:
        print(f"note: the load is {load:.1f}; figures will wander", file=sys.stderr)

    wanted = {n for case in cases for n in CASES[case][1]}
    if args.against is not None:
        wanted &= set(args.against.split(","))
    with Lab() as lab:
        tools = c.Tools(args.build)
        paths = {}
        for cls in (c.Veth, c.Loopback, c.Bare, c.Pasta, c.Slirp):
            if cls.name in wanted:
                try:
                    paths[cls.name] = cls(lab, tools)
                except LabError as e:
                    print(f"without {cls.name}: {e}", file=sys.stderr)
        paths["gust"] = c.GustPath(lab, tools, args.workers)
        bench = Bench(lab, tools, args.seconds)
        results = {case: [] for case in cases}
        for rnd in range(args.rounds):
            for case in cases:
                if case == "mem" and rnd:
                    continue
                print(f"round {rnd + 1} of {args.rounds}: {case}", file=sys.stderr)
                results[case].append(
                    {n: measure(bench, case, paths[n])
                     for n in [b for b in CASES[case][1] if b in paths] + ["gust"]})
        rows = [row for case in cases
                for row in summarise(case, CASES[case][0], results[case])]
    if args.json:
        for row in rows:
            print(json.dumps(row))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
