#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scripts/bench offload: what each plugin costs, against memcpy and the kernel.

tests/bench/offload measures one case against its contestants, interleaved in
slices; here the rounds, the self-test, and the table.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))

from netlab import ROOT, Gust, Lab, LabError  # noqa: E402

# case: (unit, baseline, target in words, check of the medians)
CASES = {
    "tso": ("ns/segment", "memcpy", "40 ns; with checksums 2 memcpy",
            lambda r: r["value"] <= 40 and r["csum_ratio"] <= 2),
    "uso": ("ns/segment", "memcpy", None, None),
    "gro": ("ns/segment", "memcpy", "60 ns", lambda r: r["value"] <= 60),
    "uro": ("ns/segment", "memcpy", None, None),
    "bigtcp": ("ns/segment", "memcpy", None, None),
    "sctp": ("ns/segment", "memcpy", None, None),
    "miss": ("ns/packet", "without", "30 ns more than without",
             lambda r: r["value"] <= 30),
    "empty": ("ns/batch", "without", None, None),
    "selftest": ("ms", None, "1000 ms", lambda r: r["value"] < 1000),
    "gro16": ("ns/segment", "one", "1.2 of one flow", lambda r: r["ratio"] <= 1.2),
}


def run_case(lab, build, case, ms):
    """One round: the program's figures; a namespace of its own for the kernel."""
    ns = lab.space(f"bench-{case}", congestion=None)
    try:
        r = lab.run(ns, os.path.join(build, "tests/bench/offload"),
                    os.path.join(build, "plugins"), case, ms, stderr=subprocess.PIPE,
                    timeout=ms / 1000 + 60)
        return json.loads(r.stdout.splitlines()[-1])
    finally:
        lab.drop(ns)


def run_selftest(lab, build):
    """A daemon is asked for it: in a process beside it, as at start."""
    host, inside = lab.space("bench-host"), lab.space("bench-inside")
    g = Gust(lab, host, inside, build=build)
    try:
        d = g.ctl("selftest")
    finally:
        g.stop()
        lab.drop(host)
        lab.drop(inside)
    if not d["tried"]:
        raise LabError(f"self-test: {d['why']}")
    return {"gust_ns": d["took_us"] / 1000, "tests": len(d["cells"]),
            "failed": sum(c["verdict"] == "failed" for c in d["cells"])}


def derive(case, fig):
    """Value and ratios of one round."""
    base = CASES[case][1]
    row = {"value": fig["gust_ns"], "gb_s": fig.get("gust_gb_s")}
    if case == "miss":
        row["value"] = fig["gust_ns"] - fig["without_ns"]
    if base and fig.get(base + "_ns"):
        row["ratio"] = fig["gust_ns"] / fig[base + "_ns"]
    for other in ("memcpy", "kernel", "csum", "merge", "cut", "one", "without"):
        if fig.get(other + "_ns") is not None:
            row[other + "_ns"] = fig[other + "_ns"]
    if fig.get("kernel_ns"):
        row["kernel_ratio"] = fig["gust_ns"] / fig["kernel_ns"]
    if fig.get("csum_ns") and fig.get("memcpy_ns"):
        row["csum_ratio"] = fig["csum_ns"] / fig["memcpy_ns"]
        row["csum_gb_s"] = fig["csum_gb_s"]
    for k in ("tests", "failed"):
        if k in fig:
            row[k] = fig[k]
    return row


def median_row(case, rounds):
    unit, base = CASES[case][:2]
    row = {"bench": "offload", "case": case, "value": None, "unit": unit,
           "baseline": base, "ratio": None, "cpu_ms_per_gb": None}
    for key in dict.fromkeys(k for r in rounds for k in r):
        vals = [r[key] for r in rounds if r.get(key) is not None]
        row[key] = statistics.median(vals) if vals else None
    if row.get("gb_s") and unit == "ns/segment":
        # the whole of the work is processor time
        row["cpu_ms_per_gb"] = 1000 / row["gb_s"]
    return row


def show(rows):
    print(f"{'case':9} {'value':>9} {'unit':11} {'GB/s':>8} {'to base':>8} {'to kernel':>9}  more")
    for r in rows:
        def num(key, fmt):
            return fmt % r[key] if r.get(key) is not None else "-"
        more = "  ".join(f"{k}={r[k]:.4g}" for k in r if k in (
            "csum_ns", "csum_ratio", "memcpy_ns", "kernel_ns", "merge_ns", "cut_ns", "one_ns",
            "without_ns", "tests", "failed") and r[k] is not None)
        target, check = CASES[r["case"]][2:]
        verdict = "" if not target else \
            f"  [{target}: {'reached' if check(r) else 'missed'}]"
        print(f"{r['case']:9} {num('value', '%9.2f'):>9} {r['unit']:11} {num('gb_s', '%.1f'):>8} "
              f"{num('ratio', '%.3f'):>8} {num('kernel_ratio', '%.4f'):>9}  {more}{verdict}")


def main():
    ap = argparse.ArgumentParser(prog="scripts/bench offload")
    ap.add_argument("--json", action="store_true", help="one JSON object a line")
    ap.add_argument("--seconds", type=float, default=1, help="of each measurement")
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--cases", default=",".join(CASES), help="comma separated: %(default)s")
    ap.add_argument("--build", default="build")
    args = ap.parse_args()
    cases = args.cases.split(",")
    for case in cases:
        if case not in CASES:
            ap.error(f"unknown case {case!r}, expected some of {','.join(CASES)}")
    load = os.getloadavg()[0]
    if load > 1:
        print(f"note: the load is {load:.1f}; figures will wander", file=sys.stderr)
    build = os.path.join(ROOT, args.build)
    rounds = {case: [] for case in cases}
    with Lab() as lab:
        for n in range(args.rounds):
            for case in cases:
                print(f"round {n + 1} of {args.rounds}: {case}", file=sys.stderr)
                fig = run_selftest(lab, build) if case == "selftest" else \
                    run_case(lab, build, case, int(args.seconds * 1000))
                rounds[case].append(derive(case, fig))
    rows = [median_row(case, rounds[case]) for case in cases]
    if args.json:
        for row in rows:
            print(json.dumps(row))
    else:
        show(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
