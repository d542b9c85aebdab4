# SPDX-License-Identifier: BSD-2-Clause
#
# libFuzzer targets, built with --enable-fuzz; each room keeps its own fragment.
include tests/fuzz/wire.mk
include tests/fuzz/pkt.mk
include tests/fuzz/seg.mk
include tests/fuzz/ip.mk
include tests/fuzz/tcp.mk
include tests/fuzz/daemon.mk
include tests/fuzz/sctp.mk
include tests/fuzz/merge.mk
include tests/fuzz/impair.mk
include tests/fuzz/vxgen.mk
include tests/fuzz/gue.mk
include tests/fuzz/iptunnel.mk
include tests/fuzz/switch.mk
