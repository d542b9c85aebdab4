/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proof_internal.h - the probe: a tun, a kernel around it, and packets by hand
 *
 * Everything here runs in the child process. Packets are built and read as bytes,
 * virtio_net_hdr included, without the codecs that the daemon uses: what is tested
 * is the kernel, and a mistake of ours must not cancel itself out.
 */
#ifndef GUST_PROOF_PROOF_INTERNAL_H
#define GUST_PROOF_PROOF_INTERNAL_H

#include "port/port.h"
#include "proof/proof.h"
#include "wire/eth.h"
#include "wire/ipaddr.h"
#include "wire/tcp.h"

/* The kernel receives within our write and sends within a socket call; waiting is
 * for machines under load. */
#define PROBE_WAIT_MS 100

/* How often a form is tried before it counts as failed. */
#define PROBE_TRIES 3

#define PROBE_MTU 1500
#define PROBE_DATA_LEN (1u << 20)
#define VXLAN_HLEN 8
#define PROTO_TCP 6
#define PROTO_UDP 17

/* virtio_net_hdr_v1_hash_tunnel, decoded. */
struct probe_vnet {
	uint8_t flags, gso_type;
	uint16_t hdr_len, gso_size, csum_start, csum_off;
	uint16_t outer_th, inner_nh; /* of a tunnel; from the packet's start */
};

/* Two addresses that talk through the interface, perhaps inside VXLAN. */
struct probe_path {
	bool v6, tnl, tnl_csum;
	bool ready; /* interface and addresses exist */
	struct ipaddr kernel, peer; /* innermost */
	uint16_t mss;
	uint16_t vx_port;
	uint32_t vni;
	struct ethaddr vx_mac; /* of the kernel's VXLAN device */
};

/* Plain IPv4 and IPv6, VXLAN over them, VXLAN with outer checksum. */
enum { PATH_PLAIN, PATH_TNL, PATH_TNL_CSUM, PATH_KINDS };

struct conn;

struct probe {
	struct pkt_pool *pool; /* tun_open() wants one */
	struct port *port;
	int fd; /* the tun's */
	int ifindex;
	bool tap, v6; /* v6: the namespace has IPv6 */
	bool ecn; /* tcp_ecn could be set */
	struct ethaddr mac; /* of a tap */
	uint32_t tso_max; /* largest packet that the kernel hands out */
	unsigned granted, tun_f; /* TUN_F_*: possible, set */
	struct probe_path path[PATH_KINDS][2];
	uint32_t big;
	uint8_t *data; /* random bytes, all payload is cut from them */
	uint8_t *buf; /* what a socket delivered; PROBE_DATA_LEN */
	uint8_t *frame; /* what was read from the tun; PROBE_DATA_LEN */
	uint16_t next_port;
	struct conn *conn; /* kept from one test to the next */
	enum proof_verdict verdict; /* set by probe_fail() and the like */
	char why[PROOF_WHY_LEN];
};

/* ---- probe.c: the scratch namespace ---- */

/* Into a fresh network namespace, directly or through a user namespace. 0, or
 * -errno and p->why. */
int probe_unshare(struct probe *p);
/* The interface, its addresses, memory. 0, or -errno and p->why. */
int probe_open(struct probe *p, const struct proof_conf *conf);
void probe_close(struct probe *p);

/* Store verdict and reason, return false. What goes wrong before anything of the
 * feature was tried (no memory, no route yet) is unclear: it proves nothing. */
bool probe_fail(struct probe *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool probe_unclear(struct probe *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool probe_not_here(struct probe *p, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* TUNSETOFFLOAD with exactly these, when they are not set. */
bool probe_offload(struct probe *p, unsigned tun_f);

/* A socket of the kernel's end of a path, bound to its address; -1: p->why. */
int probe_socket(struct probe *p, const struct probe_path *path, int type);
/* Wait until `fd` is readable. */
bool probe_wait(int fd, int ms);
/* Wait until the kernel has a route to the peer: the state of a new interface
 * reaches IPv6 a moment after it was set. */
bool probe_reachable(struct probe *p, const struct probe_path *path);

/* ---- probe_link.c: route netlink ---- */

/* Interface flags by (flags, mask). 0 or -errno. */
int probe_set_flags(int ifindex, unsigned flags, unsigned mask);
/* The VXLAN device of a path, with its inner address. false: p->why. */
bool probe_vxlan(struct probe *p, struct probe_path *path, const char *name);

/* ---- probe_io.c: packets as bytes ---- */

struct probe_out {
	const struct probe_path *path;
	const struct tcp_hdr *tcp; /* NULL: UDP between the two ports */
	uint16_t sport, dport;
	uint8_t tos;
	uint8_t gso_type; /* VIRTIO_NET_HDR_GSO_*, without tunnel bits */
	uint16_t gso_size; /* 0: a plain packet */
	bool partial; /* plain, but the checksum is left to the kernel */
	bool jumbo; /* IPv6 above 64 KB by the hop-by-hop option */
	const uint8_t *data;
	uint32_t len;
};

bool probe_write(struct probe *p, const struct probe_out *o);

/* One IP packet inside what was read; offsets from its start. */
struct probe_view {
	bool v6, fragment;
	uint8_t proto, tos;
	uint32_t ip, l4, pay, end;
	struct ipaddr src, dst;
	uint16_t sport, dport;
	struct tcp_hdr tcp; /* proto TCP */
};

struct probe_in {
	struct probe_vnet vh;
	const uint8_t *p; /* the packet (or frame), `len` bytes */
	uint32_t len;
	bool tnl;
	struct probe_view out, in; /* the same when there is no tunnel */
};

/* The next packet of the tun that is one of TCP or UDP between the path's ends;
 * others are passed over. 1, 0: nothing waits for `ms`, -1: p->why. */
int probe_read(struct probe *p, const struct probe_path *path, int ms,
	       struct probe_in *ret);
/* Throw away what waits. */
void probe_drain(struct probe *p);

/* Is the innermost checksum right: complete, or as NEEDS_CSUM promises it? Of a
 * tunnel the outer one too. */
bool probe_csum_ok(struct probe *p, const struct probe_in *in);
/* Are virtio_net_hdr and packet a superpacket of this type and size, with every
 * offset right? */
bool probe_super_ok(struct probe *p, const struct probe_in *in,
		    const struct probe_path *path, uint8_t gso_type, uint16_t size);

/* ---- the tests ---- */

/* probe_tcp.c */
struct probe_tcp {
	const struct probe_path *path;
	enum proof_shape shape;
	uint32_t len; /* payload of a superpacket, about */
	bool jumbo, ecn;
};
bool probe_tcp_to(struct probe *p, const struct probe_tcp *t);
bool probe_tcp_from(struct probe *p, const struct probe_tcp *t);
void probe_tcp_forget(struct probe *p);

/* probe_udp.c */
bool probe_csum_to(struct probe *p, bool v6, enum proof_shape s);
bool probe_csum_from(struct probe *p, bool v6, enum proof_shape s);
bool probe_uso_to(struct probe *p, bool v6, enum proof_shape s);
bool probe_uso_from(struct probe *p, bool v6, enum proof_shape s);
bool probe_ufo_to(struct probe *p, bool v6, enum proof_shape s);
bool probe_ufo_from(struct probe *p, bool v6, enum proof_shape s);

/* probe_cells.c: run one test, set its verdict, reason and time. */
void probe_cell(struct probe *p, struct proof_cell *c);

/* Now, CLOCK_MONOTONIC. */
uint64_t proof_now_us(void);

/* ---- between child and parent ---- */

/* The child's only argument, behind which stands PROOF_ARGS. */
#define PROOF_CHILD_OPT "--self-test-child"
/* parent's pid, descriptor, feats, big, tap, first test */
#define PROOF_ARGS "%d:%d:%x:%u:%u:%u"
#define PROOF_ARGS_N 6

enum proof_msg_kind {
	PROOF_MSG_READY, /* the scratch namespace is there */
	PROOF_MSG_REFUSED, /* it is not; cell.why */
	PROOF_MSG_BEGIN, /* of test `index` */
	PROOF_MSG_VERDICT, /* of test `index` */
	PROOF_MSG_DONE,
};

/* Smaller than PIPE_BUF: arrives whole. */
struct proof_msg {
	uint8_t kind, index;
	struct proof_cell cell;
};

#endif
