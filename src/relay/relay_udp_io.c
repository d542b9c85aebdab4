/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay_udp_io.c - datagrams between mappings and host sockets
 *
 * Sizes are kept: what the kernel handed over as one USO superpacket leaves as
 * one UDP_SEGMENT send, and what UDP_GRO joined enters as one superpacket.
 * Where neither end did that, neighbours of equal size that go the same way are
 * joined here: on the way out by gathering, on the way in by reading datagrams
 * back to back into one slab. Each remains a datagram of its own to whoever
 * receives it.
 *
 * A TTL other than the default is carried on, one less; the default is taken as
 * "no opinion" and left to the host. DSCP and ECN are carried both ways. "Don't
 * fragment" is carried by IP_MTU_DISCOVER, so that path MTU discovery of the
 * inside sees the host's real paths.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/linux_compat.h"
#include "pkt/dissect.h"
#include "relay/stack_internal.h"
#include "wire/bytes.h"
#include "wire/udp.h"

#define TX_IOV 64
#define RUN_MAX 65000u

/* ---- out ---- */

struct tx {
	struct iovec iov[TX_IOV];
	unsigned niov, npkt;
	uint32_t len;
	uint16_t g; /* segment size, 0: one datagram */
	uint8_t tos, ttl; /* ttl 0: the default */
};

static uint32_t udp_max(const struct udp_flow *u)
{
	return ipaddr_is4(&u->to_host) ? 65507 : 65527;
}

static bool pkt_df(const struct stack *s, const struct gust_pkt *p)
{
	const struct gust_layer *l = pkt_l3(p);

	if (l->kind == GUST_L_IPV4)
		return p->head[l->off + 6] & 0x40;
	/* Only what arrived in fragments is larger than the link. */
	return p->gso_size || p->len <= s->caps.mtu;
}

/* Payload [off, off + len) as iovecs; entries, or 0 when they are too many. */
static unsigned payload_iov(const struct gust_pkt *p, uint32_t off, uint32_t len,
			    struct iovec *iov, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->nfrag && len; i++) {
		const struct gust_frag *f = &p->frag[i];
		uint32_t m;

		if (off >= f->len) {
			off -= f->len;
			continue;
		}
		if (n == max)
			return 0;
		m = f->len - off < len ? f->len - off : len;
		iov[n++] = (struct iovec){ f->p + off, m };
		off = 0;
		len -= m;
	}
	return n;
}

/* Go the same way: addresses, ports, TOS, TTL and DF, straight from the bytes. */
static bool same_way(const struct gust_pkt *a, const struct gust_pkt *b)
{
	const struct gust_layer *x = pkt_l3(a), *y = pkt_l3(b);
	const uint8_t *p = a->head + x->off, *q = b->head + y->off;
	const uint8_t *t = a->head + pkt_l4(a)->off, *v = b->head + pkt_l4(b)->off;

	if (x->kind != y->kind || memcmp(t, v, 4))
		return false;
	if (x->kind == GUST_L_IPV4)
		return p[1] == q[1] && p[6] == q[6] && p[8] == q[8] &&
		       !memcmp(p + 12, q + 12, 8);
	return !memcmp(p, q, 4) && p[7] == q[7] && !memcmp(p + 8, q + 8, 32);
}

/* The first packet of the queue, or as much of it as one send takes. */
static bool tx_first(struct stack *s, struct udp_flow *u, struct tx *t)
{
	struct gust_pkt *p = u->txq.first;
	uint32_t left = pkt_payload_len(p) - u->tx_off, max = udp_max(u);
	uint16_t g = p->gso_size && p->gso_size < left ? p->gso_size : 0;

	t->npkt = 1;
	t->g = 0;
	t->len = left;
	t->tos = pkt_tos(p);
	t->ttl = pkt_ttl(p);
	t->ttl = t->ttl == IP_TTL_DEFAULT ? 0 : t->ttl > 1 ? t->ttl - 1 : 1;
	if (g) {
		uint32_t segs = max / g < UDP_SEGS_MAX ? max / g : UDP_SEGS_MAX;

		if (g > u->gso_limit || segs < 2)
			segs = 1;
		if (t->len > segs * g)
			t->len = segs * g;
		if (t->len > g)
			t->g = g;
	}
	t->niov = payload_iov(p, u->tx_off, t->len, t->iov, TX_IOV);
	if (!t->niov && t->len) {
		/* In very many pieces: copy them together. */
		uint32_t room;
		uint8_t *b = stack_read_room(s, UDP_READ_MAX, &room);

		if (!b)
			return false;
		pkt_payload_copy(p, u->tx_off, b, t->len);
		t->iov[0] = (struct iovec){ b, t->len };
		t->niov = 1;
	}
	return true;
}

/* Let plain datagrams of the same size (the last may be shorter) come along. */
static void tx_gather(struct udp_flow *u, struct tx *t)
{
	struct gust_pkt *first = u->txq.first, *p;
	uint32_t size = t->len;

	if (first->gso_size || !size || size > u->gso_limit)
		return;
	for (p = first->next; p && t->npkt < UDP_SEGS_MAX; p = p->next) {
		uint32_t len = pkt_payload_len(p);
		unsigned n;

		if (p->gso_size || !len || len > size ||
		    t->len + len > udp_max(u) || !same_way(first, p))
			break;
		n = payload_iov(p, 0, len, t->iov + t->niov, TX_IOV - t->niov);
		if (!n)
			break;
		t->niov += n;
		t->npkt++;
		t->len += len;
		t->g = size;
		if (len < size)
			break;
	}
}

static ssize_t tx_send(struct udp_flow *u, struct udp_sock *us, struct tx *t)
{
	_Alignas(struct cmsghdr) uint8_t ctl[128];
	bool is4 = ipaddr_is4(&u->to_host);
	struct msghdr m = { .msg_name = &u->sa,
			    .msg_namelen = u->sa_len,
			    .msg_iov = t->iov,
			    .msg_iovlen = t->niov };
	struct cmsghdr *c = NULL;
	size_t used = 0;
	int v;

	if (t->g || t->tos || t->ttl) {
		memset(ctl, 0, sizeof(ctl));
		m.msg_control = ctl;
		m.msg_controllen = sizeof(ctl);
		if (t->g) {
			c = hostsock_cmsg(&m, c, SOL_UDP, UDP_SEGMENT, &t->g,
					  sizeof(t->g));
			used += CMSG_SPACE(sizeof(t->g));
		}
		if ((v = t->tos)) {
			c = hostsock_cmsg(&m, c, is4 ? IPPROTO_IP : IPPROTO_IPV6,
					  is4 ? IP_TOS : IPV6_TCLASS, &v,
					  sizeof(v));
			used += CMSG_SPACE(sizeof(v));
		}
		if ((v = t->ttl)) {
			hostsock_cmsg(&m, c, is4 ? IPPROTO_IP : IPPROTO_IPV6,
				      is4 ? IP_TTL : IPV6_HOPLIMIT, &v, sizeof(v));
			used += CMSG_SPACE(sizeof(v));
		}
		m.msg_controllen = used;
	}
	return sendmsg(us->sf.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* `n` packets, or the first `len` bytes of one superpacket, are done with. */
static void tx_done(struct udp_flow *u, unsigned npkt, uint32_t len)
{
	struct gust_pkt *p = u->txq.first;

	if (npkt == 1 && u->tx_off + len < pkt_payload_len(p)) {
		u->tx_off += len;
		return;
	}
	u->tx_off = 0;
	while (npkt--) {
		p = gust_batch_pop(&u->txq);
		u->tx_bytes -= pkt_payload_len(p) + 64;
		pkt_free(p);
	}
}

/* The socket that reaches this destination, opened where it is new. */
static struct udp_sock *tx_sock(struct stack *s, struct udp_flow *u, int *ret_err)
{
	struct udp_sock *us;
	int fd, r;

	if (u->pub)
		return &u->pub->us;
	us = &u->sk[u->to_sk];
	if (us->sf.fd >= 0)
		return us;
	fd = hostsock_udp(s, ipaddr_is4(&u->to_host), u->to_sk || !s->split_lo);
	if (fd < 0) {
		*ret_err = -fd;
		return NULL;
	}
	us->sf.fd = fd;
	r = s->io.add(s->io.ctx, &us->sf);
	if (r < 0) {
		stack_fd_close(s, &us->sf);
		*ret_err = -r;
		return NULL;
	}
	us->wr = true;
	us->df = -1;
	return us;
}

/* Where does the first packet go? Its destination was judged on arrival. */
static void tx_target(struct stack *s, struct udp_flow *u)
{
	const struct gust_pkt *p = u->txq.first;
	uint16_t port = get16(p->head + pkt_l4(p)->off + 2);
	struct sockaddr_storage ss;
	struct ipaddr src, dst;
	uint8_t proto;

	if (u->pub)
		return; /* one remote, written when the flow was made */
	pkt_addrs(p, &src, &dst, &proto);
	if (u->sa_len && u->to_port == port && ipaddr_eq(&u->to, &dst))
		return;
	if (stack_map_out(s, &dst, &u->to_host) < 0)
		u->to_host = dst; /* unmapped since: the host will refuse it */
	u->to = dst;
	u->to_port = port;
	u->to_sk = s->split_lo && ipaddr_is_loopback(&u->to_host);
	u->sa_len = ipaddr_to_sockaddr(&u->to_host, port, &ss);
	memcpy(&u->sa, &ss, u->sa_len);
	udp_peer_add(u, &u->to_host);
}

static void set_df(struct udp_sock *us, bool is4, bool df)
{
	int v;

	if (us->df == df)
		return;
	if (is4)
		v = df ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT;
	else
		v = df ? IPV6_PMTUDISC_DO : IPV6_PMTUDISC_WANT;
	setsockopt(us->sf.fd, is4 ? IPPROTO_IP : IPPROTO_IPV6,
		   is4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &v, sizeof(v));
	us->df = df;
}

/*
 * A send was refused. True: try again (an error that was pending from earlier
 * datagrams was in the way, or a smaller form is left). False: stop for now, or
 * the packet is done with.
 */
static bool tx_failed(struct stack *s, struct udp_flow *u, struct udp_sock *us,
		      const struct tx *t, int err, unsigned *tries)
{
	struct gust_pkt *p = u->txq.first;
	uint32_t mtu = 0;
	unsigned n;
	int e;

	if (err == EAGAIN && us) {
		us->wr = false;
		return false;
	}
	if (err == ENOBUFS || err == ENOMEM || err == EMFILE || err == ENFILE) {
		u->f.nomem = true;
		return false;
	}
	if (t->g && (err == EIO || err == EINVAL || err == ENOPROTOOPT ||
		     err == EMSGSIZE)) {
		u->gso_limit = err == EINVAL || err == EMSGSIZE ? t->g - 1 : 0;
		if (us)
			udp_errors(s, us, NULL);
		return true;
	}
	n = us ? udp_errors(s, us, &mtu) : 0;
	if (err != EMSGSIZE && n && (*tries)++ < 3)
		return true;
	e = err == EMSGSIZE ? ICMP_E_TOO_BIG : icmp_error_from_errno(err);
	if (e == ICMP_E_TOO_BIG && !mtu)
		mtu = ipaddr_is4(&u->to_host) ? 65535 : 65575;
	if (e >= 0)
		stack_icmp_error(s, p, e, mtu, NULL);
	drop_count(s->drops, e == ICMP_E_TOO_BIG ? DROP_TOO_BIG : DROP_HOST_ERROR,
		   1);
	tx_done(u, 1, t->len);
	*tries = 0;
	return true;
}

void udp_flush(struct stack *s, struct udp_flow *u)
{
	unsigned tries = 0;

	while (u->txq.n) {
		struct tx t;
		struct udp_sock *us;
		int err = 0;
		ssize_t r = -1;

		tx_target(s, u);
		us = tx_sock(s, u, &err);
		if (us && !us->wr)
			return;
		if (!tx_first(s, u, &t)) {
			u->f.nomem = true;
			return;
		}
		tx_gather(u, &t);
		if (us) {
			set_df(us, ipaddr_is4(&u->to_host),
			       pkt_df(s, u->txq.first));
			r = tx_send(u, us, &t);
			err = errno;
		}
		if (r >= 0) {
			s->st.host_out_bytes += t.len;
			s->st.udp_gso_sends += t.g != 0;
			s->moved += t.len;
			tx_done(u, t.npkt, t.len);
			tries = 0;
		} else if (!tx_failed(s, u, us, &t, err, &tries)) {
			return;
		}
	}
}

/* ---- errors ---- */

/* Which inside host sent the datagram that this error is about? */
static bool error_key(struct stack *s, struct udp_sock *us,
		      const struct host_error *he, struct flow_key *ret)
{
	struct udp_flow *u = us->u;
	enum drop_reason why;

	if (!u) {
		u = publish_udp_flow(s, us->pub, &he->dst, he->dst_port, false,
				     &why);
		if (!u)
			return false;
		*ret = u->f.ent.key;
		return true;
	}
	*ret = u->f.ent.key;
	ret->out_port = he->dst_port;
	if (he->dst_port == u->to_port && ipaddr_eq(&he->dst, &u->to_host)) {
		ret->out = u->to;
		return true;
	}
	return stack_map_in(s, &he->dst, ipaddr_is4(&ret->in), &ret->out);
}

unsigned udp_errors(struct stack *s, struct udp_sock *us, uint32_t *ret_mtu)
{
	struct host_error he;
	struct flow_key k;
	unsigned n = 0;

	while (n < 64 && !hostsock_error(us->sf.fd, &he)) {
		n++;
		/* Our own kernel's word on a send: the sender answers it. */
		if (he.local) {
			if (he.e == ICMP_E_TOO_BIG && ret_mtu)
				*ret_mtu = he.info;
			continue;
		}
		if (he.e < 0 || !error_key(s, us, &he, &k))
			continue;
		stack_icmp_synth(s, &k, &he);
	}
	return n;
}

/* ---- in ---- */

/* Datagrams of one sender, back to back in the read slab. */
struct run {
	struct sockaddr_in6 from; /* or a sockaddr_in */
	socklen_t from_len;
	uint8_t *p;
	uint32_t len, n;
	uint16_t g;
	uint8_t tos;
	bool open; /* may grow */
};

void udp_out(struct stack *s, const struct ipaddr *src, uint16_t sport,
	     const struct ipaddr *dst, uint16_t dport, uint8_t tos,
	     struct gust_frag *f /*taken*/, uint16_t g)
{
	uint8_t ttl = s->snap->udp.ttl ? s->snap->udp.ttl : IP_TTL_DEFAULT;
	uint32_t max = stack_mtu(s, dst) - ip_hlen(dst) - UDP_HLEN;
	uint32_t n = g && g < f->len ? (f->len + g - 1) / g : 1;
	bool whole = s->caps.cuts_udp || caps_has(&s->caps, FEAT_USO);
	struct gust_pkt *p;

	if (n > 1 && (g > max || !whole)) {
		/* Each has to be fragmented by itself, or nobody can cut. */
		for (uint32_t off = 0; off < f->len; off += g) {
			struct gust_frag one = *f;

			one.p += off;
			one.len = f->len - off < g ? f->len - off : g;
			frag_ref(&one);
			udp_out(s, src, sport, dst, dport, tos, &one, 0);
		}
		frag_unref(f);
		return;
	}
	p = udp_packet(s->pool, src, sport, dst, dport, ttl, tos, s->ip_id, f, g,
		       &s->caps);
	s->ip_id += n;
	if (!p) {
		drop_count(s->drops, DROP_NO_PKT, n);
		return;
	}
	stack_push(s, p);
}

/* Whose is it, and may it come in? */
static struct udp_flow *run_flow(struct stack *s, struct udp_sock *us,
				 const struct run *r, struct ipaddr *ret_src,
				 uint16_t *ret_port)
{
	struct udp_flow *u = us->u;
	enum drop_reason why = DROP_UDP_FILTER;
	struct ipaddr from;
	uint16_t port = 0;

	ipaddr_from_sockaddr((const struct sockaddr *)&r->from, &from, &port);
	if (us->pub) {
		u = publish_udp_flow(s, us->pub, &from, port, true, &why);
		if (!u)
			goto drop;
		*ret_src = u->f.ent.key.out;
		*ret_port = u->f.ent.key.out_port;
		return u;
	}
	if (!s->snap->udp_filter_endpoint && !udp_peer_has(u, &from))
		goto drop;
	*ret_port = port;
	if (ipaddr_eq(&from, &u->to_host)) {
		*ret_src = u->to;
		return u;
	}
	if (!stack_map_in(s, &from, ipaddr_is4(&u->f.ent.key.in), ret_src))
		goto drop;
	return u;
drop:
	drop_count(s->drops, why, r->n);
	return NULL;
}

static void run_flush(struct stack *s, struct udp_sock *us, struct run *r)
{
	struct gust_frag f = { 0 };
	struct udp_flow *u;
	struct ipaddr src;
	uint16_t port;

	if (!r->n)
		return;
	u = run_flow(s, us, r, &src, &port);
	if (u) {
		const struct flow_key *k = &u->f.ent.key;

		if (r->len)
			stack_read_take(s, r->p, r->len, &f);
		u->life.last_in_us = s->env->now_us;
		u->life.n_in++;
		u->bytes_out += r->len;
		udp_out(s, &src, port, &k->in, k->in_port, r->tos, &f,
			r->len > r->g ? r->g : 0);
	}
	r->n = 0;
	r->open = false;
}

static void recv_cmsgs(struct msghdr *m, uint16_t *ret_g, uint8_t *ret_tos)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		int v;

		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&v, CMSG_DATA(c), sizeof(v));
			*ret_g = v > 0 && v <= UINT16_MAX ? v : 0;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			*ret_tos = *CMSG_DATA(c);
		} else if (c->cmsg_level == IPPROTO_IPV6 &&
			   c->cmsg_type == IPV6_TCLASS) {
			memcpy(&v, CMSG_DATA(c), sizeof(v));
			*ret_tos = v;
		}
	}
}

/* Does what stands right behind the run belong to it? */
static bool run_takes(const struct stack *s, const struct run *r,
		      const struct run *n)
{
	return r->n && r->open && n->len && caps_has(&s->caps, FEAT_USO) &&
	       n->g <= r->g && (n->g == r->g || n->len == n->g) &&
	       n->tos == r->tos && r->len + n->len <= RUN_MAX &&
	       r->n + n->n <= UDP_SEGS_MAX && n->from_len == r->from_len &&
	       !memcmp(&n->from, &r->from, n->from_len);
}

/* One receive at `p`. 1: got it; 0: nothing there; -1: an error was pending. */
static int recv_one(struct stack *s, struct udp_sock *us, uint8_t *p, struct run *n)
{
	_Alignas(struct cmsghdr) uint8_t ctl[128];
	struct iovec iov = { p, UDP_READ_MAX };
	struct msghdr m = { .msg_name = &n->from,
			    .msg_namelen = sizeof(n->from),
			    .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	ssize_t len = recvmsg(us->sf.fd, &m, MSG_DONTWAIT);
	uint16_t g = 0;

	if (len < 0)
		return errno == EAGAIN ? 0 : -1;
	n->from_len = m.msg_namelen;
	n->tos = 0;
	recv_cmsgs(&m, &g, &n->tos);
	s->st.udp_gro_recvs += g && g < len;
	n->p = p;
	n->len = len;
	n->g = g && g < len ? g : len;
	n->n = n->g ? (len + n->g - 1) / n->g : 1;
	/* A short last one ends a superpacket. */
	n->open = n->g && len % n->g == 0;
	return 1;
}

/*
 * Where the next datagram is read to: right behind the run while there is room,
 * so that it may join. The slab's own record moves only when a run is given
 * away, and the slab is not looked at afresh while one is open.
 */
static uint8_t *recv_place(struct stack *s, struct udp_sock *us, struct run *r,
			   uint8_t **end)
{
	uint32_t room;
	uint8_t *p;

	if (r->n && *end - (r->p + r->len) >= (ptrdiff_t)UDP_READ_MAX)
		return r->p + r->len;
	run_flush(s, us, r);
	p = stack_read_room(s, UDP_READ_MAX, &room);
	if (p)
		*end = p + room;
	else if (us->u)
		us->u->f.nomem = true;
	else
		s->retry_us = s->env->now_us + RETRY_US;
	return p;
}

bool udp_recv(struct stack *s, struct udp_sock *us)
{
	uint32_t left = FLOW_BUDGET, errors = 0;
	struct run r = { 0 }, n;
	uint8_t *end = NULL, *p;

	while (left && s->budget) {
		uint32_t cost;
		int got;

		p = recv_place(s, us, &r, &end);
		if (!p)
			return !us->u; /* the timer brings a mapping back */
		got = recv_one(s, us, p, &n);
		if (got < 0) {
			/* Told by the error queue; a bound, should it not be. */
			udp_errors(s, us, NULL);
			if (++errors < 64)
				continue;
		}
		if (got <= 0) {
			us->rd = got < 0;
			break;
		}
		s->st.host_in_bytes += n.len;
		s->moved += n.len;
		cost = n.len + 256;
		left -= cost < left ? cost : left;
		s->budget -= cost < s->budget ? cost : s->budget;
		if (run_takes(s, &r, &n)) {
			r.len += n.len;
			r.n += n.n;
			r.open = n.open && n.g == r.g;
			continue;
		}
		run_flush(s, us, &r);
		r = n;
	}
	run_flush(s, us, &r);
	return us->rd;
}
