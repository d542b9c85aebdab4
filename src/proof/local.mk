# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_proof.a
libgust_proof_a_SOURCES = \
	src/proof/proof.h
