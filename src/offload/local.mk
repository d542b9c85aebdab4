# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_offload.a
libgust_offload_a_SOURCES = \
	src/offload/carry.c \
	src/offload/carry.h \
	src/offload/cut.c \
	src/offload/edit.c \
	src/offload/engine.c \
	src/offload/engine.h \
	src/offload/engine_internal.h \
	src/offload/host.c \
	src/offload/lengths.c \
	src/offload/plan.c \
	src/offload/plan.h \
	src/offload/registry.c \
	src/offload/registry.h \
	src/offload/tunnel.c
