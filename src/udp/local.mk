# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_udp.a
libgust_udp_a_SOURCES = \
	src/udp/udp.c \
	src/udp/udp.h
