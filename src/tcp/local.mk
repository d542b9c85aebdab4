# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_tcp.a
libgust_tcp_a_SOURCES = \
	src/tcp/cc.h \
	src/tcp/rcvq.h \
	src/tcp/rtt.h \
	src/tcp/sack.h \
	src/tcp/seq.h \
	src/tcp/sndq.h \
	src/tcp/tcp.h
