# SPDX-License-Identifier: BSD-2-Clause
include tests/unit/base.mk
include tests/unit/wire.mk
include tests/unit/pkt.mk
include tests/unit/flow.mk
include tests/unit/ip.mk
include tests/unit/tcp.mk
include tests/unit/tcpparts.mk
include tests/unit/udp.mk
include tests/unit/offload.mk
include tests/unit/segmods.mk
include tests/unit/merge.mk
include tests/unit/port.mk
include tests/unit/link.mk
include tests/unit/proof.mk
include tests/unit/relay.mk
include tests/unit/work.mk
include tests/unit/daemon.mk
