/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcapng.h - write capture files block by block into memory
 *
 * Source: draft-ietf-opsawg-pcapng. A block goes whole into the caller's buffer
 * or not at all. Numbers are in host order, as the format wants them; lengths
 * and counts are what they are called.
 */
#ifndef GUST_BASE_PCAPNG_H
#define GUST_BASE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Block types, as they stand in the file */
#define PCAPNG_SECTION 0x0a0d0d0au
#define PCAPNG_INTERFACE 1u
#define PCAPNG_STATS 5u
#define PCAPNG_PACKET 6u

/* Link types (tcpdump.org/linktypes.html) */
#define PCAPNG_LINK_ETHERNET 1
#define PCAPNG_LINK_RAW 101 /* an IP header of either version */

/* What Wireshark reads at the most of one packet. */
#define PCAPNG_SNAPLEN_MAX 262144

/* Longer texts are cut to that many bytes. */
#define PCAPNG_TEXT_MAX 1024

/* Where blocks go: the next one to p + len. Never beyond p + cap. */
struct pcapng_out {
	uint8_t *p;
	size_t len, cap;
};

struct pcapng_interface {
	uint16_t link;
	uint32_t snaplen;
	const char *name; /* texts may be NULL: the option is left out */
	const char *description;
	const char *filter; /* as text */
	uint8_t tsresol; /* decimals of a second in time stamps: 6, 9 */
};

enum pcapng_dir { PCAPNG_DIR_UNKNOWN, PCAPNG_DIR_IN, PCAPNG_DIR_OUT };

struct pcapng_packet {
	uint32_t interface; /* number within the section, from 0 */
	uint64_t ts; /* in the interface's resolution, since 1970 */
	uint32_t len; /* of the packet; at most `snaplen` bytes are written */
	uint32_t snaplen;
	const struct iovec *iov; /* its bytes, at least min(len, snaplen) or all
				    that there are */
	int niov;
	const char *comment; /* NULL: none */
	enum pcapng_dir dir;
	uint64_t id; /* 0: none. The same packet in several places has one */
	uint64_t lost; /* packets lost in front of this one */
	uint32_t queue;
};

struct pcapng_stats {
	uint32_t interface;
	uint64_t ts, start, end;
	uint64_t received; /* seen on the interface */
	uint64_t accepted; /* of these by the filter */
	uint64_t dropped; /* of these for want of room */
	uint64_t delivered; /* written */
};

/* Each appends one block. 0, or -ENOBUFS: it does not fit, nothing written. */
int pcapng_section(struct pcapng_out *o, const char *application, const char *os);
int pcapng_interface(struct pcapng_out *o, const struct pcapng_interface *i);
int pcapng_packet(struct pcapng_out *o, const struct pcapng_packet *p);
int pcapng_stats(struct pcapng_out *o, const struct pcapng_stats *s);

/* No packet block of `caplen` written bytes and a comment of `comment` bytes is
 * longer. */
size_t pcapng_packet_max(uint32_t caplen, size_t comment);

#endif
