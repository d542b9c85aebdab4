# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_switch.a
libgust_switch_a_SOURCES = \
	src/switch/bridge.c \
	src/switch/bridge.h \
	src/switch/fdb.c \
	src/switch/fdb.h \
	src/switch/fib.c \
	src/switch/fib.h \
	src/switch/fib_internal.h \
	src/switch/fib_trie.c \
	src/switch/switch.h \
	src/switch/vrf.c \
	src/switch/vrf.h
