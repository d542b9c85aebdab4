# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_ip.a
libgust_ip_a_SOURCES = \
	src/ip/frag.c \
	src/ip/icmp.h \
	src/ip/icmp_echo.c \
	src/ip/icmp_error.c \
	src/ip/ip.c \
	src/ip/ip.h \
	src/ip/neigh.c \
	src/ip/neigh.h \
	src/ip/neigh_internal.h \
	src/ip/neigh_msg.c \
	src/ip/neigh_own.c \
	src/ip/pmtu.c \
	src/ip/pmtu.h \
	src/ip/reasm.c \
	src/ip/reasm.h
