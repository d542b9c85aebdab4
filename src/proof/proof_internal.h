/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof_internal.h - the probe: a tun, a kernel behind it, and packets by hand
 */
#ifndef GUST_PROOF_PROOF_INTERNAL_H
#define GUST_PROOF_PROOF_INTERNAL_H

#include "link/link.h"
#include "port/port.h"

/* What a successful delivery takes is microseconds: the kernel receives within
 * our write. This is for machines under load. */
#define PROBE_WAIT_MS 120

/* How often a form is tried before it counts as failed. */
#define PROBE_TRIES 3

#define PROBE_WHY_LEN 160

struct probe {
	struct pkt_pool *pool;
	struct port *port;
	bool v6; /* the namespace has IPv6 */
	struct gust_slab *data; /* random bytes, all payload is cut from them */
	uint8_t *buf; /* what a socket delivered; data->cap bytes */
	struct drop_counters drops;
	uint16_t next_port;
	char why[PROBE_WHY_LEN]; /* of the last failure */
};

/* The two ends: index 0 IPv4, 1 IPv6. */
extern const char *const probe_kernel_addr[2], *const probe_peer_addr[2];

/* Into a fresh network namespace, directly or through a user namespace. 0, or
 * -errno and p->why. */
int probe_unshare(struct probe *p);

/* The tun, its addresses, memory. 0, or -errno and p->why. */
int probe_open(struct probe *p);
void probe_close(struct probe *p);

/* One form; false: p->why says what went wrong. `big`: payload of the BIG TCP
 * forms. */
bool probe_form(struct probe *p, enum feat f, uint32_t big);

/* Store a reason and return false. */
bool probe_fail(struct probe *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* An IP header for `l4_len` bytes behind it, as the first layer(s) of a new
 * packet; above 64 KB in the form that `jumbo` says (IPv6). NULL: no memory. */
struct gust_pkt *probe_ip(struct probe *p, bool v6, uint8_t proto, uint32_t l4_len,
			  bool jumbo);

/* Append `len` bytes of the random data from `off` as payload. */
void probe_payload(struct probe *p, struct gust_pkt *pkt, uint32_t off,
		   uint32_t len);

/* Write it. Taken in any case. */
bool probe_send(struct probe *p, struct gust_pkt *pkt);

/* A socket of the kernel's end, bound to its address; -1: p->why. */
int probe_socket(struct probe *p, bool v6, int type);

/* Wait until `fd` is readable. */
bool probe_wait(int fd, int ms);

/* probe_tcp.c: superpackets of about `len` payload bytes, tails of all shapes */
bool probe_tcp(struct probe *p, bool v6, uint32_t len, bool jumbo);
/* probe_udp.c */
bool probe_uso(struct probe *p, bool v6);
bool probe_csum(struct probe *p, bool v6);

#endif
