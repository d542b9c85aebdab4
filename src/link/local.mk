# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_link.a
libgust_link_a_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
libgust_link_a_SOURCES = \
	src/link/device.c \
	src/link/device.h \
	src/link/ethtool.c \
	src/link/facts.c \
	src/link/facts.h \
	src/link/link.h \
	src/link/link_internal.h \
	src/link/negotiate.c \
	src/link/nlio.c \
	src/link/nlio.h \
	src/link/query.c \
	src/link/query.h \
	src/link/query_internal.h \
	src/link/route.c \
	src/link/route.h \
	src/link/rtnl.c \
	src/link/rtnl_read.c
