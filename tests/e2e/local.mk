# SPDX-License-Identifier: BSD-2-Clause
#
# End-to-end tests and the quick start.
EXTRA_DIST += tests/e2e/run.py tests/e2e/rig.py tests/e2e/nssock.py tests/e2e/rawpkt.py \
	tests/e2e/case_capture.py \
	tests/e2e/case_daemon.py \
	tests/e2e/case_explain.py \
	tests/e2e/case_facts.py \
	tests/e2e/case_hostile.py \
	tests/e2e/case_icmp.py \
	tests/e2e/case_link.py \
	tests/e2e/case_plugins.py \
	tests/e2e/case_programs.py \
	tests/e2e/case_publish.py \
	tests/e2e/case_soak.py \
	tests/e2e/case_tcp.py \
	tests/e2e/case_tunnels.py \
	tests/e2e/case_udp.py \
	tests/e2e/case_wire.py
EXTRA_DIST += scripts/quickstart scripts/lib/quickstart.py
