#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seed corpus of fuzz_sctp.

usage: mkcorpus_sctp.py DIRECTORY      (writes DIRECTORY/sctp)

Two bytes of limits, then packets: flags, association, ID step, length, chunks.
"""
import os
import struct
import sys

V6, ETH, EXT, DF, BAD, OWED, RAW, PAD = 1, 2, 4, 8, 16, 32, 64, 128


def data(n=20, kind=0):
    head = 16 if kind == 0 else 20
    return struct.pack(">BBH", kind, 3, head + n) + bytes(head - 4) + bytes(n) + bytes(-n % 4)


def pkt(flags=0, assoc=0, step=1, chunks=None):
    chunks = data() if chunks is None else chunks
    return bytes([flags, assoc, step & 255, len(chunks)]) + chunks


SACK = b"\x03\0\0\x10" + bytes(12)
CASES = {
    "train4": [pkt(assoc=2) for _ in range(5)],
    "train6": [pkt(V6, 1) for _ in range(5)],
    "fixed-id": [pkt(DF, 3, 0) for _ in range(4)],
    "wrap": [pkt(ETH, 1, 3, data(n)) for n in (1, 2, 3, 4)],
    "ext": [pkt(V6 | EXT | ETH) for _ in range(3)],
    "control": [pkt(), pkt(), pkt(chunks=SACK), pkt(chunks=SACK + data()), pkt(), pkt()],
    "idata": [pkt(chunks=data(9, 64)), pkt(chunks=data(10) + data(1, 64))],
    "malformed": [pkt(), pkt(chunks=data(20)[:-1]), pkt(chunks=b"\0\3\0\0"), pkt(chunks=b"")],
    "crc": [pkt(), pkt(BAD), pkt(OWED), pkt(), pkt(OWED)],
    "raw": [pkt(), pkt(RAW, 0x20, 1), pkt(RAW | V6, 0xF0, 7), pkt()],
    "large": [pkt(PAD, i & 1) for i in range(24)],
    "mixed": [pkt(V6 * (i & 1), i & 3, 1, data(i)) for i in range(20)],
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    os.makedirs(os.path.join(sys.argv[1], "sctp"), exist_ok=True)
    for name, pkts in CASES.items():
        with open(os.path.join(sys.argv[1], "sctp", name), "wb") as f:
            f.write(b"\xff\0" + b"".join(pkts))


if __name__ == "__main__":
    main()
