# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_port.a
libgust_port_a_SOURCES = \
	src/port/mem.c \
	src/port/mem.h \
	src/port/netns.c \
	src/port/netns.h \
	src/port/port.h \
	src/port/tun.c \
	src/port/tun_internal.h \
	src/port/tun_io.c
