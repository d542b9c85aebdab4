/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * underlay.c - an Ethernet device or a UDP socket behind a chain of tunnels
 */
#include "cable/underlay.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "ip/neigh.h"

static struct ipaddr local_of(const struct chain_link *l)
{
	return l->conf.v6 ? ipaddr_from6(l->conf.local) :
			    ipaddr_from4(l->conf.local);
}

/* Neighbours of the outermost tunnel's local address. */
static int open_neigh(struct cable *c, struct cable_port *p, const uint8_t mac[6])
{
	struct ipaddr own = local_of(&c->chain.link[c->chain.n - 1]);
	struct neigh_conf nc = { .own = &own, .n_own = 1, .responder = true };

	memcpy(nc.mac.b, mac, sizeof(nc.mac.b));
	p->mac = nc.mac;
	p->neigh = neigh_new(c->pool, &nc);
	return p->neigh ? 0 : -ENOMEM;
}

static int open_packet(struct cable *c, struct cable_port *p, char *err,
		       size_t err_len)
{
	const struct packet_conf pc = { .name = c->conf.name[CABLE_B],
					.nqueues = 1,
					.netns = c->conf.netns[CABLE_B],
					.promisc = !c->chain.n };
	struct packet_info info;
	int r = packet_open(&pc, &c->pool, &p->port, &info, err, err_len);

	if (!r && c->chain.n)
		r = open_neigh(c, p, info.mac);
	return r ? r : packet_caps(p->port, &p->caps);
}

static int open_udp(struct cable *c, struct cable_port *p, char *err,
		    size_t err_len)
{
	const struct chain_link *l = &c->chain.link[c->chain.n - 1];
	const struct udp_port_conf uc = { .local = local_of(l),
					  .port = l->conf.port,
					  .nqueues = 1,
					  .netns = c->conf.netns[CABLE_B] };
	struct ipaddr to = l->conf.v6 ? ipaddr_from6(l->conf.remote) :
					ipaddr_from4(l->conf.remote);
	struct udp_port_info info;
	uint32_t mtu;
	int r;

	if (!uc.port) {
		snprintf(err, err_len,
			 "tunnel %s: over a UDP socket the outermost tunnel needs "
			 "\"port N\"",
			 l->kind);
		return -EINVAL;
	}
	r = udp_open(&uc, &c->pool, &p->port, &info, err, err_len);
	if (r)
		return r;
	if (udp_path_mtu(p->port, &to, &mtu))
		mtu = 1500;
	udp_caps(p->port, mtu, &p->caps);
	return 0;
}

int underlay_open(struct cable *c, char *err, size_t err_len)
{
	struct cable_port *p = &c->end[CABLE_B];

	return c->conf.underlay == CABLE_UDP ? open_udp(c, p, err, err_len) :
					       open_packet(c, p, err, err_len);
}

void underlay_close(struct cable_port *p)
{
	neigh_free(p->neigh);
	p->neigh = NULL;
}

/* May the local address of the outermost tunnel be used? */
static bool settled(struct cable *c, const struct neigh *n)
{
	struct ipaddr own = local_of(&c->chain.link[c->chain.n - 1]);
	char text[IPADDR_STRLEN];
	enum neigh_dad dad = neigh_dad_state(n, &own);

	if (dad == NEIGH_DAD_DUPLICATE && !c->said_duplicate) {
		log_err("%s: another station has the tunnel's local address %s",
			c->conf.name[CABLE_B], ipaddr_str(&own, text));
		c->said_duplicate = true;
	}
	return dad == NEIGH_DAD_OK;
}

void underlay_out(struct cable *c, struct gust_batch *b)
{
	struct neigh *n = c->end[CABLE_B].neigh;
	struct gust_batch frames;
	struct gust_pkt *p;

	if (!n)
		return;
	gust_batch_init(&frames);
	/* Whoever asks for the other end before his own address is settled looks
	 * like somebody who wants that address (RFC 5227 2.1.1). */
	if (!settled(c, n)) {
		drop_count(&c->drops, DROP_PORT_DOWN, b->n);
		pkt_batch_free(b);
		return;
	}
	while ((p = gust_batch_pop(b))) {
		enum drop_reason r = neigh_output(n, p, &frames, &c->env);

		if (r != DROP_NONE)
			drop_count(&c->drops, r, 1);
	}
	*b = frames;
}

static bool for_us(const struct cable_port *p, const struct gust_pkt *q)
{
	struct ethaddr dst;

	memcpy(dst.b, q->head, sizeof(dst.b));
	return ethaddr_is_group(&dst) || !memcmp(&dst, &p->mac, sizeof(dst));
}

void underlay_in(struct cable *c, struct gust_batch *b, struct gust_batch *replies)
{
	struct cable_port *end = &c->end[CABLE_B];
	struct gust_batch ip;
	struct gust_pkt *p;

	if (!end->neigh)
		return;
	gust_batch_init(&ip);
	while ((p = gust_batch_pop(b))) {
		enum drop_reason r = DROP_NONE;

		if (!for_us(end, p)) {
			drop_count(&c->drops, DROP_NOT_FOR_US, 1);
			pkt_free(p);
			continue;
		}
		if (neigh_input(end->neigh, p, replies, &c->env, &r)) {
			if (r != DROP_NONE)
				drop_count(&c->drops, r, 1);
			continue;
		}
		while (p->nlayer && (p->layer[0].kind == GUST_L_ETH ||
				     p->layer[0].kind == GUST_L_VLAN))
			pkt_pull(p, p->nlayer > 1 ? p->layer[1].off : p->hlen);
		gust_batch_push(&ip, p);
	}
	*b = ip;
}

void underlay_due(struct cable *c, struct gust_batch *frames)
{
	struct neigh *n = c->end[CABLE_B].neigh;
	struct gust_batch failed;

	if (!n || neigh_deadline(n) > c->env.now_us)
		return;
	gust_batch_init(&failed);
	neigh_timer(n, frames, &failed, &c->env);
	drop_count(&c->drops, DROP_NEIGH_FAILED, failed.n);
	pkt_batch_free(&failed);
}

uint64_t underlay_deadline(const struct cable *c)
{
	const struct neigh *n = c->end[CABLE_B].neigh;

	return n ? neigh_deadline(n) : UINT64_MAX;
}
