/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_fib.c - the routing table under a list of operations, against a list that is
 * searched from end to end
 *
 * The input is a list of operations: add, replace or remove a route; look an
 * address up; publish; go back to an older snapshot. Addresses are few bits of the
 * input spread over the address, so that prefixes often cover each other. Checked:
 * every result, that snapshots stay what they were, and at the end that a table
 * whose routes were all removed is empty.
 *
 * mkcorpus_fib.py writes the corpus and says what an operation looks like.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "switch/fib.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                    \
	do {                                                                       \
		if (!(x)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);    \
			abort();                                                   \
		}                                                                  \
	} while (0)

#define N 300
#define DESTS 12
#define IDS 16 /* more than destinations: the limit is reached */

struct route {
	struct ipaddr net;
	unsigned plen;
	uint32_t id;
};

struct table {
	struct route r[N];
	unsigned n;
};

struct in {
	const uint8_t *p;
	size_t left;
};

static struct table now, then; /* then: as the snapshot `held` was */
static const struct fib_snap *held;

static unsigned u8(struct in *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static struct ipaddr address(struct in *in, bool v6)
{
	unsigned form = u8(in);
	uint8_t b[16];

	if (form & 0x80) { /* as it stands */
		for (unsigned i = 0; i < 16; i++)
			b[i] = i < (v6 ? 16 : 4) ? u8(in) : 0;
	} else { /* 4 and 3 bits, over and over */
		for (unsigned i = 0; i < 16; i++)
			b[i] = i & 1 ? (form & 15) * 0x11 : (form >> 4) * 0x24;
		b[15] = u8(in);
	}
	if (v6 && !memcmp(b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12))
		b[0] = 1;
	return v6 ? ipaddr_from6(b) : ipaddr_from4(b);
}

static void cut(struct ipaddr *a, unsigned plen)
{
	for (unsigned i = plen + (ipaddr_is4(a) ? 96 : 0); i < 128; i++)
		a->b[i / 8] &= ~(0x80 >> i % 8);
}

static struct route *exact(const struct ipaddr *net, unsigned plen)
{
	for (unsigned i = 0; i < now.n; i++)
		if (now.r[i].plen == plen && ipaddr_eq(&now.r[i].net, net))
			return &now.r[i];
	return NULL;
}

static void lookup(const struct fib_snap *s, const struct table *t,
		   const struct ipaddr *a, unsigned hash)
{
	const struct fib_dest *d = fib_lookup(s, a);
	const struct route *best = NULL;

	for (unsigned i = 0; i < t->n; i++)
		if (ipaddr_in_prefix(a, &t->r[i].net, t->r[i].plen) &&
		    (!best || t->r[i].plen > best->plen))
			best = &t->r[i];
	MUST(!d == !best);
	if (!d)
		return;
	MUST(d->nh[0].id == best->id);
	MUST(d->n == best->id % 3 + 1);
	MUST(fib_select(s, d, hash * 0x01010101) < d->n);
}

static struct fib_dest dest(uint32_t id)
{
	struct fib_dest d = { .n = id % 3 + 1 };

	for (unsigned i = 0; i < d.n; i++)
		d.nh[i] = (struct fib_nh){ .id = id + i, .weight = i };
	return d;
}

static unsigned dests_used(void)
{
	unsigned used = 0, n = 0;

	for (unsigned i = 0; i < now.n; i++)
		used |= 1u << now.r[i].id;
	for (; used; used &= used - 1)
		n++;
	return n;
}

static void hold_newest(struct fib *f)
{
	fib_release(f, held);
	held = fib_publish(f);
	MUST(held);
	then = now;
}

static void change(struct fib *f, struct in *in, unsigned op)
{
	bool v6 = op & 4, replace = op & 8;
	struct ipaddr net = address(in, v6);
	unsigned plen = u8(in) % (v6 ? 130 : 34);
	uint32_t id = u8(in) % IDS;
	struct fib_dest d = dest(id);
	struct route *x;
	int r;

	if (plen <= (v6 ? 128 : 32))
		cut(&net, plen);
	x = exact(&net, plen);
	r = replace ? fib_set(f, &net, plen, &d) : fib_add(f, &net, plen, &d);
	if (r == -EBUSY) { /* destinations, and the held snapshot is of long ago */
		hold_newest(f);
		r = replace ? fib_set(f, &net, plen, &d) :
			      fib_add(f, &net, plen, &d);
	}
	if (plen > (v6 ? 128 : 32)) {
		MUST(r == -EINVAL);
	} else if (x && !replace) {
		MUST(r == -EEXIST);
	} else if (r == -ENOSPC) {
		/* the route in question still holds its own destination */
		MUST((!x && now.n == N) || dests_used() == DESTS);
	} else {
		MUST(!r);
		if (x)
			x->id = id;
		else
			now.r[now.n++] = (struct route){ net, plen, id };
	}
}

static void removal(struct fib *f, struct in *in, unsigned op)
{
	bool v6 = op & 4;
	struct ipaddr net;
	unsigned plen;

	if (op & 8 && now.n) { /* one that is there */
		unsigned i = u8(in) % now.n;

		net = now.r[i].net;
		plen = now.r[i].plen;
	} else {
		net = address(in, v6);
		plen = u8(in) % (v6 ? 129 : 33);
		cut(&net, plen);
	}
	for (unsigned i = 0; i < now.n; i++) {
		if (now.r[i].plen != plen || !ipaddr_eq(&now.r[i].net, &net))
			continue;
		MUST(fib_get(f, &net, plen)->nh[0].id == now.r[i].id);
		MUST(!fib_del(f, &net, plen));
		now.r[i] = now.r[--now.n];
		return;
	}
	MUST(fib_del(f, &net, plen) == -ENOENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fib_conf conf = { .max_routes = N,
				 .max_dests = DESTS,
				 .max_bytes = 1 << 20 };
	struct in in = { data, size };
	struct fib *f = fib_new(&conf);
	const struct fib_snap *s;
	struct fib_stats st;
	struct ipaddr a;

	MUST(f);
	now.n = then.n = 0;
	held = fib_publish(f);
	MUST(held);
	while (in.left) {
		unsigned op = u8(&in);

		switch (op & 3) {
		case 0:
			change(f, &in, op);
			break;
		case 1:
			removal(f, &in, op);
			break;
		case 2:
			s = fib_publish(f);
			MUST(s);
			a = address(&in, op & 4);
			lookup(s, &now, &a, op);
			fib_release(f, s);
			break;
		default:
			a = address(&in, op & 4);
			lookup(held, &then, &a, op);
			if (!(op & 8))
				break;
			hold_newest(f);
		}
	}
	fib_stats(f, &st);
	MUST(st.routes4 + st.routes6 == now.n);
	while (now.n) {
		now.n--;
		MUST(!fib_del(f, &now.r[now.n].net, now.r[now.n].plen));
	}
	fib_stats(f, &st);
	MUST(!st.bytes && !st.routes4 && !st.routes6 && !st.dests);
	fib_release(f, held);
	fib_free(f);
	return 0;
}
