/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_udp.c - datagrams: a checksum left undone, USO and UFO superpackets
 *
 * A USO superpacket is delivered to the kernel in two ways, and both are tried: as
 * single datagrams, and whole to a socket with UDP_GRO. Kernels are known that
 * damage the one whose last segment is full, so the tail has all three shapes.
 *
 * Behind each superpacket goes a small plain datagram. When that one is delivered
 * first, the superpacket was dropped, and nobody has to wait to know it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "proof/proof_internal.h"

#define SEG 1200
#define N_SEG 40
#define MARK_LEN 7
#define MARK_OFF 777

/* Payload of one UDP fragment, a multiple of 8, and bytes of a large datagram. */
#define UFO_SEG 1448
#define UFO_LEN (14 * UFO_SEG - 8)

struct udp {
	struct probe *p;
	const struct probe_path *path;
	int sk;
	uint16_t port, kport; /* ours, the kernel's */
};

static bool sock_open(struct probe *p, bool v6, struct udp *u)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ipaddr a;

	*u = (struct udp){ .p = p,
			   .path = &p->path[PATH_PLAIN][v6],
			   .port = p->next_port++ };
	u->sk = -1;
	if (!probe_reachable(p, u->path))
		return false;
	probe_drain(p);
	u->sk = probe_socket(p, u->path, SOCK_DGRAM);
	if (u->sk < 0)
		return false;
	if (getsockname(u->sk, (struct sockaddr *)&ss, &len) == 0)
		ipaddr_from_sockaddr((struct sockaddr *)&ss, &a, &u->kport);
	return true;
}

static bool udp_done(struct udp *u, bool ok)
{
	if (u->sk >= 0)
		close(u->sk);
	return ok;
}

/* ---- to the kernel ---- */

static bool put(struct udp *u, uint32_t off, uint32_t len, uint8_t gso_type,
		uint16_t seg)
{
	struct probe_out o = { .path = u->path,
			       .sport = u->port,
			       .dport = u->kport,
			       .gso_type = gso_type,
			       .gso_size = seg,
			       .partial = true,
			       .data = u->p->data + off,
			       .len = len };

	return probe_write(u->p, &o);
}

static bool put_mark(struct udp *u)
{
	struct probe_out o = { .path = u->path,
			       .sport = u->port,
			       .dport = u->kport,
			       .data = u->p->data + MARK_OFF,
			       .len = MARK_LEN };

	return probe_write(u->p, &o);
}

/* One recv: *ret_seg is the datagrams' size (its own length for a single one). */
static ssize_t recv_gro(int sk, void *buf, size_t len, uint32_t *ret_seg)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} ctl;
	struct iovec iov = { buf, len };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl) };
	ssize_t n = recvmsg(sk, &m, 0);
	int seg = (int)n;

	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO)
			memcpy(&seg, CMSG_DATA(c), sizeof(seg));
	*ret_seg = (uint32_t)seg;
	return n;
}

static bool is_mark(const struct udp *u, const uint8_t *b, ssize_t n)
{
	return n == MARK_LEN && !memcmp(b, u->p->data + MARK_OFF, MARK_LEN);
}

/* `len` bytes in datagrams of `seg`, the last one may be shorter; then the mark. */
static bool expect(struct udp *u, uint32_t off, uint32_t len, uint32_t seg)
{
	struct probe *p = u->p;
	uint32_t got = 0, size = 0;

	for (;;) {
		ssize_t n;

		if (!probe_wait(u->sk, PROBE_WAIT_MS))
			return probe_fail(p, "%u of %u bytes arrived", got, len);
		n = recv_gro(u->sk, p->buf + got, PROBE_DATA_LEN - got, &size);
		if (n <= 0)
			return probe_fail(p, "recv: %s",
					  n ? strerror(errno) : "nothing");
		if (is_mark(u, p->buf + got, n))
			break;
		got += (uint32_t)n;
		/* all but the last: whole datagrams */
		if (got > len ||
		    (got < len && (size != seg || (uint32_t)n % seg)) || size > seg)
			return probe_fail(p, "datagrams of %u bytes became %u", seg,
					  size);
	}
	if (got != len)
		return probe_fail(p, "%u of %u bytes arrived", got, len);
	if (memcmp(p->buf, p->data + off, len))
		return probe_fail(p, "the %u bytes that arrived are not those sent",
				  len);
	return true;
}

/* Payload of one datagram that fills the MTU, one byte less, one byte. */
static uint32_t single(const struct probe_path *path, enum proof_shape s)
{
	uint32_t full = PROBE_MTU - 8 - (path->v6 ? 40 : 20);

	return s == PROOF_SHORT ? full - 1 : s == PROOF_ONE ? 1 : full;
}

bool probe_csum_to(struct probe *p, bool v6, enum proof_shape s)
{
	struct udp u;
	uint32_t n;

	if (!sock_open(p, v6, &u))
		return false;
	n = single(u.path, s);
	return udp_done(&u,
			put(&u, 5, n, 0, 0) && put_mark(&u) && expect(&u, 5, n, n));
}

static uint32_t shaped(uint32_t full, enum proof_shape s)
{
	return s == PROOF_SHORT ? full - 1 : s == PROOF_ONE ? full + 1 : full;
}

static bool uso_once(struct udp *u, enum proof_shape s)
{
	uint32_t len = shaped(N_SEG * SEG, s);

	return put(u, 100, len, VIRTIO_NET_HDR_GSO_UDP_L4, SEG) && put_mark(u) &&
	       expect(u, 100, len, SEG);
}

bool probe_uso_to(struct probe *p, bool v6, enum proof_shape s)
{
	struct udp u;
	int one = 1;
	bool ok;

	if (!sock_open(p, v6, &u))
		return false;
	ok = uso_once(&u, s);
	if (ok && setsockopt(u.sk, SOL_UDP, UDP_GRO, &one, sizeof(one)) == 0)
		ok = uso_once(&u, s);
	return udp_done(&u, ok);
}

/* A datagram that somebody else should have fragmented arrives as it is. */
bool probe_ufo_to(struct probe *p, bool v6, enum proof_shape s)
{
	uint32_t len = shaped(UFO_LEN, s);
	struct udp u;

	if (!sock_open(p, v6, &u))
		return false;
	return udp_done(&u, put(&u, 100, len, VIRTIO_NET_HDR_GSO_UDP, UFO_SEG) &&
				    put_mark(&u) && expect(&u, 100, len, len));
}

/* ---- from the kernel ---- */

/* The socket sends `len` bytes as datagrams of `seg` (0: one). */
static bool give(struct udp *u, uint32_t off, uint32_t len, uint16_t seg)
{
	struct sockaddr_storage ss;
	int size = seg;
	ssize_t n;

	if (seg && setsockopt(u->sk, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
		return probe_not_here(u->p, "UDP_SEGMENT: %s", strerror(errno));
	n = sendto(u->sk, u->p->data + off, len, 0, (struct sockaddr *)&ss,
		   ipaddr_to_sockaddr(&u->path->peer, u->port, &ss));
	if (n == (ssize_t)len)
		return true;
	return probe_unclear(u->p, "send: %s",
			     n < 0 ? strerror(errno) : "cut short");
}

/* The next datagram of this socket. */
static bool next(struct udp *u, struct probe_in *in)
{
	int r;

	while ((r = probe_read(u->p, u->path, PROBE_WAIT_MS, in)) > 0)
		if (in->in.proto == PROTO_UDP &&
		    (in->in.fragment || in->in.dport == u->port))
			return true;
	return r < 0 ? false : probe_fail(u->p, "nothing came out");
}

static bool same(struct udp *u, const struct probe_in *in, uint32_t off)
{
	uint32_t n = in->in.end - in->in.pay;

	return !memcmp(in->p + in->in.pay, u->p->data + off, n) ||
	       probe_fail(u->p, "%u bytes are not those sent", n);
}

static bool check_csum(struct udp *u, uint32_t len, bool partial)
{
	struct probe_in in;
	bool owed;

	if (!next(u, &in))
		return false;
	owed = in.vh.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	if (in.in.end - in.in.pay != len)
		return probe_fail(u->p, "%u bytes became %u", len,
				  in.in.end - in.in.pay);
	if (owed != partial)
		return probe_fail(u->p, owed ? "a checksum is left to us although "
					       "it is switched off" :
					       "the kernel completes the checksum");
	return probe_csum_ok(u->p, &in) && same(u, &in, 5);
}

bool probe_csum_from(struct probe *p, bool v6, enum proof_shape s)
{
	struct udp u;
	uint32_t n;

	if (!sock_open(p, v6, &u))
		return false;
	n = single(u.path, s);
	return udp_done(&u, give(&u, 5, n, 0) && check_csum(&u, n, s != PROOF_OFF));
}

/* One superpacket with everything, or the same as single datagrams. */
static bool check_uso(struct udp *u, uint32_t len, bool super)
{
	uint32_t got = 0;

	while (got < len) {
		struct probe_in in;
		uint32_t n, want = super ? len : len - got < SEG ? len - got : SEG;

		if (!next(u, &in))
			return false;
		n = in.in.end - in.in.pay;
		if (n != want)
			return probe_fail(u->p, "%u bytes came as %u", want, n);
		if (!probe_csum_ok(u->p, &in) || !same(u, &in, 100 + got))
			return false;
		if (super && !probe_super_ok(u->p, &in, u->path,
					     VIRTIO_NET_HDR_GSO_UDP_L4, SEG))
			return false;
		got += n;
	}
	return true;
}

bool probe_uso_from(struct probe *p, bool v6, enum proof_shape s)
{
	uint32_t len = shaped(N_SEG * SEG, s);
	struct udp u;

	if (!sock_open(p, v6, &u))
		return false;
	return udp_done(&u, give(&u, 100, len, SEG) &&
				    check_uso(&u, len, s != PROOF_OFF));
}

static bool check_ufo(struct udp *u, uint32_t len)
{
	struct probe_in in;

	if (!next(u, &in))
		return false;
	if (in.in.fragment)
		return probe_not_here(u->p, "this kernel fragments datagrams "
					    "before it hands them over");
	if (in.in.end - in.in.pay != len)
		return probe_fail(u->p, "%u bytes became %u", len,
				  in.in.end - in.in.pay);
	return probe_csum_ok(u->p, &in) && same(u, &in, 100);
}

bool probe_ufo_from(struct probe *p, bool v6, enum proof_shape s)
{
	uint32_t len = shaped(UFO_LEN, s);
	struct udp u;

	if (!sock_open(p, v6, &u))
		return false;
	return udp_done(&u, give(&u, 100, len, 0) && check_ufo(&u, len));
}
