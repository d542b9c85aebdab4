# SPDX-License-Identifier: BSD-2-Clause
bin_PROGRAMS += gust-wire
gust_wire_SOURCES = \
	src/cable/cable.c \
	src/cable/cable.h \
	src/cable/cable_internal.h \
	src/cable/carry.c \
	src/cable/chain.c \
	src/cable/chain.h \
	src/cable/main.c \
	src/cable/report.c \
	src/cable/underlay.c \
	src/cable/underlay.h
gust_wire_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -DGUST_PLUGINDIR='"$(gustplugindir)"'
gust_wire_LDADD = libgust_ip.a libgust_flow.a libgust_port.a libgust_offload.a libgust_pkt.a libgust_wire.a \
	libgust_base.a $(JANSSON_LIBS)
dist_man_MANS += man/gust-wire.1
