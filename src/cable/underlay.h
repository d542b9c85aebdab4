/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * underlay.h - what carries the outside of a wire's tunnels
 *
 * `packet`: an Ethernet device on which the outermost tunnel's local address is
 * gust's own: neighbours are resolved here, and the kernel need not know the address.
 * `udp`: a UDP socket of the kernel, no privilege; the outermost tunnel is one over
 * UDP.
 */
#ifndef GUST_CABLE_UNDERLAY_H
#define GUST_CABLE_UNDERLAY_H

#include "cable/cable_internal.h"

/* Open the port of end B for the tunnels in c->chain. 0; -errno and a sentence. */
int underlay_open(struct cable *c, char *err, size_t err_len);
void underlay_close(struct cable_port *p);

/* Before what was encapsulated is written: link-layer headers, where there are any. */
void underlay_out(struct cable *c, struct gust_batch *b);

/* What came from there, without them; neighbour messages are answered to `replies`. */
void underlay_in(struct cable *c, struct gust_batch *b, struct gust_batch *replies);

/* Time has passed: retransmissions to `frames`. */
void underlay_due(struct cable *c, struct gust_batch *frames);
uint64_t underlay_deadline(const struct cable *c);

#endif
