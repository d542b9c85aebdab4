/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gust/plugin.h - the offload plugin ABI
 *
 * A plugin is a shared object in the plugin directory that exports one symbol,
 * `const struct gust_plugin gust_plugin`, and resolves none of the daemon's: all
 * that it may call stands in `struct gust_host`, which its open() is given. It
 * includes include/gust/ only. docs/offloads.md has a worked example.
 *
 * Life. The descriptor's `abi` and `size` are looked at first; another ABI is
 * refused. open() makes one *instance* from the options text of the
 * configuration; each worker then makes its own *state* with worker_open(), and
 * every batch function is given that state and runs in that worker's thread
 * alone: a plugin needs no lock. Calls never nest. worker_close() hands back
 * every packet that the state still holds. The module stays mapped until the
 * daemon ends.
 *
 * Batches. A batch function takes *all* packets of `in` and leaves its results in
 * `out`, in order. A packet ends in exactly one of: `out`, host->drop(), or
 * absorbed by another one (host->absorb()). The host counts: payload that
 * vanished, an invalid packet or a piece that is larger than asked for is a
 * fault; what is invalid is dropped by name (plugin_fault), and after
 * GUST_FAULTS_MAX faults the plugin is disabled and named in the log.
 *
 * Feature bits are those of gust/feature.h. `provides` says what the plugin makes
 * possible: a feature that needs software behind it (a superpacket that a port
 * refuses must be cut) is used only while an enabled plugin provides it. A plugin
 * whose `needs` are not provided by others waits, loaded and idle.
 */
#ifndef GUST_PLUGIN_H
#define GUST_PLUGIN_H

#include <gust/bytes.h>
#include <gust/feature.h>
#include <gust/packet.h>
#include <stddef.h>

/* Raised when something below changes its meaning; additions at the ends of
 * structs raise only their `size`. */
#define GUST_PLUGIN_ABI 1

#define GUST_FAULTS_MAX 8
#define GUST_PLUGIN_NAME_MAX 15

/* One worker, as plugins know it: an opaque handle for host calls. */
struct gust_worker;

/* Reasons for gust_host.drop(); `gustctl stats` shows them by these names. */
enum gust_drop {
	GUST_DROP_NO_PKT, /* a packet limit was reached */
	GUST_DROP_NO_SLAB, /* a memory limit was reached */
	GUST_DROP_BAD_GSO, /* gso_size of 0 or beyond the payload, or the type
			      contradicts the headers */
	GUST_DROP_GSO_REFUSED, /* must not be segmented (IPsec, routing header with
				  segments left, fragment) and does not fit whole */
	GUST_DROP_TOO_BIG,
	GUST_DROP_BAD_CSUM,
	GUST_DROP_IMPAIRED, /* lost on purpose */
	GUST_DROP_FILTERED, /* a plugin's rule says no */
	GUST_DROP_BAD_TUNNEL, /* header of a tunnel malformed or cut short */
	GUST_DROP_TUNNEL_SOURCE, /* from another host than the tunnel's remote */
	GUST_DROP_TUNNEL_OPTION, /* critical option or flag that is not known */
	GUST_DROP_TUNNEL_SEQ, /* sequence number older than the last */
	GUST_DROP_TUNNEL_DEPTH, /* no room for one more layer */
	GUST_DROP_TUNNEL_ECN, /* RFC 6040: CE outside, not ECN-capable inside */
	GUST_DROP_N
};

enum gust_log_level { GUST_LOG_ERR, GUST_LOG_WARN, GUST_LOG_INFO, GUST_LOG_DEBUG };

/*
 * A cut in progress: one superpacket becomes pieces of `step` payload bytes each
 * (the last may be shorter). The host clones the head for each piece, slices the
 * payload by reference and rewrites what depends on length and place in *every*
 * layer: IPv4 total length, ID and header checksum, IPv6 payload length, UDP
 * lengths, outer UDP checksums (local checksum offload, from headers alone), and
 * takes an IPv6 jumbo option out of what fits 16 bits. What is left to the plugin
 * are the innermost transport's own fields and its checksum.
 */
struct gust_cut {
	struct gust_pkt *p; /* the superpacket; intact until cut_end() */
	uint32_t total; /* payload bytes of it */
	uint32_t step; /* of one piece; set by cut_begin() */
	uint16_t i3, i4; /* innermost IP and transport layer, indices */
	/* of the piece that cut_next() returned last: */
	uint32_t off; /* its payload's offset in the whole */
	uint32_t n; /* its number, from 0 */
	bool last;
	uint64_t host[12]; /* the host's own */
};

/* What a piece must fit. */
struct gust_gso_req {
	/* Payload bytes of a piece: a multiple of gso_size (smaller
	 * superpackets), or gso_size itself (single packets). By fragments: a
	 * number of segments. */
	uint32_t step;
	uint32_t mtu; /* largest IP packet of one segment */
	bool csum; /* complete transport checksums: the port does not */
	bool partial; /* GUST_F_PARTIAL: superpackets of whole segments, at most
			 `step`, with the headers of one, and the rest; the cut
			 does it, the plugin sets the flag */
};

/* How large a merged packet may get, in bytes of the IP packet. */
struct gust_gro_req {
	uint32_t max4, max6; /* TCP; above 65535 only with BIG TCP */
	uint32_t max_udp; /* <= 65535 */
	uint32_t max_segs; /* 0: no limit */
	bool trust_csum; /* checksums need not be verified (tests) */
	uint32_t kinds; /* bits 1 << enum gust_layer_kind: transports worth
			   merging, as the host gives no others; 0: all */
};

/* ---- tunnels ---- */

/* gust_tunnel_conf.flags */
#define GUST_TUN_CSUM 0x0001 /* outer checksum (UDP, GRE) */
#define GUST_TUN_KEY 0x0002 /* GRE: with a key, `id` */
#define GUST_TUN_SEQ 0x0004 /* GRE: sequence numbers */
#define GUST_TUN_DF 0x0008 /* outer DF set; else that of the inner packet */
#define GUST_TUN_L2 0x0010 /* GRE, GUE: Ethernet frames inside */
#define GUST_TUN_GUE 0x0020 /* GUE header; without it FOU */
#define GUST_TUN_REMCSUM 0x0040 /* remote checksum offload */
#define GUST_TUN_ANY 0x0080 /* take from any source */
#define GUST_TUN_TOS 0x0100 /* outer DSCP is `tos`; else the inner one's */

/* One tunnel, as configured. Addresses are in wire order, IPv4 in the first 4
 * bytes. */
struct gust_tunnel_conf {
	const char *kind; /* one of gust_plugin.tunnels */
	bool v6; /* the outer header's family */
	uint8_t local[16], remote[16];
	uint32_t id; /* VXLAN and Geneve VNI, GRE key */
	uint16_t port; /* UDP destination, 0: the kind's own */
	uint16_t sport_min, sport_max; /* UDP source by the inner flow; 0: 49152
					  to 65535 (RFC 6335) */
	uint8_t ttl; /* outer, 0: 64 */
	uint8_t tos;
	uint32_t flags;
	const uint8_t *opt; /* Geneve options, as on the wire */
	uint16_t opt_len; /* a multiple of 4 */
};

/* Forms of packets above 64 KB (`jumbo`). */
enum gust_jumbo {
	GUST_JUMBO_PLAIN, /* IPv4 tot_len 0; IPv6 payload length 0, no option */
	GUST_JUMBO_OPTION, /* IPv6 with the RFC 2675 hop-by-hop option */
};

enum gust_dir { GUST_RX, GUST_TX };

#define GUST_NEVER UINT64_MAX

/* ---- what a plugin may call ---- */

struct gust_host {
	uint32_t abi, size;

	/* -- packets -- */

	/* An empty packet with headroom and 512 bytes of head; NULL: the limit. */
	struct gust_pkt *(*pkt_new)(struct gust_worker *w);
	/* Private head, shared payload. NULL at the limit. */
	struct gust_pkt *(*pkt_clone)(struct gust_worker *w,
				      const struct gust_pkt *p);
	void (*pkt_free)(struct gust_pkt *p /*taken*/);
	/*
	 * A new packet with the first `hlen` head bytes of `p` and the layers that
	 * begin in them, and payload bytes [off, off + len) by reference (adjacent
	 * pieces are joined: not for GUST_GSO_BY_FRAGS); metadata copied, lengths
	 * in headers not touched. NULL at a limit.
	 */
	struct gust_pkt *(*slice)(struct gust_worker *w, const struct gust_pkt *p,
				  uint16_t hlen, uint32_t off, uint32_t len);
	/* Append all payload of `q` to `p` and free `q`. `join`: adjacent pieces
	 * of one buffer become one fragment (not for GUST_GSO_BY_FRAGS). 0, or
	 * -ENOMEM: nothing changed. */
	int (*absorb)(struct gust_pkt *p, struct gust_pkt *q /*taken*/, bool join);
	/* Replace the payload by a private copy in one piece, whose bytes may then
	 * be changed: at most 65535 bytes. 0, -ENOBUFS, -EMSGSIZE. */
	int (*own_payload)(struct gust_worker *w, struct gust_pkt *p);
	/* Open or close a gap of `n` bytes in the head at `off`; layers behind it
	 * move, len and hlen follow. New bytes are zero. 0, or -ENOBUFS: no
	 * headroom. close: layers that begin inside the gap go. */
	int (*head_insert)(struct gust_pkt *p, uint16_t off, uint16_t n);
	void (*head_remove)(struct gust_pkt *p, uint16_t off, uint16_t n);
	/* Insert a layer in the map at index `i` (the bytes are there). 0, or
	 * -ENOBUFS: the map is full. */
	int (*layer_insert)(struct gust_pkt *p, unsigned i, struct gust_layer l);
	/* Copy payload bytes out; returns how many. */
	uint32_t (*payload_copy)(const struct gust_pkt *p, uint32_t off, void *dst,
				 uint32_t len);

	/* -- lengths and checksums -- */

	/* IPv4 total length and header checksum, IPv6 payload length (and jumbo
	 * option), UDP lengths, in every layer, from p->len. */
	void (*fix_lengths)(struct gust_pkt *p);
	/* Recompute an IPv4 layer's header checksum. */
	void (*ip4_csum)(struct gust_pkt *p, unsigned layer);
	/* Sums (gust/bytes.h): of bytes, of payload, of the innermost transport's
	 * pseudo header. */
	uint32_t (*sum)(uint32_t sum, const void *p, size_t len);
	uint32_t (*payload_sum)(const struct gust_pkt *p, uint32_t off,
				uint32_t len);
	uint32_t (*pseudo_sum)(const struct gust_pkt *p);
	/* CRC32c (RFC 9260 appendix A) over bytes; begin with 0xffffffff, and
	 * invert at the end. */
	uint32_t (*crc32c)(uint32_t crc, const void *p, size_t len);
	/* Verify the innermost transport's checksum and the IPv4 header's; true
	 * also when it is owed or known to be right. Sets GUST_F_CSUM_OK. */
	bool (*csum_verify)(struct gust_pkt *p);
	/* Complete an owed one by reading everything. */
	void (*csum_complete)(struct gust_pkt *p);

	/* -- cutting -- */

	/* 0, or -EINVAL: `p` is no superpacket, or its step is no multiple. */
	int (*cut_begin)(struct gust_cut *c, struct gust_worker *w,
			 struct gust_pkt *p, const struct gust_gso_req *req);
	/* The next piece; NULL: no more, or a limit (cut_end() knows). */
	struct gust_pkt *(*cut_next)(struct gust_cut *c);
	/* All pieces of `pieces` go to `out` and the superpacket is freed: 0. Or
	 * -ENOBUFS, if cut_next() hit a limit: the pieces are freed and the
	 * superpacket is as it was, the caller's. */
	int (*cut_end)(struct gust_cut *c, struct gust_batch *pieces /*taken*/,
		       struct gust_batch *out);

	/* -- the rest of the world -- */

	void (*drop)(struct gust_worker *w, struct gust_pkt *p /*taken*/,
		     enum gust_drop why);
	/* Rate-limited by the host. */
	void (*log)(struct gust_worker *w, enum gust_log_level level,
		    const char *text);
	/* Add to the plugin's counter `i` (gust_plugin.counters). */
	void (*count)(struct gust_worker *w, unsigned i, uint64_t n);
	uint64_t (*random)(struct gust_worker *w);

	/* -- more about lengths and checksums -- */

	/* Outer UDP checksums that lengths alone do not tell (fix_lengths() and the
	 * cut leave them): those around a fragment, or around a transport without
	 * an Internet checksum. Reads the payload if there is one. */
	void (*outer_sums)(struct gust_pkt *p);

	/* Which worker this is, from 0. */
	unsigned (*worker_index)(const struct gust_worker *w);

	/* -- tunnels -- */

	/* Put `n` header bytes with `nlayer` layers (offsets from these bytes) in
	 * front of a packet. Lengths and checksums are fix_lengths()'s. 0, or
	 * -ENOBUFS: no headroom or no room in the map. */
	int (*push)(struct gust_pkt *p, const uint8_t *bytes, uint16_t n,
		    const struct gust_layer *layer, unsigned nlayer);
	/* Copy `len` bytes from offset `off` of the packet, head or payload;
	 * returns how many there were. */
	uint32_t (*peek)(const struct gust_pkt *p, uint32_t off, void *dst,
			 uint32_t len);
	/*
	 * Take `n` bytes off the front, head and payload, and dissect what is left
	 * as `kind`: GUST_L_ETH, GUST_L_IPV4, GUST_L_IPV6, or GUST_L_NONE for an IP
	 * packet by its version. Payload is not copied. `p` is no superpacket (the
	 * host slices those before decap()). 0; or -errno, then the packet is still
	 * whole and the caller's.
	 */
	int (*strip)(struct gust_worker *w, struct gust_pkt *p, uint32_t n,
		     uint8_t kind);
	/* A hash of the innermost flow, never 0: source port, flow label. */
	uint32_t (*flow_hash)(struct gust_worker *w, struct gust_pkt *p);
	/* fix_lengths() for the `nlayer` outermost layers only, which were pushed
	 * just now: what is inside is right already, however deep. */
	void (*fix_outer)(struct gust_pkt *p, unsigned nlayer);
};

/* ---- what a plugin offers ---- */

#define GUST_COUNTERS_MAX 16

/* gust_plugin.flags */
/* filter() wants packets as they are on the wire: superpackets are cut before it,
 * owed checksums completed, and what passes is merged again. */
#define GUST_PLUGIN_WIRE 0x01
/* Without options it has nothing to do: until it is given some it is loaded and
 * idle, and costs nothing. */
#define GUST_PLUGIN_OPTIONS 0x02

struct gust_plugin {
	uint32_t abi; /* GUST_PLUGIN_ABI */
	uint32_t size; /* sizeof(struct gust_plugin) */
	const char *name; /* letters, digits, '-'; at most 15 */
	const char *text; /* one line: what it does */
	uint64_t provides, needs; /* GUST_FEAT_BIT()s */
	uint32_t gso_types; /* bits 1 << enum gust_gso that gso() cuts */
	uint32_t gro_kinds; /* bits 1 << enum gust_layer_kind: innermost
			       transports whose packets gro() is given */
	uint32_t flags; /* GUST_PLUGIN_* */
	const char *const *counters; /* names, NULL-terminated; may be NULL */

	/*
	 * Make an instance. `options` is the configuration's text, "" for none. 0;
	 * or -errno and a sentence in `err` that names the word that is wrong and
	 * what was expected. NULL: no options, no instance.
	 */
	int (*open)(const struct gust_host *host, const char *options,
		    void **ret_instance, char *err, size_t err_len);
	void (*close)(void *instance); /* NULL is fine */

	/* State of one worker; required. `*ret_state` may be anything but NULL. */
	int (*worker_open)(const struct gust_host *host, void *instance,
			   struct gust_worker *w, void **ret_state);
	/* Every packet that is held goes to out[its direction]. */
	void (*worker_close)(void *state, struct gust_batch out[2]);

	/* Cut each packet of a run of like packets: same gso type, same request. */
	void (*gso)(void *state, struct gust_batch *in /*taken*/,
		    const struct gust_gso_req *req, struct gust_batch *out);
	/* Merge what can be merged within this batch; nothing is held back. */
	void (*gro)(void *state, struct gust_batch *in /*taken*/,
		    const struct gust_gro_req *req, struct gust_batch *out);
	/* Give a packet above 64 KB another form. 0, or -errno: unchanged. */
	int (*jumbo)(void *state, struct gust_pkt *p, enum gust_jumbo form);
	/* Let packets pass, hold, change, drop, double; `in` may be empty when
	 * only time has passed. */
	void (*filter)(void *state, enum gust_dir dir,
		       struct gust_batch *in /*taken*/, uint64_t now_us,
		       struct gust_batch *out);
	/* When filter() wants to be called again without packets; GUST_NEVER. */
	uint64_t (*deadline)(void *state, enum gust_dir dir);

	/* -- tunnels; all NULL, or all given -- */

	const char *const *tunnels; /* kinds, NULL-terminated: "ipip", "sit" */
	/* Check and prepare; immutable but for atomic counters, shared by workers.
	 * 0; -EINVAL and a sentence that names the field and what was expected. */
	int (*tunnel_open)(const struct gust_host *host,
			   const struct gust_tunnel_conf *conf, void **ret_tunnel,
			   char *err, size_t err_len);
	void (*tunnel_close)(void *tunnel); /* NULL is fine */
	/* Bytes that encap() adds at the most, from the outer IP header on. */
	uint16_t (*tunnel_overhead)(const void *tunnel);
	/* Put the outer headers around each packet, whatever its size: superpackets
	 * stay whole. Packets begin with what the tunnel carries (Ethernet or IP). */
	void (*encap)(void *state, void *tunnel, struct gust_batch *in /*taken*/,
		      struct gust_batch *out);
	/*
	 * Packets from the underlay that begin with their outer IP header, single
	 * ones, their map as far as the dissector went. Those of this tunnel lose
	 * their outer headers and go to `out`; others go to `rest` untouched; what
	 * is this tunnel's and malformed is dropped by name. Checksums of the outer
	 * headers are verified here.
	 */
	void (*decap)(void *state, void *tunnel, struct gust_batch *in /*taken*/,
		      struct gust_batch *out, struct gust_batch *rest);
};

/* The one symbol. A build that links several plugins into one program (tests)
 * gives each another name. */
#ifndef GUST_PLUGIN_SYMBOL
#define GUST_PLUGIN_SYMBOL gust_plugin
#endif
extern const struct gust_plugin GUST_PLUGIN_SYMBOL
	__attribute__((visibility("default")));

#endif
