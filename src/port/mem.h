/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mem.h - what tests can make a memory port do, beyond port.h
 */
#ifndef GUST_PORT_MEM_H
#define GUST_PORT_MEM_H

#include "port/port.h"

/* Answer PORT_TX_REFUSED to every packet whose form needs one of these features
 * (FEAT_BIT: TX_CSUM, TSO4, TSO6, TSO_ECN, USO, BIGTCP4, BIGTCP6_JUMBO,
 * BIGTCP6_PLAIN), as kernels do that answer EINVAL. 0: take all. */
void mem_port_set_refuse(struct port *port, uint32_t feats);

/* How often it did. */
uint64_t mem_port_refused(const struct port *port);

/* Packets that wait to be received at this end. */
unsigned mem_port_waiting(const struct port *port);

#endif
