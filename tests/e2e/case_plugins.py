# SPDX-License-Identifier: BSD-2-Clause
"""Offload plugins: switched while traffic runs, refused, misbehaving, built out of
tree, and a bad network on purpose."""
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import time

import nssock
from case_link import Traffic
from rig import PAIR, ROOT, SOME, STACK, Failure, case, check, equal, until

HEAD = '#include <gust/plugin.h>\n#include <stdlib.h>\n'
STATE = """
static int wopen(const struct gust_host *h, void *i, struct gust_worker *w, void **r)
{ *r = (void *)h; return 0; }
static void wclose(void *s, struct gust_batch *out) {}
"""
# takes TCP packets to merge them, and loses every second one
LOSSY = HEAD + STATE + """
static void gro(void *s, struct gust_batch *in, const struct gust_gro_req *q,
                struct gust_batch *out)
{
    const struct gust_host *h = s;
    struct gust_pkt *p;
    for (unsigned n = 0; (p = gust_batch_pop(in)); n++)
        if (n % 2) h->pkt_free(p); else gust_batch_push(out, p);
}
const struct gust_plugin gust_plugin = { .abi = GUST_PLUGIN_ABI, .size = sizeof gust_plugin,
    .name = "a-lossy", .text = "loses",
    .provides = GUST_FEAT_BIT(GUST_FEAT_GRO), .gro_kinds = 1u << GUST_L_TCP,
    .worker_open = wopen, .worker_close = wclose, .gro = gro };
"""
OTHER_ABI = HEAD + STATE + """
static void gro(void *s, struct gust_batch *in, const struct gust_gro_req *q,
                struct gust_batch *out) { abort(); }
const struct gust_plugin gust_plugin = { .abi = GUST_PLUGIN_ABI + 1, .size = sizeof gust_plugin,
    .name = "tomorrow", .gro_kinds = ~0u, .worker_open = wopen, .gro = gro };
"""
NO_OPEN = HEAD + STATE + """
static int open_(const struct gust_host *h, const char *o, void **r, char *err, size_t n)
{ const char *s = "the device is not there"; for (; n > 1 && *s; n--) *err++ = *s++; *err = 0;
  return -19; }
static void gro(void *s, struct gust_batch *in, const struct gust_gro_req *q,
                struct gust_batch *out) { abort(); }
const struct gust_plugin gust_plugin = { .abi = GUST_PLUGIN_ABI, .size = sizeof gust_plugin,
    .name = "no-open", .gro_kinds = ~0u, .open = open_, .worker_open = wopen, .gro = gro };
"""
NO_SYMBOL = "int nothing_of_ours;\n"


def plugin_dir(rig, name, **sources):
    """A directory with the build's plugins, and these."""
    path = os.path.join(rig.lab.dir, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    for so in glob.glob(os.path.join(ROOT, rig.build, "plugins", "*.so")):
        shutil.copy(so, path)
    for stem, text in sources.items():
        src = os.path.join(rig.lab.dir, stem + ".c")
        with open(src, "w") as f:
            f.write(text)
        subprocess.run(["gcc", "-std=gnu11", "-O1", "-fPIC", "-shared", "-Wl,-z,defs",
                        "-I" + os.path.join(ROOT, "include"), "-o",
                        os.path.join(path, stem.replace("_", "-") + ".so"), src], check=True)
    return path


def plugins(rig, *args):
    return {p["name"]: p for p in rig.gust.ctl("plugins", *args)["plugins"]}


def queue_drops(rig):
    """What the kernel did not get into the interface's queue: without TSO it hands
    over single packets, and windows may be larger than the queue."""
    link = json.loads(rig.inside("ip", "-j", "-s", "link", "show", "gust0").stdout)
    return link[0]["stats64"]["tx"]["dropped"]


@case(*SOME, plain=False, timeout=120)
def test_plugins_switch(rig):
    """Plugins are disabled and enabled in the middle of transfers: features follow,
    and no packet is lost."""
    with contextlib.ExitStack() as st:
        t = Traffic(rig)
        st.callback(t.stopping.set)
        t.moves()
        for name, feats in (("tso", ["tx-tcp-segmentation", "tx-tcp6-segmentation", "big-tcp4"]),
                            ("bigtcp", ["big-tcp4", "big-tcp6-jumbo"]),
                            ("uso", ["tx-udp-segmentation"]), ("gro", [])):
            off = plugins(rig, "disable", name)
            equal(off[name]["state"], "disabled", f"state of {name}")
            have = rig.gust.ctl("features")["to_kernel"]["features"]
            check(not set(feats) & set(have), f"{feats} without {name}: {have}")
            if name == "tso":
                equal(off["bigtcp"]["state"], "waiting", "state of bigtcp, which needs tso")
            t.moves()
            on = plugins(rig, "enable", name)
            equal(on[name]["state"], "active", f"state of {name}")
            have = rig.gust.ctl("features")["to_kernel"]["features"]
            check(set(feats) - {"big-tcp6-jumbo"} <= set(have), f"{feats} with {name}: {have}")
            t.moves()
        t.finish()
    total = rig.stats()["total"]
    # not ours: what the kernel says to everybody, and what it sends twice
    theirs = ("scope", "martian", "tcp_dup")
    equal({k: v for k, v in total["drops"].items() if v and k not in theirs}, {}, "drops")
    if rig.workers == 1 and not queue_drops(rig):
        equal(total["tcp"]["out_of_order_in"], 0, "gaps in what came in")
    equal(total["tcp"]["retransmitted"], 0, "segments sent again")


@case(*SOME, plain=False, timeout=90)
def test_plugins_merge(rig):
    """With TSO off in the kernel single packets come in: they are merged."""
    rig.inside("ethtool", "-K", "gust0", "tso", "off", "gso", "off", "tx-udp-segmentation", "off")
    a, b = rig.pair(4)
    nssock.transfer(a, b, rig.size(64, 8) << 20)
    p = plugins(rig)["gro"]
    check(p["counters"]["merged"] > 100, f"merged {p['counters']}")
    equal(p["packets_in"] - p["packets_out"], p["counters"]["merged"], "in less out")
    equal(rig.stats()["total"]["offload"]["rx_merged"] >= p["counters"]["merged"], True,
          "rx_merged")
    check(p["time_ns"] > 0, "time")
    equal(p["faults"], 0, "faults")


@case("tun1", plain=False, own=True)
def test_plugins_refused(rig):
    """Modules that are broken, of another ABI, or do not open are refused with a
    clear line, and the daemon runs on without them."""
    path = plugin_dir(rig, "refused", tomorrow=OTHER_ABI, no_open=NO_OPEN, no_symbol=NO_SYMBOL)
    with open(os.path.join(path, "broken.so"), "w") as f:
        f.write("not a module\n")
    g = rig.start(rest=f'plugins {{ directory = "{path}" disable = {{"uro", "missing"}} '
                       'options = {"tso: nonsense", "nobody: x"} }\n')
    log = g.log()
    for want in (r"plugin \S*/tomorrow.so refused: made for plugin ABI 2, this is 1",
                 r"plugin \S*/no-open.so refused: the device is not there",
                 r'plugin \S*/no-symbol.so refused: exports no symbol "gust_plugin"',
                 r"plugin \S*/broken.so refused: .*(ELF|header|short)",
                 r'plugins: disable: no plugin "missing" is loaded',
                 r'plugins: options: plugin tso: "nonsense": expected id=',
                 r'plugins: options: no plugin "nobody" is loaded'):
        check(re.search(want, log), f"the log does not say {want}:\n{log}")
    have = plugins(rig)
    for name in ("tomorrow", "no-open", "no-symbol", "broken"):
        equal(have[name]["state"], "refused", f"state of {name}")
    equal(have["uro"]["state"], "disabled", "state of uro")
    equal(have["tso"]["state"], "active", "state of tso")
    a, b = rig.pair(4)
    nssock.transfer(a, b, 4 << 20)
    nssock.transfer(b, a, 4 << 20)


@case(*PAIR, plain=False, own=True)
def test_plugins_none(rig):
    """Without any plugin: packets of the MTU's size, and everything works."""
    path = os.path.join(rig.lab.dir, "none")
    os.makedirs(path, exist_ok=True)
    g = rig.start(rest=f'plugins {{ directory = "{path}" }}\n')
    check("no offload plugin in" in g.log(), "the log does not say so")
    have = g.ctl("features")["to_kernel"]
    equal([f for f in have["features"] if "segmentation" in f], [], "segmentation")
    equal(have["gso_max_size_ipv4"], 1500, "largest packet")
    a, b = rig.pair(6)
    nssock.transfer(a, b, 8 << 20)
    nssock.transfer(b, a, 8 << 20)
    equal(rig.stats()["total"]["port"]["tx_super"], 0, "superpackets sent")


@case(*PAIR, plain=False, own=True, timeout=90)
def test_plugins_misbehave(rig):
    """A plugin that loses packets is named and taken out; the flow goes on."""
    path = plugin_dir(rig, f"lossy-{rig.variant}", a_lossy=LOSSY)
    g = rig.start(rest=f'plugins {{ directory = "{path}" }}\n')
    equal(plugins(rig)["gro"]["state"], "shadowed", "state of gro")
    rig.inside("ethtool", "-K", "gust0", "tso", "off", "gso", "off")
    a, b = rig.pair(4)
    nssock.transfer(a, b, 8 << 20)
    until(lambda: plugins(rig)["a-lossy"]["state"] == "faulty", 10, "the plugin to be taken out")
    check(re.search(r"plugin a-lossy disabled after 8 faults; the last: payload is missing",
                    g.log()), "the log does not name it")
    equal(plugins(rig)["gro"]["state"], "active", "state of gro")
    faults = rig.drops()["plugin_fault"]
    check(8 <= faults <= 8 * rig.workers, f"plugin_fault {faults}")
    c, d = rig.pair(4)
    nssock.transfer(c, d, 8 << 20)
    equal(rig.drops()["plugin_fault"], faults, "faults after it was taken out")
    check(plugins(rig)["gro"]["counters"]["merged"] > 0, "gro has taken over")


def pings(rig, n, *args):
    r = rig.inside("ping", "-n", "-q", "-c", n, "-i", "0.02", "-W", "1", *args, STACK[4],
                   check=False)
    return int(re.search(r"(\d+) received", r.stdout).group(1))


@case("tun1", plain=False, own=True, quick=False, timeout=120)
def test_plugins_out_of_tree(rig):
    """The example, built with the installed headers and gust-plugin.pc alone."""
    dest = os.path.join(rig.lab.dir, "dest")
    subprocess.run(["make", "-s", "-C", os.path.join(ROOT, rig.build), "install",
                    f"DESTDIR={dest}"], check=True, stdout=subprocess.DEVNULL)
    found = subprocess.run(["find", dest, "-name", "gust-plugin.pc"], capture_output=True,
                           text=True).stdout.split()
    equal(len(found), 1, "gust-plugin.pc installed")
    example = os.path.join(rig.lab.dir, "example")
    shutil.copytree(os.path.join(ROOT, "examples", "plugin"), example)
    env = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(found[0]),
               PKG_CONFIG_SYSROOT_DIR=dest)
    r = subprocess.run(["make", "-s", "-C", example, "CFLAGS=-O2 -Wall -Wextra -Werror "
                        "-Wno-unused-parameter"], env=env, capture_output=True, text=True)
    if r.returncode:
        raise Failure(f"the example does not build: {r.stderr}")
    so = os.path.join(example, "ttl-guard.so")
    names = subprocess.run(["nm", "-D", "--undefined-only", so], capture_output=True,
                           text=True, check=True).stdout
    check(not re.search(r"\b(gust|pkt|slab|engine)_", names), f"symbols of the daemon: {names}")
    where = glob.glob(dest + "/**/gust/plugins", recursive=True)
    equal(len(where), 1, "plugin directories installed")
    shutil.copy(so, where[0])
    g = rig.start(rest=f'plugins {{ directory = "{where[0]}" }}\n')
    equal(plugins(rig)["ttl-guard"]["state"], "waiting", "without options")
    equal(pings(rig, 5, "-t", 3), 5, "answers")
    bad = rig.run(rig.H, os.path.join(rig.build, "gustctl"), "-s", g.sock, "plugins", "options",
                  "ttl-guard", "min=999", check=False)
    equal(bad.returncode, 1, "exit status for bad options")
    check('"min=999": expected min=N, N from 1 to 255' in bad.stdout, bad.stdout)
    plugins(rig, "options", "ttl-guard", "min=10")
    equal(pings(rig, 5, "-t", 3), 0, "answers from afar")
    equal(pings(rig, 5, "-t", 20), 5, "answers from near")
    p = plugins(rig)["ttl-guard"]
    equal(p["counters"]["too_far"], 5, "too_far")
    equal(rig.drops()["filtered"], 5, "drops by name")
    plugins(rig, "disable", "ttl-guard")
    equal(pings(rig, 5, "-t", 3), 5, "answers again")


@case(*SOME, plain=False, timeout=150)
def test_impaired(rig):
    """A bad network on the port, given and taken away at run time: slower, and
    every byte arrives."""
    a, b = rig.pair(4)
    c, d = rig.pair(6)
    plugins(rig, "options", "impair", "rx: loss 2%, reorder 1%, duplicate 1%, corrupt 0.2%, "
            "seed 1; tx: loss 2%, delay 2ms jitter 1ms, duplicate 1%, seed 2")
    n = rig.size(3, 1) << 20
    nssock.transfer(a, b, n)
    nssock.transfer(d, c, n)
    k = plugins(rig)["impair"]["counters"]
    for name in ("lost", "duplicated", "delayed"):
        check(k[name] > 0, f"impair: {k}")
    check(rig.drops()["impaired"] > 0, "impaired is not counted")
    t0 = time.monotonic()
    plugins(rig, "options", "impair", "tx: delay 50ms, seed 1")
    equal(pings(rig, 3), 3, "answers")
    check(time.monotonic() - t0 > 0.1, "no delay")
    # taken away while packets are held: they go on their way
    plugins(rig, "options", "impair", "tx: delay 1s, seed 1")
    p = rig.keep(Ping(rig))
    time.sleep(0.3)
    plugins(rig, "options", "impair", "")
    equal(p.received(), 3, "answers that were held")
    equal(plugins(rig)["impair"]["state"], "waiting", "state of impair")
    nssock.transfer(a, b, 4 << 20)


class Ping:
    def __init__(self, rig):
        self.lab = rig.lab
        self.p = rig.lab.start(rig.I, "ping", "-n", "-q", "-c", 3, "-i", "0.05", "-W", 5, STACK[4],
                               stdout=subprocess.PIPE, text=True)

    def received(self):
        out = self.p.communicate(timeout=15)[0]
        return int(re.search(r"(\d+) received", out).group(1))

    def close(self):
        self.lab.stop(self.p)
