# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_testfit.a
libgust_testfit_a_SOURCES = \
	tests/lib/plug_bigtcp.c \
	tests/lib/plug_tso.c \
	tests/lib/plug_uso.c \
	tests/lib/testfit.c \
	tests/lib/testfit.h
libgust_testfit_a_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/lib
