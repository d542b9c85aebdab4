/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probe_udp.c - datagrams: a checksum left to the kernel, and USO superpackets
 *
 * A USO superpacket is delivered in two ways, and both are tried: as single
 * datagrams, and whole to a socket with UDP_GRO. Kernels are known that damage
 * the one whose last segment is full, so the tail has all three shapes.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "proof/proof_internal.h"
#include "wire/udp.h"

#define PROTO_UDP 17
#define SEG 1200

static uint16_t local_port(int sk)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct ipaddr a;
	uint16_t port = 0;

	if (getsockname(sk, (struct sockaddr *)&ss, &len) == 0)
		ipaddr_from_sockaddr((struct sockaddr *)&ss, &a, &port);
	return port;
}

static bool send_udp(struct probe *p, bool v6, int sk, uint32_t off, uint32_t len,
		     uint16_t seg)
{
	struct udp_hdr h = { .sport = p->next_port,
			     .dport = local_port(sk),
			     .len = (uint16_t)(UDP_HLEN + len) };
	struct gust_pkt *pkt = probe_ip(p, v6, PROTO_UDP, UDP_HLEN + len, false);

	if (!pkt)
		return false;
	pkt_layer_append(pkt, GUST_L_UDP, 0, pkt->hlen);
	udp_build(pkt->head + pkt->hlen, &h);
	pkt->hlen += UDP_HLEN;
	pkt->len += UDP_HLEN;
	probe_payload(p, pkt, off, len);
	pkt->need = GUST_F_CSUM;
	pkt->gso_size = seg;
	if (seg)
		pkt->gso_type = v6 ? GUST_GSO_UDP6 : GUST_GSO_UDP4;
	return probe_send(p, pkt);
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

/* `len` bytes in datagrams of `seg`, the last one may be shorter. */
static bool expect(struct probe *p, int sk, uint32_t off, uint32_t len,
		   uint32_t seg)
{
	uint32_t got = 0, size = 0;

	while (got < len) {
		ssize_t n;

		if (!probe_wait(sk, PROBE_WAIT_MS))
			return probe_fail(p, "%u of %u bytes arrived", got, len);
		n = recv_gro(sk, p->buf + got, p->data->cap - got, &size);
		if (n <= 0)
			return probe_fail(p, "recv: %s",
					  n ? strerror(errno) : "nothing");
		got += (uint32_t)n;
		/* all but the last: whole datagrams */
		if (got > len ||
		    (got < len && (size != seg || (uint32_t)n % seg)) || size > seg)
			return probe_fail(p, "datagrams of %u bytes became %u", seg,
					  size);
	}
	if (memcmp(p->buf, p->data->data + off, len))
		return probe_fail(p, "the %u bytes that arrived are not those sent",
				  len);
	return true;
}

bool probe_csum(struct probe *p, bool v6)
{
	int sk = probe_socket(p, v6, SOCK_DGRAM);
	bool ok;

	if (sk < 0)
		return false;
	p->next_port++;
	ok = send_udp(p, v6, sk, 5, 1000, 0) && expect(p, sk, 5, 1000, 1000);
	close(sk);
	return ok;
}

static bool uso_shapes(struct probe *p, bool v6, int sk)
{
	static const uint32_t lens[] = { 40 * SEG, 40 * SEG - 1, 40 * SEG + 1,
					 2 * SEG };

	for (unsigned i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
		if (!send_udp(p, v6, sk, i * 100, lens[i], SEG) ||
		    !expect(p, sk, i * 100, lens[i], SEG))
			return false;
	return true;
}

bool probe_uso(struct probe *p, bool v6)
{
	int sk = probe_socket(p, v6, SOCK_DGRAM), one = 1;
	bool ok;

	if (sk < 0)
		return false;
	p->next_port++;
	ok = uso_shapes(p, v6, sk);
	if (ok && setsockopt(sk, SOL_UDP, UDP_GRO, &one, sizeof(one)) == 0)
		ok = uso_shapes(p, v6, sk);
	close(sk);
	return ok;
}
