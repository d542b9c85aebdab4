/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.h - the whole way of a packet, and where it is made smaller and why
 *
 * A pure function from facts that somebody gathered (routes and devices of both
 * namespaces, what was negotiated, what the stack does with the destination) to
 * a list of hops for each direction. It asks nobody anything itself.
 *
 * Sizes are those of the largest packet that a hop can see, in bytes from the IP
 * header on, for whole segments of full size; at sockets, bytes of payload in
 * one call.
 */
#ifndef GUST_PROOF_EXPLAIN_H
#define GUST_PROOF_EXPLAIN_H

#include "link/device.h"
#include "link/facts.h"
#include "link/route.h"

#define EXPLAIN_HOPS_MAX 16
#define EXPLAIN_DEVS_MAX 4
#define EXPLAIN_TEXT_LEN 256

/* ---- what is known ---- */

/* What the kernel of one namespace does with the destination. */
struct explain_way {
	const char *unknown; /* why it could not be asked; NULL: it was */
	struct route_result route;
	unsigned n_dev;
	struct link_device dev[EXPLAIN_DEVS_MAX]; /* [0]: where it leaves; then
						     each one below */
};

enum explain_fate {
	EXPLAIN_RELAYED, /* to the same address outside */
	EXPLAIN_LOOPBACK, /* an own address that stands for the host's loopback */
	EXPLAIN_MAPPED, /* by an explicit map */
	EXPLAIN_SERVICE, /* a built-in service */
	EXPLAIN_ANSWERED, /* the stack answers echo requests itself */
	EXPLAIN_REFUSED, /* an own address with nothing behind it */
	EXPLAIN_DROPPED, /* no address to relay to: dropped in silence */
};

struct explain_facts {
	struct ipaddr dst;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_ICMP for either */
	uint16_t port; /* 0: any */

	/* the interface */
	const struct link_state *link;
	bool tap;
	const char *netns; /* name or path, NULL: the daemon's own */
	struct port_caps from_kernel, to_kernel;
	struct link_facts offload;

	/* inside gust */
	bool timestamps; /* of TCP */
	unsigned n_plugin;
	const char *const *plugin; /* names of the active ones */
	const char *filter; /* one of them that wants single packets; NULL: none */
	bool merge; /* the configuration lets them merge what comes in */
	uint32_t merge_max; /* up to this length; 0: no merging */
	unsigned tunnels; /* levels of encapsulation that gust adds */
	uint32_t read_max; /* bytes that one recv() takes from a host's stream */
	uint32_t run_max; /* the same of datagrams */
	enum explain_fate fate;
	struct ipaddr host; /* RELAYED, LOOPBACK, MAPPED: whom the host talks to */
	const char *service; /* SERVICE: its name */
	const char *drop; /* DROPPED: the drop reason's name */
	bool published; /* a published port leads to the destination */
	struct ipaddr listen;
	uint16_t listen_port;

	struct explain_way inside; /* the interface's namespace, as an
				      application there would send */
	struct explain_way outside; /* the daemon's, as the relay's sockets send
				       to `host` */
};

/* ---- the answer ---- */

enum explain_kind {
	EXPLAIN_ROUTE,
	EXPLAIN_DEVICE,
	EXPLAIN_PORT, /* gust's side of the interface */
	EXPLAIN_FILTER, /* the stage of plugins that look at single packets */
	EXPLAIN_MERGE, /* the stage of receive offload plugins */
	EXPLAIN_STACK,
	EXPLAIN_EGRESS, /* the planner in front of the port */
	EXPLAIN_SOCKET, /* of the host */
	EXPLAIN_KINDS
};

enum explain_why {
	EXPLAIN_WHOLE, /* nothing stands in the way */
	EXPLAIN_ADMIN,
	EXPLAIN_NOT_CONFIGURED,
	EXPLAIN_NO_PLUGIN,
	EXPLAIN_NOT_GRANTED,
	EXPLAIN_UNPROVEN, /* a form that is used only when the self-test saw it arrive */
	EXPLAIN_DISPROVEN,
	EXPLAIN_DEMOTED,
	EXPLAIN_FILTERED, /* a plugin wants to see single packets */
	EXPLAIN_SIZE,
	EXPLAIN_MTU,
	EXPLAIN_NO_FEATURE, /* of a device that is not ours */
	EXPLAIN_TUNNEL_DEPTH,
	EXPLAIN_PROTO, /* no offload exists for this protocol */
	EXPLAIN_NOT_GUST, /* it does not come to gust */
	EXPLAIN_NO_ROUTE,
	EXPLAIN_STACK_ENDS, /* the stack refuses or drops it */
	EXPLAIN_LOOP, /* it would come back to gust */
	EXPLAIN_UNKNOWN,
	EXPLAIN_WHYS
};

struct explain_hop {
	enum explain_kind kind;
	char name[32]; /* a device's name, or what the kind is */
	unsigned depth; /* header layers, Ethernet included */
	uint32_t header_bytes; /* of these */
	uint32_t largest; /* what the hop passes on; 0: nothing */
	char carried_by[40]; /* the offload, by ethtool's name where it has one;
				"": it is no superpacket */
	uint32_t cut; /* what arrives larger is cut into pieces up to this size;
			 0: nothing is cut here */
	enum explain_why why; /* of the cut, or of a size below what is possible */
	char text[EXPLAIN_TEXT_LEN]; /* what happens here */
	char why_text[EXPLAIN_TEXT_LEN]; /* "" with EXPLAIN_WHOLE */
	char avoid[EXPLAIN_TEXT_LEN]; /* what would avoid it; "": nothing known */
};

struct explain_path {
	const char *name; /* "out": from the inside; "back": to the inside */
	unsigned n;
	struct explain_hop hop[EXPLAIN_HOPS_MAX];
};

struct explain {
	bool through; /* it comes to gust */
	unsigned n;
	struct explain_path path[2]; /* in the order in which a flow uses them */
};

void explain(const struct explain_facts *f, struct explain *ret);

/* Stable words for JSON; "none" for EXPLAIN_WHOLE. */
const char *explain_kind_name(enum explain_kind k);
const char *explain_why_name(enum explain_why w);

#endif
