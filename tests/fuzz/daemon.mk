# SPDX-License-Identifier: BSD-2-Clause
noinst_PROGRAMS += tests/fuzz/fuzz_conf tests/fuzz/fuzz_control

tests_fuzz_fuzz_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CONFUSE_CFLAGS)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_conf_LDADD = libgust_daemon.a libgust_udp.a libgust_tcp.a libgust_ip.a \
	libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a $(CONFUSE_LIBS)
tests_fuzz_fuzz_control_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_fuzz_control_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_control_LDADD = libgust_daemon.a libgust_wire.a $(JANSSON_LIBS)

EXTRA_DIST += \
	tests/fuzz/mkcorpus_daemon.py \
	tests/fuzz/corpus/conf/comments \
	tests/fuzz/corpus/conf/empty \
	tests/fuzz/corpus/conf/interface \
	tests/fuzz/corpus/conf/limits \
	tests/fuzz/corpus/conf/publish \
	tests/fuzz/corpus/conf/relay \
	tests/fuzz/corpus/conf/string \
	tests/fuzz/corpus/conf/tcp \
	tests/fuzz/corpus/conf/top \
	tests/fuzz/corpus/conf/twice \
	tests/fuzz/corpus/conf/unclosed \
	tests/fuzz/corpus/conf/unknown \
	tests/fuzz/corpus/conf/wrong \
	tests/fuzz/corpus/control/capture \
	tests/fuzz/corpus/control/duplicate \
	tests/fuzz/corpus/control/explain \
	tests/fuzz/corpus/control/features \
	tests/fuzz/corpus/control/flows \
	tests/fuzz/corpus/control/flows6 \
	tests/fuzz/corpus/control/partial \
	tests/fuzz/corpus/control/refused \
	tests/fuzz/corpus/control/selftest \
	tests/fuzz/corpus/control/stats \
	tests/fuzz/corpus/control/status \
	tests/fuzz/corpus/control/two
