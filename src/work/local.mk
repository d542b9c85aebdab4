# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_work.a
libgust_work_a_SOURCES = \
	src/work/egress.c \
	src/work/handoff.c \
	src/work/tee.c \
	src/work/tee.h \
	src/work/turn.c \
	src/work/worker.c \
	src/work/worker.h \
	src/work/worker_internal.h
libgust_work_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
