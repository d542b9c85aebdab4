# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_ip.a
libgust_ip_a_SOURCES = \
	src/ip/icmp.h \
	src/ip/ip.c \
	src/ip/ip.h \
	src/ip/neigh.h \
	src/ip/pmtu.h \
	src/ip/reasm.h
