/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device.h - a network device as it is now: what it is, its sizes, its offloads
 *
 * Sizes by rtnetlink, features by ethtool netlink, under the kernel's own names,
 * those that gust has no bit for included.
 */
#ifndef GUST_LINK_DEVICE_H
#define GUST_LINK_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "link/query.h"
#include "wire/ipaddr.h"

#define DEVICE_FEATS_MAX 96 /* the kernel has about 60 */
#define DEVICE_NAME_LEN 32

#define DEVICE_FEAT_ACTIVE 0x01
#define DEVICE_FEAT_WANTED 0x02 /* what the administrator asked for */
#define DEVICE_FEAT_HW 0x04 /* the administrator can change it */

struct device_feat {
	char name[DEVICE_NAME_LEN];
	uint8_t flags; /* DEVICE_FEAT_* */
};

struct link_device {
	int ifindex;
	char name[IF_NAMESIZE];
	char kind[16]; /* IFLA_INFO_KIND: "veth", "vxlan", ...; "" for hardware */
	bool up, loopback, ether; /* ether: frames have an Ethernet header */
	uint32_t mtu;
	uint32_t gso_max_size, gro_max_size; /* 0: this kernel has no such size */
	uint32_t gso_ipv4_max_size, gro_ipv4_max_size, tso_max_size;
	uint32_t gso_max_segs;
	int lower; /* the device below, or a veth's other end; 0 none */
	bool lower_elsewhere; /* that is an index of another namespace */
	int master; /* bridge or bond that it is a port of, 0 none */
	bool has_remote; /* of a tunnel: where its packets go */
	struct ipaddr remote;
	bool ethtool_ok; /* features are known */
	unsigned n_feat;
	struct device_feat feat[DEVICE_FEATS_MAX];
};

/* -ENODEV: no such device; other -errno: netlink failed. A device whose
 * features cannot be read is described without them. */
int device_get(struct link_query *q, int ifindex, struct link_device *ret);

/* DEVICE_FEAT_* of a feature by its name; 0: all off, or unknown. */
uint8_t device_feat(const struct link_device *d, const char *name);

#endif
