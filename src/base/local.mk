# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_base.a
libgust_base_a_SOURCES = \
	src/base/bytering.c \
	src/base/bytering.h \
	src/base/env.h \
	src/base/linux_compat.h \
	src/base/list.h \
	src/base/log.c \
	src/base/log.h \
	src/base/pcapng.c \
	src/base/pcapng.h \
	src/base/ring.c \
	src/base/ring.h \
	src/base/rng.c \
	src/base/rng.h \
	src/base/siphash.c \
	src/base/siphash.h
