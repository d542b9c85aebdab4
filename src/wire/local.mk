# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_wire.a
libgust_wire_a_SOURCES = \
	src/wire/bytes.h \
	src/wire/csum.h \
	src/wire/eth.h \
	src/wire/icmp.h \
	src/wire/ipaddr.h \
	src/wire/ipv4.h \
	src/wire/ipv6.h \
	src/wire/tcp.h \
	src/wire/udp.h
