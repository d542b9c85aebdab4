# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_proof.a
libgust_proof_a_CPPFLAGS = $(AM_CPPFLAGS) $(NL_CFLAGS)
libgust_proof_a_SOURCES = \
	src/proof/child.c \
	src/proof/matrix.c \
	src/proof/explain.c \
	src/proof/explain.h \
	src/proof/explain_host.c \
	src/proof/explain_internal.h \
	src/proof/explain_port.c \
	src/proof/probe.c \
	src/proof/probe_cells.c \
	src/proof/probe_io.c \
	src/proof/probe_link.c \
	src/proof/probe_tcp.c \
	src/proof/probe_udp.c \
	src/proof/proof.c \
	src/proof/proof.h \
	src/proof/proof_internal.h
