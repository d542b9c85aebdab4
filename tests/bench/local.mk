# SPDX-License-Identifier: BSD-2-Clause
#
# Load programs and the bare relay, for scripts/bench and the end-to-end tests.
noinst_PROGRAMS += tests/bench/bare tests/bench/udpgso tests/bench/tcpload tests/bench/offload \
	tests/bench/fib tests/bench/tunnel
tests_bench_bare_SOURCES = tests/bench/bare.c
tests_bench_bare_LDADD = libgust_wire.a libgust_base.a
tests_bench_udpgso_SOURCES = tests/bench/udpgso.c tests/bench/bench_util.h
tests_bench_tcpload_SOURCES = tests/bench/tcpload.c tests/bench/bench_util.h
tests_bench_offload_SOURCES = tests/bench/offload.c tests/bench/offload_bench.h \
	tests/bench/offload_kernel.c tests/bench/bench_util.h
tests_bench_offload_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
tests_bench_fib_SOURCES = tests/bench/fib.c tests/bench/bench_util.h
tests_bench_fib_LDADD = libgust_switch.a libgust_wire.a libgust_base.a
tests_bench_tunnel_SOURCES = tests/bench/tunnel.c tests/bench/bench_util.h src/cable/chain.c
tests_bench_tunnel_LDADD = libgust_offload.a libgust_pkt.a libgust_wire.a libgust_base.a
