# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_offload.a
libgust_offload_a_SOURCES = \
	src/offload/segment.c \
	src/offload/segment.h
