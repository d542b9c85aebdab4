# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_proof.a
libgust_proof_a_SOURCES = \
	src/proof/probe.c \
	src/proof/probe_tcp.c \
	src/proof/probe_udp.c \
	src/proof/proof.c \
	src/proof/proof.h \
	src/proof/proof_internal.h
