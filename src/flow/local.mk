# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_flow.a
libgust_flow_a_SOURCES = \
	src/flow/key.c \
	src/flow/key.h \
	src/flow/table.c \
	src/flow/table.h \
	src/flow/wheel.c \
	src/flow/wheel.h
