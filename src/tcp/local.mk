# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_tcp.a
libgust_tcp_a_SOURCES = \
	src/tcp/cc.c \
	src/tcp/cc.h \
	src/tcp/cc_cubic.c \
	src/tcp/cc_newreno.c \
	src/tcp/fragring.h \
	src/tcp/hystart.c \
	src/tcp/rcvq.c \
	src/tcp/rcvq.h \
	src/tcp/rtt.c \
	src/tcp/rtt.h \
	src/tcp/sack.c \
	src/tcp/sack.h \
	src/tcp/seq.h \
	src/tcp/sndq.c \
	src/tcp/sndq.h \
	src/tcp/tcp.c \
	src/tcp/tcp.h \
	src/tcp/tcp_ack.c \
	src/tcp/tcp_autotune.c \
	src/tcp/tcp_input.c \
	src/tcp/tcp_internal.h \
	src/tcp/tcp_isn.c \
	src/tcp/tcp_loss.h \
	src/tcp/tcp_loss_sack.c \
	src/tcp/tcp_opts.c \
	src/tcp/tcp_output.c \
	src/tcp/tcp_reset.c \
	src/tcp/tcp_timer.c
