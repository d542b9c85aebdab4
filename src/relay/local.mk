# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_relay.a
libgust_relay_a_SOURCES = \
	src/relay/stack.h
