#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write vxgen_golden.h: VXLAN and Geneve packets as scapy makes them, checked with
tshark.

usage: mkvxgen.py > vxgen_golden.h      (needs python3-scapy and tshark)

Each case is a tunnel's configuration, what goes in, and what comes out. The source
port is fixed (50001), the outer TTL 64, DF set with ID 1,
the flow label 0.
"""
import subprocess
import sys
import tempfile

from scapy.all import (ARP, ICMP, IP, UDP, TCP, Dot1Q, Ether, ICMPv6EchoRequest, IPv6,
                       IPv6ExtHdrFragment, Raw, wrpcap)
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.layers.vxlan import VXLAN

CSUM, DF = "GUST_TUN_CSUM", "GUST_TUN_DF"
L4, R4 = "192.0.2.1", "192.0.2.2"
L6, R6 = "2001:db8:1::1", "2001:db8:1::2"


def body(n):
    return Raw(bytes((i * 37 + 11) & 255 for i in range(n)))


def eth(inner):
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / inner


def ip4(**kw):
    kw.setdefault("flags", "DF")
    return IP(src="10.111.0.1", dst="10.111.0.2", id=7, ttl=64, **kw)


def ip6(**kw):
    return IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=64, **kw)


def tcp(n):
    return TCP(sport=40000, dport=443, seq=1, ack=2, flags="PA", window=8192) / body(n)


INNER = {
    "tcp4": eth(ip4() / tcp(100)),
    "tcp6": eth(ip6() / tcp(101)),
    "udp4": eth(ip4() / UDP(sport=1, dport=2) / body(33)),
    "udp4_nosum": eth(ip4() / UDP(sport=1, dport=2, chksum=0) / body(33)),
    "icmp4": eth(ip4() / ICMP(id=1, seq=2) / body(56)),
    "icmp6": eth(ip6() / ICMPv6EchoRequest(id=1, seq=2, data=bytes(56))),
    "vlan": eth(Dot1Q(vlan=42, prio=3) / ip4() / tcp(20)),
    "qinq": eth(Dot1Q(vlan=7) / ip6() / UDP(sport=3, dport=4) / body(9)),
    "arp": eth(ARP(hwsrc="02:00:00:00:00:01", psrc="10.111.0.1", pdst="10.111.0.2")),
    "frag4": eth(ip4(flags="MF", proto=17) / body(64)),
    "frag6": eth(ip6() / IPv6ExtHdrFragment(nh=17, offset=8, m=1, id=9) / body(64)),
    "proto": eth(ip4(proto=99) / body(41)),
}
IPS = {
    "ip4": ip4() / tcp(77),
    "ip6": ip6() / UDP(sport=5, dport=6) / body(78),
    "dscp4": ip4(tos=0xb9) / tcp(3),
    "ce6": ip6(tc=0x2b) / tcp(4),
}
OPT = GeneveOptions(classid=0x0102, type=0x01, data=b"\0\0\0\x2a") / \
    GeneveOptions(classid=0x0101, type=0x02, data=bytes(range(8)))
CRIT = GeneveOptions(classid=0xFFFF, type=0x81, data=b"abcd")


def options(o):
    return bytes(o) if o else b""


def geneve_header(vni, proto, opt, critical):
    """scapy masks the option length with 0x2f; write it out here."""
    assert len(opt) % 4 == 0
    return Raw(bytes([len(opt) // 4, 0x40 if critical else 0]) + proto.to_bytes(2, "big")
               + vni.to_bytes(3, "big") + b"\0" + opt)


def outer(v6, tos, csum, dport, rest):
    udp = UDP(sport=50001, dport=dport, **({} if csum else {"chksum": 0}))
    if v6:
        return IPv6(src=L6, dst=R6, hlim=64, tc=tos, fl=0) / udp / rest
    return IP(src=L4, dst=R4, ttl=64, id=1, flags="DF", tos=tos) / udp / rest


def tos_of(inner):
    for cls, field in ((IP, "tos"), (IPv6, "tc")):
        if cls in inner:
            return getattr(inner[cls], field)
    return 0


def case(name, kind, v6, csum, inner, vni, opt=None, critical=False):
    flags = "0" if v6 and not csum else " | ".join([DF] * (not v6) + [CSUM] * csum)
    if kind == "vxlan":
        rest = VXLAN(vni=vni, flags="Instance") / inner
        dport = 4789
    else:
        proto = 0x6558 if Ether in inner else 0x0800 if IP in inner else 0x86dd
        rest = geneve_header(vni, proto, options(opt), critical) / inner
        dport = 6081
    pkt = outer(v6, tos_of(inner), csum, dport, rest)
    return {"name": name, "kind": kind, "v6": v6, "id": vni, "flags": flags,
            "opt": options(opt), "in": bytes(inner), "out": bytes(pkt)}


def cases():
    for v6 in (False, True):
        for csum in (False, True):
            tag = ("6" if v6 else "4") + ("_sum" if csum else "")
            for name, inner in INNER.items():
                if v6 == csum and name not in ("tcp4", "udp4_nosum", "frag6"):
                    continue
                for kind in ("vxlan", "geneve"):
                    yield case(f"{kind}{tag}_{name}", kind, v6, csum, inner, 0xABCDEF)
            for name, inner in IPS.items() if v6 != csum else ():
                yield case(f"geneve{tag}_{name}", "geneve", v6, csum, inner, 1)
                yield case(f"geneve{tag}_{name}_opt", "geneve", v6, csum, inner, 0xFFFFFF,
                           OPT)
            yield case(f"geneve{tag}_opt", "geneve", v6, csum, INNER["tcp4"], 5, OPT)
            yield case(f"geneve{tag}_crit", "geneve", v6, csum, INNER["tcp6"], 5, CRIT,
                       True)


def verify(all_cases):
    """Every checksum that there is must be right, every VNI found."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        wrpcap(f.name, [bytes(c["out"]) for c in all_cases], linktype=101)
        out = subprocess.run(
            ["tshark", "-r", f.name, "-o", "udp.check_checksum:TRUE",
             "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
             "-T", "fields", "-e", "vxlan.vni", "-e", "geneve.vni",
             "-e", "geneve.option.type", "-e", "udp.checksum.status",
             "-e", "tcp.checksum.status", "-e", "ip.checksum.status",
             "-e", "_ws.malformed"],
            capture_output=True, text=True, check=True).stdout.splitlines()
    if len(out) != len(all_cases):
        sys.exit("tshark lost some")
    for c, line in zip(all_cases, out):
        vx, gn, opt, udp, tcps, ip, bad = line.split("\t")
        vni = vx if c["kind"] == "vxlan" else gn
        sums = set((udp + "," + tcps + "," + ip).split(",")) - {""}
        # 4: none over IPv6, which RFC 6935 allows to tunnels
        right = {"1", "3"} | ({"4"} if c["v6"] and CSUM not in c["flags"] else set())
        if int(vni, 0) != c["id"] or bad or not sums <= right or \
                bool(opt) != bool(c["opt"]):
            sys.exit(f"tshark is not content with {c['name']}: {line!r}")


def array(name, b):
    print(f"static const uint8_t {name}[] = {{")
    for i in range(0, len(b), 48):
        print("\t" + "".join(f"{x}," for x in b[i:i + 48]))
    print("};")


def main():
    every = list(cases())
    verify(every)
    print("/* SPDX-License-Identifier: BSD-2-Clause */\n/* Written by mkvxgen.py. */")
    print("#ifndef TESTS_VXGEN_GOLDEN_H\n#define TESTS_VXGEN_GOLDEN_H\n")
    print("#include <gust/plugin.h>\n\n/* clang-format off */")
    blobs = {}
    for c in every:
        for part in ("in", "out", "opt"):
            blobs.setdefault(c[part], f"golden_{c['name']}_{part}")
    for b, name in blobs.items():
        if b:
            array(name, b)
    print("\nstatic const struct golden {\n\tconst char *name, *kind;\n\tbool v6;\n"
          "\tuint32_t id, flags;\n\tconst uint8_t *opt;\n\tuint16_t opt_len;\n"
          "\tconst uint8_t *in;\n\tuint32_t in_len;\n\tconst uint8_t *out;\n"
          "\tuint32_t out_len;\n} golden[] = {")
    for c in every:
        def ref(part):
            b = c[part]
            return f"{blobs[b]}, {len(b)}" if b else "0, 0"
        print(f"\t{{ \"{c['name']}\", \"{c['kind']}\", {str(c['v6']).lower()}, "
              f"{c['id']:#x}, {c['flags']},\n\t  "
              f"{ref('opt')}, {ref('in')}, {ref('out')} }},")
    print("};\n/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    main()
