# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_switch.a
libgust_switch_a_SOURCES = \
	src/switch/fib.c \
	src/switch/fib.h \
	src/switch/fib_internal.h \
	src/switch/fib_trie.c
