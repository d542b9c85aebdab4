# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_relay.a
libgust_relay_a_SOURCES = \
	src/relay/stack.h \
	src/relay/stack_internal.h \
	src/relay/address.c \
	src/relay/hostsock.c \
	src/relay/icmp_in.c \
	src/relay/input.c \
	src/relay/obj.c \
	src/relay/publish.c \
	src/relay/publish_udp.c \
	src/relay/relay_echo.c \
	src/relay/relay_tcp.c \
	src/relay/relay_tcp_io.c \
	src/relay/relay_udp.c \
	src/relay/relay_udp_io.c \
	src/relay/report.c \
	src/relay/service.c \
	src/relay/stack.c
