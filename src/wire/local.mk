# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_wire.a
libgust_wire_a_SOURCES = \
	src/wire/bytes.h \
	src/wire/crc32c.c \
	src/wire/crc32c.h \
	src/wire/csum.c \
	src/wire/csum.h \
	src/wire/eth.c \
	src/wire/eth.h \
	src/wire/icmp.c \
	src/wire/icmp.h \
	src/wire/ipaddr.c \
	src/wire/ipaddr.h \
	src/wire/ipv4.c \
	src/wire/ipv4.h \
	src/wire/ipv6.c \
	src/wire/ipv6.h \
	src/wire/sctp.h \
	src/wire/tcp.c \
	src/wire/tcp.h \
	src/wire/udp.c \
	src/wire/udp.h
