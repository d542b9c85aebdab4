# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_work.a
libgust_work_a_SOURCES = \
	src/work/worker.h
