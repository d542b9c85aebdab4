#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write gue_golden.h: FOU and GUE packets as scapy makes them, checked with tshark.

usage: mkgue.py > gue_golden.h      (needs python3-scapy and tshark)

Each is what a tunnel sends and the packet inside. scapy and tshark have no GUE:
its header is written out here, after Linux include/net/gue.h, and tshark is
shown the packet inside behind it; FOU's packets it reads whole ("decode as").
"""
import struct
import subprocess
import sys
import tempfile

from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, IPv6, Raw, raw, wrpcap

GUE_PORT, FOU_PORT, SPORT = 6080, 5555, 50000
PRIV, REMCSUM = 0x0001, 0x80000000


def body(n, a=7):
    return Raw(bytes((a + i * 13) & 255 for i in range(n)))


def tcp4(n=37, ident=0x1234, **kw):
    return IP(src="10.111.0.1", dst="10.111.0.2", id=ident, ttl=63, flags="DF", **kw) / \
        TCP(sport=40000, dport=443, seq=0x01020304, ack=0x11223344, flags="A") / body(n)


def udp6(n=40, **kw):
    return IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=63, **kw) / \
        UDP(sport=40000, dport=53) / body(n)


def tcp6(n=41):
    return IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=63) / \
        TCP(sport=40000, dport=443, seq=5, ack=6, flags="PA") / body(n)


def udp4(n=21):
    return IP(src="10.111.0.1", dst="10.111.0.2", id=9, ttl=63, flags="DF") / \
        UDP(sport=40000, dport=53) / body(n)


def frame(p):
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / p


def tagged():
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / Dot1Q(vlan=42) / tcp4(20)


def arp():
    return Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / \
        ARP(hwsrc="02:00:00:00:00:01", psrc="10.111.0.1", pdst="10.111.0.2")


def gue(proto, opt=b"", flags=0, control=0):
    return struct.pack("!BBH", control << 5 | len(opt) // 4, proto, flags) + opt


def outer(v6, csum, dport, inside, tos=0):
    """The outer headers; UDP without a checksum says 0."""
    udp = UDP(sport=SPORT, dport=dport)
    if not csum:
        udp.chksum = 0
    if v6:
        ip = IPv6(src="2001:db8:1::1", dst="2001:db8:1::2", hlim=64, tc=tos)
    else:
        ip = IP(src="192.0.2.1", dst="192.0.2.2", id=1, ttl=64, flags="DF", tos=tos)
    return ip / udp / Raw(inside)


def pseudo(p):
    """The sum that a checksum field holds before it is completed, and where."""
    b = bytearray(raw(p))
    v6 = b[0] >> 4 == 6
    at = 40 if v6 else 20
    proto = b[6] if v6 else b[9]
    words = b[8:40] if v6 else b[12:20]
    s = sum(struct.unpack("!%dH" % (len(words) // 2), bytes(words))) + proto + len(b) - at
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    off = at + (16 if proto == 6 else 6)
    b[off:off + 2] = struct.pack("!H", s)
    return bytes(b), at, off


def remcsum(v6, p, proto):
    inside, start, off = pseudo(p)
    opt = struct.pack("!IHH", REMCSUM, start, off)
    return outer(v6, True, GUE_PORT, gue(proto, opt, PRIV) + inside)


def pairs():
    yield "gue_4in4", outer(0, 0, GUE_PORT, gue(4) + raw(tcp4())), tcp4()
    yield "gue_4in4_csum", outer(0, 1, GUE_PORT, gue(4) + raw(tcp4())), tcp4()
    yield "gue_6in4_csum", outer(0, 1, GUE_PORT, gue(41) + raw(udp6())), udp6()
    yield "gue_4in6_csum", outer(1, 1, GUE_PORT, gue(4) + raw(tcp4())), tcp4()
    yield "gue_6in6", outer(1, 0, GUE_PORT, gue(41) + raw(tcp6())), tcp6()
    yield "gue_eth_csum", outer(0, 1, GUE_PORT, gue(143) + raw(frame(tcp6()))), frame(tcp6())
    yield "gue_vlan", outer(1, 1, GUE_PORT, gue(143) + raw(tagged())), tagged()
    yield "gue_arp_csum", outer(0, 1, GUE_PORT, gue(143) + raw(arp())), arp()
    icmp = IP(src="10.111.0.1", dst="10.111.0.2", id=3, ttl=63) / ICMP(id=7, seq=1) / body(19)
    yield "gue_icmp_csum", outer(0, 1, GUE_PORT, gue(4) + raw(icmp)), icmp
    yield "fou_4in4", outer(0, 0, FOU_PORT, raw(tcp4())), tcp4()
    yield "fou_6in4_csum", outer(0, 1, FOU_PORT, raw(udp6())), udp6()
    yield "fou_4in6_csum", outer(1, 1, FOU_PORT, raw(tcp4())), tcp4()
    yield "fou_eth", outer(0, 0, FOU_PORT, raw(frame(tcp4()))), frame(tcp4())
    yield "remcsum_tcp4", remcsum(0, tcp4(), 4), tcp4()
    yield "remcsum_tcp6", remcsum(1, tcp6(), 41), tcp6()
    yield "remcsum_udp4", remcsum(0, udp4(), 4), udp4()
    yield "remcsum_udp6", remcsum(0, udp6(), 41), udp6()
    # on the way in only: version 1, and private data that nobody knows of
    yield "direct_4", outer(0, 0, GUE_PORT, raw(tcp4())), tcp4()
    yield "direct_6", outer(1, 1, GUE_PORT, raw(udp6())), udp6()
    yield "private", outer(0, 1, GUE_PORT, gue(4, bytes(range(8))) + raw(tcp4())), tcp4()


def tshark(path, *args):
    out = subprocess.run(["tshark", "-r", path, "-o", "ip.check_checksum:TRUE",
                          "-o", "udp.check_checksum:TRUE",
                          "-o", "udp.ignore_ipv6_zero_checksum:TRUE", "-o", "tcp.check_checksum:TRUE",
                          "-T", "fields", "-e", "frame.protocols", "-e",
                          "udp.checksum.status", "-e", "tcp.checksum.status", *args],
                         capture_output=True, text=True, check=True)
    return out.stdout.splitlines()


def check(all_):
    """Checksums are good (1) or absent (3) at each level that tshark sees."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        for who in ("outside", "inside"):
            for name, out, inside in all_:
                p = out if who == "outside" else inside
                eth = p.haslayer(Ether)
                wrpcap(f.name, [p] if eth else [raw(p)], linktype=1 if eth else 101)
                decode = []
                if name.startswith("fou") and "eth" not in name:
                    decode = ["-d", "udp.port==%d,ip" % FOU_PORT]
                for line in tshark(f.name, *decode):
                    protocols, udp, tcp = (line.split("\t") + ["", ""])[:3]
                    status = [x for x in (udp + "," + tcp).split(",") if x]
                    print(name, who, line, file=sys.stderr)
                    if any(s not in ("1", "3") for s in status):
                        sys.exit(f"{name} {who}: tshark says {line}")
                    if decode and who == "outside" and protocols.count("ip") < 2:
                        sys.exit(f"{name}: not seen inside")


def emit(what, b):
    print(f"\t  .{what}_len = {len(b)},\n\t  .{what} =", end="")
    for i in range(0, len(b), 18):
        print('\n\t  "' + "".join(f"\\x{c:02x}" for c in b[i:i + 18]) + '"', end="")
    print(",")


def main():
    all_ = [(n, o, i) for n, o, i in pairs()]
    check(all_)
    print("/* SPDX-License-Identifier: BSD-2-Clause */\n/* Written by mkgue.py. */")
    print("#ifndef TESTS_GUE_GOLDEN_H\n#define TESTS_GUE_GOLDEN_H\n")
    print("struct gue_golden {\n\tconst char *name;\n\tunsigned out_len, in_len;\n"
          "\tconst char *out, *in;\n};\n")
    print("/* clang-format off */\nstatic const struct gue_golden gue_golden[] = {")
    for name, out, inside in all_:
        print(f'\t{{ .name = "{name}",')
        emit("out", raw(out))
        emit("in", raw(inside))
        print("\t},")
    print("};\n/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    main()
