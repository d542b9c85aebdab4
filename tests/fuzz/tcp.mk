# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_tcp
tests_fuzz_fuzz_tcp_SOURCES = tests/fuzz/fuzz_tcp.c tests/sim/tcpcheck.c tests/sim/tcpcheck.h
tests_fuzz_fuzz_tcp_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_tcp_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_tcp_LDADD = libgust_tcp.a libgust_ip.a libgust_flow.a libgust_pkt.a \
	libgust_wire.a libgust_base.a
EXTRA_DIST += \
	tests/fuzz/mkcorpus_tcp.py \
	tests/fuzz/corpus/tcp/abort \
	tests/fuzz/corpus/tcp/detach \
	tests/fuzz/corpus/tcp/detach-wait \
	tests/fuzz/corpus/tcp/half-close \
	tests/fuzz/corpus/tcp/held-syn \
	tests/fuzz/corpus/tcp/held-syn-abort \
	tests/fuzz/corpus/tcp/icmp \
	tests/fuzz/corpus/tcp/keepalive \
	tests/fuzz/corpus/tcp/mtu-change \
	tests/fuzz/corpus/tcp/old-and-future \
	tests/fuzz/corpus/tcp/open-send-close \
	tests/fuzz/corpus/tcp/out-of-order \
	tests/fuzz/corpus/tcp/plain-no-options \
	tests/fuzz/corpus/tcp/refused \
	tests/fuzz/corpus/tcp/reno-recovery \
	tests/fuzz/corpus/tcp/rto \
	tests/fuzz/corpus/tcp/sack-recovery \
	tests/fuzz/corpus/tcp/send-first \
	tests/fuzz/corpus/tcp/serve-receive \
	tests/fuzz/corpus/tcp/simultaneous-close \
	tests/fuzz/corpus/tcp/simultaneous-open \
	tests/fuzz/corpus/tcp/small-buffers \
	tests/fuzz/corpus/tcp/time-wait \
	tests/fuzz/corpus/tcp/starved \
	tests/fuzz/corpus/tcp/urgent \
	tests/fuzz/corpus/tcp/v6-big \
	tests/fuzz/corpus/tcp/vanish \
	tests/fuzz/corpus/tcp/wrap \
	tests/fuzz/corpus/tcp/zero-window
