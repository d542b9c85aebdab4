/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng.c - write capture files block by block into memory
 *
 * A block is type, length, body, options, length again, all padded to 32 bits.
 * Writing is done by a cursor that only notes when it ran out of room; the end
 * of the block looks at the note once and takes everything back. So no step in
 * between has an error path.
 */
#include "base/pcapng.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#define OPT_END 0
#define OPT_COMMENT 1
#define SHB_OS 3
#define SHB_USERAPPL 4
#define IF_NAME 2
#define IF_DESCRIPTION 3
#define IF_TSRESOL 9
#define IF_FILTER 11
#define EPB_FLAGS 2
#define EPB_DROPCOUNT 4
#define EPB_PACKETID 5
#define EPB_QUEUE 6
#define ISB_STARTTIME 2
#define ISB_ENDTIME 3
#define ISB_IFRECV 4
#define ISB_IFDROP 5
#define ISB_FILTERACCEPT 6
#define ISB_USRDELIV 8

#define FILTER_IS_TEXT 0

struct cursor {
	struct pcapng_out *o;
	size_t at;
	bool full;
};

static uint8_t *room(struct cursor *c, size_t n)
{
	uint8_t *p = c->o->p + c->at;

	if (c->full || c->o->cap - c->at < n) {
		c->full = true;
		return NULL;
	}
	c->at += n;
	return p;
}

static void put(struct cursor *c, const void *src, size_t n)
{
	uint8_t *p = n ? room(c, n) : NULL;

	if (p)
		memcpy(p, src, n);
}

static void put_u16(struct cursor *c, uint16_t v)
{
	put(c, &v, sizeof(v));
}

static void put_u32(struct cursor *c, uint32_t v)
{
	put(c, &v, sizeof(v));
}

static void put_u64(struct cursor *c, uint64_t v)
{
	put(c, &v, sizeof(v));
}

/* Zeros up to the next 32-bit word, after `n` bytes. */
static void pad(struct cursor *c, size_t n)
{
	put(c, "\0\0\0", -n & 3);
}

/* A time stamp is two words, the higher one first. */
static void put_time(struct cursor *c, uint64_t ts)
{
	put_u32(c, ts >> 32);
	put_u32(c, ts);
}

/* ---- options ---- */

static void opt_head(struct cursor *c, uint16_t code, uint16_t len)
{
	put_u16(c, code);
	put_u16(c, len);
}

static void opt_text(struct cursor *c, uint16_t code, const char *s)
{
	size_t n = s ? strnlen(s, PCAPNG_TEXT_MAX) : 0;

	if (!s)
		return;
	opt_head(c, code, n);
	put(c, s, n);
	pad(c, n);
}

static void opt_u32(struct cursor *c, uint16_t code, uint32_t v)
{
	opt_head(c, code, 4);
	put_u32(c, v);
}

static void opt_u64(struct cursor *c, uint16_t code, uint64_t v)
{
	opt_head(c, code, 8);
	put_u64(c, v);
}

static void opt_time(struct cursor *c, uint16_t code, uint64_t ts)
{
	opt_head(c, code, 8);
	put_time(c, ts);
}

/* ---- blocks ---- */

static struct cursor begin(struct pcapng_out *o, uint32_t type)
{
	struct cursor c = { .o = o, .at = o->len };

	put_u32(&c, type);
	put_u32(&c, 0); /* the length: end() knows it */
	return c;
}

static int end(struct cursor *c)
{
	uint32_t len;

	opt_head(c, OPT_END, 0);
	len = c->at + 4 - c->o->len;
	put_u32(c, len);
	if (c->full)
		return -ENOBUFS;
	memcpy(c->o->p + c->o->len + 4, &len, sizeof(len));
	c->o->len = c->at;
	return 0;
}

int pcapng_section(struct pcapng_out *o, const char *application, const char *os)
{
	struct cursor c = begin(o, PCAPNG_SECTION);

	put_u32(&c, BYTE_ORDER_MAGIC);
	put_u16(&c, 1); /* version 1.0 */
	put_u16(&c, 0);
	put_u64(&c, UINT64_MAX); /* length of the section: until its end */
	opt_text(&c, SHB_OS, os);
	opt_text(&c, SHB_USERAPPL, application);
	return end(&c);
}

int pcapng_interface(struct pcapng_out *o, const struct pcapng_interface *i)
{
	struct cursor c = begin(o, PCAPNG_INTERFACE);
	size_t n = i->filter ? strnlen(i->filter, PCAPNG_TEXT_MAX) : 0;

	put_u16(&c, i->link);
	put_u16(&c, 0);
	put_u32(&c, i->snaplen);
	opt_text(&c, IF_NAME, i->name);
	opt_text(&c, IF_DESCRIPTION, i->description);
	opt_head(&c, IF_TSRESOL, 1);
	put(&c, &i->tsresol, 1);
	pad(&c, 1);
	if (i->filter) {
		uint8_t kind = FILTER_IS_TEXT;

		opt_head(&c, IF_FILTER, n + 1);
		put(&c, &kind, 1);
		put(&c, i->filter, n);
		pad(&c, n + 1);
	}
	return end(&c);
}

/* Bytes of `p` that are there and wanted. */
static uint32_t caplen(const struct pcapng_packet *p)
{
	uint64_t have = 0;
	uint32_t want = p->len < p->snaplen ? p->len : p->snaplen;

	for (int i = 0; i < p->niov; i++)
		have += p->iov[i].iov_len;
	return have < want ? have : want;
}

int pcapng_packet(struct pcapng_out *o, const struct pcapng_packet *p)
{
	struct cursor c = begin(o, PCAPNG_PACKET);
	uint32_t n = caplen(p), left = n;

	put_u32(&c, p->interface);
	put_time(&c, p->ts);
	put_u32(&c, n);
	put_u32(&c, p->len);
	for (int i = 0; i < p->niov && left; i++) {
		size_t k = p->iov[i].iov_len < left ? p->iov[i].iov_len : left;

		put(&c, p->iov[i].iov_base, k);
		left -= k;
	}
	pad(&c, n);
	opt_text(&c, OPT_COMMENT, p->comment);
	if (p->dir != PCAPNG_DIR_UNKNOWN)
		opt_u32(&c, EPB_FLAGS, p->dir);
	if (p->lost)
		opt_u64(&c, EPB_DROPCOUNT, p->lost);
	if (p->id)
		opt_u64(&c, EPB_PACKETID, p->id);
	opt_u32(&c, EPB_QUEUE, p->queue);
	return end(&c);
}

int pcapng_stats(struct pcapng_out *o, const struct pcapng_stats *s)
{
	struct cursor c = begin(o, PCAPNG_STATS);

	put_u32(&c, s->interface);
	put_time(&c, s->ts);
	opt_time(&c, ISB_STARTTIME, s->start);
	opt_time(&c, ISB_ENDTIME, s->end);
	opt_u64(&c, ISB_IFRECV, s->received);
	opt_u64(&c, ISB_IFDROP, s->dropped);
	opt_u64(&c, ISB_FILTERACCEPT, s->accepted);
	opt_u64(&c, ISB_USRDELIV, s->delivered);
	return end(&c);
}

size_t pcapng_packet_max(uint32_t caplen, size_t comment)
{
	if (comment > PCAPNG_TEXT_MAX)
		comment = PCAPNG_TEXT_MAX;
	/* the block; its padding; the comment; flags, lost, id, queue, the end */
	return 32 + (size_t)caplen + 3 + 4 + comment + 3 + 8 + 12 + 12 + 8 + 4;
}
