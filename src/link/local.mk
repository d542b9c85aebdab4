# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_link.a
libgust_link_a_SOURCES = \
	src/link/link.h
