#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write sctp_golden.h: SCTP packets as scapy makes them, checked with tshark.

usage: mksctp.py > sctp_golden.h      (needs python3-scapy and tshark)

Each train is a list of IP packets of one association and direction.
"""
import subprocess
import sys
import tempfile

from scapy.all import IP, IPv6, Raw, wrpcap
from scapy.layers.inet import IPOption_Router_Alert
from scapy.layers.sctp import (SCTP, SCTPChunkCookieAck, SCTPChunkData, SCTPChunkInit,
                               SCTPChunkSACK)

TAG = 0xC0FFEE01


def data(tsn, n, seq=0, **kw):
    body = bytes((tsn * 31 + i * 7) & 255 for i in range(n))
    return SCTPChunkData(tsn=tsn, stream_id=1, stream_seq=seq, proto_id=0, data=body,
                         beginning=1, ending=1, **kw)


def idata(tsn, n, mid):
    """RFC 8260 2.1, which scapy 2.5 does not know."""
    body = bytes((tsn * 17 + i * 5) & 255 for i in range(n))
    ln = 20 + n
    return Raw(b"\x40\x03" + ln.to_bytes(2, "big") + tsn.to_bytes(4, "big") + b"\0\1\0\0"
               + mid.to_bytes(4, "big") + bytes(4) + body + bytes(-ln % 4))


def v4(chunks, ident=7, **kw):
    kw.setdefault("flags", "DF")
    return IP(src="10.111.0.1", dst="10.111.0.2", id=ident, ttl=64, **kw) / \
        SCTP(sport=40000, dport=50000, tag=TAG) / chunks


def v6(chunks, **kw):
    return IPv6(src="2001:db8::1", dst="2001:db8::2", hlim=64, fl=0x12345, **kw) / \
        SCTP(sport=40000, dport=50000, tag=TAG) / chunks


TRAINS = {
    # equal sizes, IDs that count up, a shorter end
    "data4": [v4(data(100 + i, 1000 if i < 3 else 333, i), 500 + i, flags=0) for i in range(4)],
    "data6": [v6(data(100 + i, 1000 if i < 3 else 333, i)) for i in range(4)],
    # sizes that differ, several chunks a packet, padding
    "mixed4": [v4(data(1, 5) / data(2, 6) / data(3, 7), 0),
               v4(data(4, 801), 0), v4(data(5, 1), 0)],
    "idata6": [v6(idata(9, 61, 1)), v6(idata(10, 1200, 2)), v6(data(11, 8))],
    # what ends a merge
    "init4": [v4(SCTPChunkInit(init_tag=0xDEADBEEF, a_rwnd=65536, n_out_streams=10,
                               n_in_streams=2048, init_tsn=1))],
    "sack4": [v4(SCTPChunkSACK(cumul_tsn_ack=100, a_rwnd=65536))],
    "bundle4": [v4(SCTPChunkSACK(cumul_tsn_ack=100, a_rwnd=65536) / data(7, 20))],
    "cookie6": [v6(SCTPChunkCookieAck())],
    "options4": [v4(data(100 + i, 100), 3 + i, options=[IPOption_Router_Alert()])
                 for i in range(2)],
}


def verify(pkts):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        wrpcap(f.name, pkts, linktype=101)
        out = subprocess.run(["tshark", "-r", f.name, "-o", "sctp.checksum:crc-32c",
                              "-o", "ip.check_checksum:TRUE", "-T", "fields",
                              "-e", "sctp.checksum.status", "-e", "_ws.malformed"],
                             capture_output=True, text=True, check=True).stdout
    got = [line.strip() for line in out.splitlines()]
    if got != ["1"] * len(pkts):
        sys.exit(f"tshark is not content: {got}")


def main():
    print("/* SPDX-License-Identifier: BSD-2-Clause */\n/* Written by mksctp.py. */")
    print("#ifndef TESTS_SCTP_GOLDEN_H\n#define TESTS_SCTP_GOLDEN_H\n")
    print("struct golden {\n\tunsigned len;\n\tconst char *bytes;\n};\n")
    print("/* clang-format off */")
    for name, train in TRAINS.items():
        verify(train)
        print(f"static const struct golden golden_{name}[] = {{")
        for p in train:
            b = bytes(p)
            print(f"\t{{ {len(b)},")
            for i in range(0, len(b), 18):
                print('\t  "' + "".join(f"\\x{c:02x}" for c in b[i:i + 18]) + '"')
            print("\t},")
        print("};\n")
    print("/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    main()
