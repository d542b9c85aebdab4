#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write tunnel_golden.h: packets in tunnels as scapy makes them, checked with tshark.

usage: mktunnel.py > tunnel_golden.h      (needs python3-scapy and tshark)

Each case is an inner packet and the levels around it, innermost first. Level number
k of a case has the local address 192.0.2.(2k+1) or 2001:db8:f::k:1 and the remote
one 192.0.2.(2k+2) or 2001:db8:f::k:2; the first packet's ID is 1, its sequence
number 0, its TTL 64. IPv6 flow labels are 0 here.
"""
import subprocess
import sys
import tempfile

from scapy.all import ARP, GRE, ICMP, IP, TCP, UDP, Dot1Q, Ether, IPv6, Raw, wrpcap
from scapy.layers.inet6 import IPv6ExtHdrHopByHop, PadN

CSUM, KEY, SEQ, DF, TOS = 0x1, 0x2, 0x4, 0x8, 0x100


def body(n):
    return Raw(bytes((i * 29 + 3) & 255 for i in range(n)))


MACS = {"dst": "02:00:00:00:00:02", "src": "02:00:00:00:00:01"}
TCP4 = IP(src="10.1.0.1", dst="10.1.0.2", id=77, flags="DF", tos=0xBA) / \
    TCP(sport=4000, dport=443, seq=1, ack=9, flags="A") / body(61)
UDP4 = IP(src="10.1.0.1", dst="10.1.0.2", id=78, tos=1, ttl=9) / \
    UDP(sport=4000, dport=4001) / body(20)
FRAG4 = IP(src="10.1.0.1", dst="10.1.0.2", id=79, flags="MF", frag=185, proto=17) / body(64)
ICMP4 = IP(src="10.1.0.1", dst="10.1.0.2", id=80) / ICMP() / body(33)
TCP6 = IPv6(src="2001:db8::1", dst="2001:db8::2", tc=0x2A, fl=0x12345) / \
    TCP(sport=4000, dport=443, seq=1, ack=9, flags="A") / body(40)
UDP6 = IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=3) / \
    IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]) / \
    UDP(sport=4000, dport=4001) / body(7)
FRAME = Ether(**MACS) / TCP4
TAGGED = Ether(**MACS) / Dot1Q(vlan=5, prio=3) / UDP6
FRAME_ARP = Ether(dst="ff:ff:ff:ff:ff:ff", src=MACS["src"]) / \
    ARP(hwsrc=MACS["src"], psrc="10.1.0.1", pdst="10.1.0.2")


def ds_of(p):
    if p.haslayer(IP) and not isinstance(p, Ether):
        return p.tos
    if isinstance(p, IPv6):
        return p.tc
    q = p
    while isinstance(q, (Ether, Dot1Q)):
        q = q.payload
    return q.tos if isinstance(q, IP) else q.tc if isinstance(q, IPv6) else 0


def df_of(p):
    q = p
    while isinstance(q, (Ether, Dot1Q)):
        q = q.payload
    return isinstance(q, IP) and bool(q.flags.DF)


def outer(p, k, v6, flags, tos, proto):
    ds = ds_of(p) if not isinstance(p, IPv6) else p.tc
    if flags & TOS:
        ds = tos | ds & 3
    if v6:
        return IPv6(src=f"2001:db8:f::{k}:1", dst=f"2001:db8:f::{k}:2", tc=ds, hlim=64,
                    nh=proto)
    df = "DF" if flags & DF or df_of(p) else 0
    return IP(src=f"192.0.2.{2 * k + 1}", dst=f"192.0.2.{2 * k + 2}", id=1, ttl=64,
              tos=ds, flags=df, proto=proto)


def ipip(p, k, kind, v6, flags, ident, tos):
    return outer(p, k, v6, flags, tos, 41 if isinstance(p, IPv6) else 4) / p


def gre(p, k, kind, v6, flags, ident, tos):
    proto = 0x6558 if isinstance(p, Ether) else 0x86DD if isinstance(p, IPv6) else 0x0800
    g = GRE(proto=proto, chksum_present=int(bool(flags & CSUM)),
            key_present=int(bool(flags & KEY)), seqnum_present=int(bool(flags & SEQ)))
    if flags & KEY:
        g.key = ident
    if flags & SEQ:
        g.seqence_number = 0
    return outer(p, k, v6, flags, tos, 47) / g / p


BUILD = {"ipip": ipip, "sit": ipip, "ip4ip6": ipip, "ip6ip6": ipip, "gre": gre, "gretap": gre}


def lv(kind, v6=False, flags=0, ident=0, tos=0):
    return (kind, v6, flags, ident, tos)


CASES = {
    "ipip": (TCP4, [lv("ipip")], "ip:ip:tcp"),
    "ipip_tos": (TCP4, [lv("ipip", flags=TOS, tos=0x48)], "ip:ip:tcp"),
    "ipip_df": (UDP4, [lv("ipip", flags=DF)], "ip:ip:udp"),
    "ipip_fragment": (FRAG4, [lv("ipip")], "ip:ip"),
    "sit": (TCP6, [lv("sit")], "ip:ipv6:tcp"),
    "sit_hop": (UDP6, [lv("sit")], "ip:ipv6:ipv6.hopopts:udp"),
    "ip4ip6": (TCP4, [lv("ip4ip6", True)], "ipv6:ip:tcp"),
    "ip6ip6": (TCP6, [lv("ip6ip6", True)], "ipv6:ipv6:tcp"),
    "gre": (TCP4, [lv("gre")], "ip:gre:ip:tcp"),
    "gre_6": (TCP6, [lv("gre")], "ip:gre:ipv6:tcp"),
    "gre6": (UDP4, [lv("gre", True)], "ipv6:gre:ip:udp"),
    "gre6_6": (UDP6, [lv("gre", True, KEY, 7)], "ipv6:gre:ipv6:ipv6.hopopts:udp"),
    "gre_key": (TCP4, [lv("gre", flags=KEY, ident=0xCAFE0001)], "ip:gre:ip:tcp"),
    "gre_seq": (TCP4, [lv("gre", flags=SEQ)], "ip:gre:ip:tcp"),
    "gre_csum": (TCP4, [lv("gre", flags=CSUM)], "ip:gre:ip:tcp"),
    "gre_csum_icmp": (ICMP4, [lv("gre", flags=CSUM)], "ip:gre:ip:icmp"),
    "gre_csum_fragment": (FRAG4, [lv("gre", flags=CSUM)], "ip:gre:ip"),
    "gre_all": (TCP6, [lv("gre", True, CSUM | KEY | SEQ, 42)], "ipv6:gre:ipv6:tcp"),
    "gretap": (FRAME, [lv("gretap")], "ip:gre:eth:ethertype:ip:tcp"),
    "gretap_all": (FRAME, [lv("gretap", flags=CSUM | KEY | SEQ, ident=1)],
                   "ip:gre:eth:ethertype:ip:tcp"),
    "gretap6_vlan": (TAGGED, [lv("gretap", True, CSUM)],
                     "ipv6:gre:eth:ethertype:vlan:ethertype:ipv6:ipv6.hopopts:udp"),
    "gretap_arp": (FRAME_ARP, [lv("gretap", flags=CSUM)], "ip:gre:eth:ethertype:arp"),
    "nest2": (TCP4, [lv("ipip"), lv("gre", flags=CSUM | KEY, ident=5)],
              "ip:gre:ip:ip:tcp"),
    "nest3": (TCP6, [lv("sit"), lv("gre", flags=CSUM | SEQ), lv("ip4ip6", True)],
              "ipv6:ip:gre:ip:ipv6:tcp"),
    "nest4": (FRAME, [lv("gretap", flags=CSUM | KEY | SEQ, ident=9), lv("gre", flags=CSUM),
                      lv("ip4ip6", True), lv("ip6ip6", True)],
              "ipv6:ipv6:ip:gre:ip:gre:eth:ethertype:ip:tcp"),
}


def shark(packets):
    """Protocols, and what tshark finds wrong, of each packet."""
    fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message", "gre.checksum.status",
              "ip.checksum.status", "tcp.checksum.status"]
    opts = ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE",
            "ip.defragment:FALSE"]
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        wrpcap(f.name, [Raw(bytes(p)) for p in packets], linktype=101)
        cmd = ["tshark", "-n", "-r", f.name, "-T", "fields", "-E", "separator=|"]
        for o in opts:
            cmd += ["-o", o]
        for n in fields:
            cmd += ["-e", n]
        out = subprocess.run(cmd, check=True, capture_output=True, text=True).stdout
    return [line.split("|") for line in out.splitlines()]


def check(names, packets):
    for name, got in zip(names, shark(packets), strict=True):
        want = CASES[name][2]
        protos = got[0].removeprefix("raw:").removesuffix(":data").removesuffix(":tls")
        protos = protos.removesuffix(":dns")
        status = ",".join(got[3:]).split(",")
        if protos != want or got[1] or "0" in status or "hecksum" in got[2]:
            sys.exit(f"{name}: tshark finds {got}, {want} expected")


def array(name, b):
    print(f"static const uint8_t {name}[] = {{")
    for i in range(0, len(b), 12):
        print("\t" + " ".join(f"0x{x:02x}," for x in b[i:i + 12]))
    print("};\n")


def main():
    built = {}
    for name, (inner, levels, _) in CASES.items():
        p = inner
        for k, level in enumerate(levels):
            p = BUILD[level[0]](p, k, *level)
        built[name] = p
    check(list(built), [built[n] for n in built])
    print("/* SPDX-License-Identifier: BSD-2-Clause */")
    print("/*\n * tunnel_golden.h - packets in tunnels, by mktunnel.py (scapy, tshark)\n */")
    print("/* clang-format off */")
    for name, p in built.items():
        array(f"inner_{name}", bytes(CASES[name][0]))
        array(f"outer_{name}", bytes(p))
    print("static const struct golden goldens[] = {")
    for name in built:
        inner, levels, _ = CASES[name]
        rows = ", ".join(f'{{ "{k}", {str(v6).lower()}, 0x{f:x}, {i}u, {t} }}'
                         for k, v6, f, i, t in levels)
        print(f'\t{{ "{name}", {str(isinstance(inner, Ether)).lower()}, {len(levels)},\n'
              f"\t  {{ {rows} }},\n"
              f"\t  inner_{name}, sizeof(inner_{name}), outer_{name}, sizeof(outer_{name}) }},")
    print("};")


if __name__ == "__main__":
    main()
