# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_port.a
libgust_port_a_SOURCES = \
	src/port/fill.c \
	src/port/fill_internal.h \
	src/port/io_internal.h \
	src/port/mem.c \
	src/port/mem.h \
	src/port/netns.c \
	src/port/netns.h \
	src/port/open.c \
	src/port/open_internal.h \
	src/port/packet.c \
	src/port/packet_internal.h \
	src/port/packet_io.c \
	src/port/packet_link.c \
	src/port/port.h \
	src/port/tun.c \
	src/port/tun_internal.h \
	src/port/tun_io.c \
	src/port/udp.c \
	src/port/udp_error.c \
	src/port/udp_internal.h \
	src/port/udp_io.c
