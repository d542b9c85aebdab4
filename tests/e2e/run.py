#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run.py: the end-to-end tests. Needs root; makes its own namespaces.

    --build DIR      gustd and gustctl to test (default build)
    --only PATTERN   cases whose name contains PATTERN (a regular expression)
    --variant NAME   only tun1, tun2, tap1 or tap2
    --quick          a subset that is fast enough for a sanitizer build
    --long           with the ten-minute soak and the flood of a million
    --plain          without gust, over a veth pair: do the tests hold?
    --list           names only

One line a case: "PASS name (seconds)" or "FAIL name: reason" with the end of
gustd's log. Exit status 1 when one failed.
"""
import argparse
import glob
import importlib
import os
import re
import signal
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "lib"))
sys.path.insert(0, HERE)

import rig as rigmod  # noqa: E402
from netlab import Lab  # noqa: E402


def arguments():
    ap = argparse.ArgumentParser(prog="run.py")
    ap.add_argument("--build", default="build")
    ap.add_argument("--only", default="")
    ap.add_argument("--variant", choices=rigmod.EVERY)
    ap.add_argument("--quick", action="store_true")
    ap.add_argument("--long", action="store_true")
    ap.add_argument("--plain", action="store_true")
    ap.add_argument("--list", action="store_true")
    ap.add_argument("--verbose", action="store_true", help="whole log and traceback")
    return ap.parse_args()


def chosen(args):
    """(case, variant) pairs in the order of the files."""
    for path in sorted(glob.glob(os.path.join(HERE, "case_*.py"))):
        importlib.import_module(os.path.basename(path)[:-3])
    for n, c in enumerate(rigmod.CASES):
        if (args.plain and not c.plain) or (c.long and not args.long):
            continue
        variants = c.variants
        if args.plain:
            variants = variants[:1]
        elif args.quick:
            if c.quick is False:
                continue
            # one variant each, in turn: together they cover all
            variants = (c.quick,) if isinstance(c.quick, str) else \
                (c.variants[n % len(c.variants)],)
        for v in variants:
            if args.variant in (None, v) and re.search(args.only, f"{c.name}/{v}"):
                yield c, v


class Overdue(Exception):
    pass


def alarm(*_):
    raise Overdue("took too long")


def tail(rig, verbose):
    for g in rig.gusts or ([rig.gust] if rig.gust else []):
        lines = g.log().splitlines()
        hit = next((i for i, s in enumerate(lines) if rigmod.SANITIZER.search(s)), None)
        part = lines if verbose else lines[hit:hit + 30] if hit is not None else lines[-12:]
        for line in part:
            print("    | " + line[:200])


def ended_badly(rig):
    """A gustd that crashed, or that a sanitizer complained of: no second chance."""
    return any((g.proc and g.proc.poll() not in (None, 0)) or rigmod.SANITIZER.search(g.log())
               for g in rig.gusts)


def run_one(rig, c, v, verbose, last=False):
    """True when the case passed. A machine that others use, too, makes a case late
    now and then: what fails is run once more, and then counts."""
    name = f"{c.name}/{'plain' if rig.plain else v}"
    t0 = time.monotonic()
    signal.signal(signal.SIGALRM, alarm)
    limit = c.timeout * (4 if rig.sanitized else 1)
    signal.alarm(limit)
    try:
        rig.begin(c, v)
        c(rig)
        rig.end()
        signal.alarm(0)
        more = "".join(", " + n for n in rig.notes)
        print(f"PASS {name} ({time.monotonic() - t0:.1f}s{more})", flush=True)
        return True
    except Exception as e:
        signal.alarm(0)
        reason = str(e).strip() or type(e).__name__
        if not isinstance(e, (AssertionError, rigmod.LabError)):
            reason = f"{type(e).__name__}: {reason}"
        at = [f for f in traceback.extract_tb(e.__traceback__)
              if os.path.basename(f.filename).startswith("case_")]
        where = f" (at {os.path.basename(at[-1].filename)}:{at[-1].lineno})" if at else ""
        last = last or ended_badly(rig)
        word = "FAIL" if last else "AGAIN"
        print(f"{word} {name}: {reason.splitlines()[0][:300]}{where}", flush=True)
        for line in reason.splitlines()[1:12]:
            print("    " + line[:300])
        if verbose:
            traceback.print_exc()
        for g in rig.gusts:
            if g.proc and g.proc.poll() is not None:
                print(f"    gustd had ended with status {g.proc.returncode}")
        tail(rig, verbose)
        if last:
            return False
    finally:
        signal.alarm(0)
        rig.cleanup()
    return run_one(rig, c, v, verbose, last=True)


def main():
    args = arguments()
    picks = list(chosen(args))
    if args.list:
        for c, v in picks:
            print(f"{c.name}/{v}")
        return 0
    if os.geteuid():
        sys.exit("run.py makes network namespaces: run it as root")
    # an end from outside takes the namespaces away as well
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, lambda *_: sys.exit(1))
    t0, failed = time.monotonic(), []
    with Lab() as lab:
        rig = rigmod.Rig(lab, args.build, args.plain, args.quick, args.long)
        try:
            for c, v in picks:
                if not run_one(rig, c, v, args.verbose):
                    failed.append(f"{c.name}/{v}")
        finally:
            rig.close()
    print(f"{len(picks) - len(failed)} passed, {len(failed)} failed, "
          f"{time.monotonic() - t0:.0f} s" + ("".join("\n  " + f for f in failed)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
