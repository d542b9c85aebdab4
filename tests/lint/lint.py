#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rules of the house that a compiler does not check.

One line a rule: "PASS name" or "FAIL name" with what and where before it.
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Which rooms a room may include, besides itself, include/gust and the system
# (docs/architecture.md has the table).
BELOW = {
    "base": [],
    "wire": ["base"],
    "pkt": ["wire", "base"],
    "flow": ["pkt", "wire", "base"],
    "ip": ["flow", "pkt", "wire", "base"],
    "tcp": ["ip", "flow", "pkt", "wire", "base"],
    "udp": ["ip", "flow", "pkt", "wire", "base"],
    "offload": ["pkt", "wire", "base"],
    "switch": ["flow", "offload", "pkt", "wire", "base"],
    "port": ["pkt", "wire", "base"],
    "link": ["pkt", "wire", "base"],
    "proof": ["offload", "port", "link", "pkt", "wire", "base"],
    "relay": ["tcp", "udp", "ip", "flow", "pkt", "wire", "base"],
    "work": ["relay", "switch", "offload", "port", "tcp", "udp", "ip", "flow", "pkt", "wire", "base"],
    "daemon": ["work", "relay", "switch", "proof", "link", "port", "offload", "tcp", "udp", "ip",
               "flow", "pkt", "wire", "base"],
    "cli": ["base"],
    "cable": ["offload", "port", "ip", "flow", "pkt", "wire", "base"],
}
# Rooms in which time and chance come from struct env alone.
SANS_IO = ["wire", "pkt", "flow", "ip", "tcp", "udp", "offload", "switch"]
BANNED_IO = re.compile(
    r"\b(time|gettimeofday|clock_gettime|rand|random|srand|getrandom|arc4random|"
    r"socket|sendmsg|recvmsg|poll|epoll_wait|ioctl|printf|log_(?:err|warn|info|debug|notice))\s*\(")
MAX_LINES = 800


def tracked():
    out = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True)
    if out.returncode == 0 and out.stdout:
        return [f for f in out.stdout.decode().split("\0") if f]
    files = []
    for base, dirs, names in os.walk(ROOT):
        dirs[:] = [d for d in dirs if not d.startswith((".git", "build", "autom4te"))]
        files += [os.path.relpath(os.path.join(base, n), ROOT) for n in names]
    return files


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def strip_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    text = re.sub(r'"(?:\\.|[^"\\])*"', '""', text)
    return re.sub(r"//.*", "", text)


def rule_spdx(files):
    skip = re.compile(r"(^LICENSE$|\.gitignore$|/corpus/|\.png$|\.svg$|\.json$|\.pcap$|\.md$)")
    for f in files:
        if not skip.search(f) and "SPDX-License-Identifier: BSD-2-Clause" not in read(f)[:400]:
            yield f, 1, "no SPDX line in the first 400 characters"


def rule_layers(files):
    for f in files:
        m = re.match(r"src/([a-z]+)/[^/]+\.[ch]$", f)
        if not m:
            continue
        room = m.group(1)
        for i, line in enumerate(read(f).splitlines(), 1):
            inc = re.match(r'\s*#\s*include\s+"([a-z]+)/', line)
            if inc and inc.group(1) != room and inc.group(1) not in BELOW.get(room, []):
                yield f, i, f"room {room} may not include {inc.group(1)}/"


def rule_sans_io(files):
    for f in files:
        m = re.match(r"src/([a-z]+)/[^/]+\.[ch]$", f)
        if not m or m.group(1) not in SANS_IO:
            continue
        for i, line in enumerate(strip_comments(read(f)).splitlines(), 1):
            hit = BANNED_IO.search(line)
            if hit:
                yield f, i, f"{hit.group(1)}() in a room that only knows struct env"


def rule_libevent(files):
    for f in files:
        if not re.match(r"src/(?!daemon/)[a-z]+/[^/]+\.[ch]$", f) or f == "src/work/worker.c":
            continue
        for i, line in enumerate(read(f).splitlines(), 1):
            if re.match(r"\s*#\s*include\s+<event2?/", line):
                yield f, i, "worker.c is the only file of the data path that knows libevent"


def rule_length(files):
    for f in files:
        if re.match(r"(src|plugins|include|tests)/.*\.(c|h|py)$", f):
            n = read(f).count("\n")
            if n > MAX_LINES:
                yield f, n, f"{n} lines; more than {MAX_LINES} asks for a room of its own"


def rule_unfinished(files):
    pat = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not implemented")
    for f in files:
        if re.match(r"(src|plugins|include|scripts|tests)/", f) and "/corpus/" not in f \
                and not f.startswith("tests/lint/"):
            for i, line in enumerate(read(f).splitlines(), 1):
                if pat.search(line):
                    yield f, i, "mark of unfinished work"


def rule_packet_casts(files):
    pat = re.compile(r"\(\s*(?:const\s+)?struct\s+(?:iphdr|ip6_hdr|ipv6hdr|tcphdr|udphdr|ethhdr|"
                     r"icmphdr|icmp6_hdr|virtio_net_hdr\w*)\s*\*\s*\)")
    for f in files:
        if re.match(r"(src|plugins)/.*\.[ch]$", f):
            for i, line in enumerate(strip_comments(read(f)).splitlines(), 1):
                if pat.search(line):
                    yield f, i, "packet bytes are never cast to a struct"


def rule_drop_names(files):
    names = re.findall(r'DROP\((\w+), "(\w+)"', read("src/pkt/drop.def"))
    if len({n for _, n in names}) != len(names):
        yield "src/pkt/drop.def", 1, "two reasons with one name"
    text = "".join(read(f) for f in files
                   if re.match(r"(src|plugins)/.*\.[ch]$", f))
    for sym, _ in names:
        if sym != "NONE" and not re.search(r"\bDROP_%s\b" % sym, text):
            yield "src/pkt/drop.def", 1, f"DROP_{sym} is never used"


def rule_local_mk(files):
    """Every source file of a room is built."""
    mk = "".join(read(f) for f in files if f.endswith(".mk"))
    for f in files:
        if re.match(r"(src|plugins)/.*\.c$", f) and f not in mk:
            yield f, 1, "in no local.mk: it is not built"


def rule_python(files):
    for f in files:
        if f.endswith(".py"):
            try:
                compile(read(f), f, "exec")
            except SyntaxError as e:
                yield f, e.lineno or 1, str(e)


def rule_shell(files):
    for f in files:
        if f.endswith(".sh") or (f.startswith("scripts/") and "bash" in read(f)[:60]):
            r = subprocess.run(["bash", "-n", os.path.join(ROOT, f)], capture_output=True)
            if r.returncode:
                yield f, 1, r.stderr.decode().strip()


def rule_format(files):
    src = [os.path.join(ROOT, f) for f in files
           if re.match(r"(src|plugins|include|tests)/.*\.[ch]$", f)]
    r = subprocess.run(["clang-format", "--dry-run", "-Werror", *src], capture_output=True)
    seen = set()
    for line in r.stderr.decode().splitlines():
        m = re.match(r"(.*?):(\d+):\d+: error", line)
        if m and m.group(1) not in seen:
            seen.add(m.group(1))
            yield os.path.relpath(m.group(1), ROOT), int(m.group(2)), \
                "clang-format would change it"


def main():
    files = sorted(tracked())
    failed = 0
    for name, fn in sorted(globals().items()):
        if not name.startswith("rule_"):
            continue
        hits = list(fn(files))
        for f, line, what in hits[:20]:
            print(f"{f}:{line}: {what}")
        if len(hits) > 20:
            print(f"... and {len(hits) - 20} more")
        print(("FAIL " if hits else "PASS ") + "lint/" + name[5:])
        failed += bool(hits)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
