# SPDX-License-Identifier: BSD-2-Clause
#
# The simulator: two endpoints of ours, a bad network, virtual time.
SIM_SRC = tests/sim/sim.c tests/sim/sim.h tests/sim/tcpcheck.c tests/sim/tcpcheck.h
SIM_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)/tests/lib $(CMOCKA_CFLAGS)
SIM_LIBS = libgust_tcp.a libgust_ip.a libgust_flow.a libgust_testfit.a libgust_offload.a libgust_pkt.a \
	libgust_wire.a libgust_base.a $(CMOCKA_LIBS)

check_PROGRAMS += tests/sim/sim_mixed tests/sim/sim_faults tests/sim/sim_path tests/sim/sim_rate
TESTS += tests/sim/sim_mixed tests/sim/sim_faults tests/sim/sim_path tests/sim/sim_rate

tests_sim_sim_mixed_SOURCES = tests/sim/sim_mixed.c $(SIM_SRC)
tests_sim_sim_mixed_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_sim_mixed_LDADD = $(SIM_LIBS)

tests_sim_sim_faults_SOURCES = tests/sim/sim_faults.c $(SIM_SRC)
tests_sim_sim_faults_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_sim_faults_LDADD = $(SIM_LIBS)

tests_sim_sim_path_SOURCES = tests/sim/sim_path.c $(SIM_SRC)
tests_sim_sim_path_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_sim_path_LDADD = $(SIM_LIBS)

tests_sim_sim_rate_SOURCES = tests/sim/sim_rate.c $(SIM_SRC)
tests_sim_sim_rate_CPPFLAGS = $(SIM_CPPFLAGS)
tests_sim_sim_rate_LDADD = $(SIM_LIBS)
