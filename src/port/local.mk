# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_port.a
libgust_port_a_SOURCES = \
	src/port/port.h
