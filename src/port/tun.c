/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tun.c - create a tun or tap, or attach to one that exists
 *
 * What the driver does and we therefore do:
 *   - A tun belongs to the namespace in which its *descriptor was opened*, so
 *     /dev/net/tun is opened during the visit there.
 *   - TUNSETIFF on an existing interface demands that IFF_MULTI_QUEUE be as at
 *     its creation; EINVAL is answered by trying the other way, and one queue
 *     is what is left then. All other flags are taken over from us, but only
 *     by the first queue; TUNGETIFF tells what came of it.
 *   - Creating needs CAP_NET_ADMIN; attaching needs nothing when the interface
 *     has our user as its owner (or one of our groups), or no owner at all.
 *   - Header size, endianness and offloads belong to the interface, not to the
 *     queue: one ioctl serves all. The size is not checked against the
 *     offloads; the tunnel ones need 24.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "pkt/vnet.h"
#include "port/open_internal.h"
#include "port/tun_internal.h"

#define TUN_DEV "/dev/net/tun"
#define TUN_QUEUES_MAX 256 /* MAX_TAP_QUEUES */

static int fd_of(const struct port *port, unsigned q)
{
	return ((const struct tun_port *)port)->q[q].fd;
}

static void tun_close(struct port *port)
{
	struct tun_port *t = (struct tun_port *)port;

	if (!t)
		return;
	for (unsigned i = 0; i < t->port.nqueues; i++) {
		if (t->q[i].fd >= 0)
			close(t->q[i].fd);
		fill_free(&t->q[i].fill);
	}
	free(t->port.pool);
	free(t);
}

static const struct port_ops tun_ops = {
	.kind = "tun",
	.rx = tun_rx,
	.tx = tun_tx,
	.fd = fd_of,
	.close = tun_close,
};

static const struct port_ops tap_ops = {
	.kind = "tap",
	.rx = tun_rx,
	.tx = tun_tx,
	.fd = fd_of,
	.close = tun_close,
};

/* ---- opening one descriptor ---- */

static int open_dev(const struct errbuf *e, int *ret_fd)
{
	int fd = open(TUN_DEV, O_RDWR | O_NONBLOCK | O_CLOEXEC), r = -errno;

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	if (r == -ENOENT || r == -ENOTDIR)
		return fail(e, r,
			    "open " TUN_DEV ": %s: load the driver with "
			    "`modprobe tun`; in a container, give it the device",
			    strerror(-r));
	if (r == -ENODEV || r == -ENXIO)
		return fail(e, r,
			    "open " TUN_DEV ": %s: the device node is there "
			    "but this kernel has no tun driver (`modprobe tun`)",
			    strerror(-r));
	if (r == -EACCES || r == -EPERM)
		return fail(e, r,
			    "open " TUN_DEV ": %s: this user needs read and "
			    "write permission for it (usual mode 0666), and in a "
			    "service a DeviceAllow for it",
			    strerror(-r));
	return fail(e, r, "open " TUN_DEV ": %s", strerror(-r));
}

static int say_setiff(const struct errbuf *e, int r, const struct tun_conf *c,
		      const char *name, bool exists)
{
	const char *mode = c->tap ? "tap" : "tun", *why = strerror(-r);

	if (r == -EPERM && exists)
		return fail(e, r,
			    "TUNSETIFF %s: %s: the interface belongs to "
			    "another user: run as its owner or with CAP_NET_ADMIN, "
			    "or make it again with `ip tuntap add %s mode %s user "
			    "%u multi_queue vnet_hdr`",
			    name, why, name, mode, (unsigned)geteuid());
	if (r == -EPERM)
		return fail(e, r,
			    "TUNSETIFF %s: %s: creating an interface needs "
			    "CAP_NET_ADMIN; or have it made beforehand with `ip "
			    "tuntap add %s mode %s user %u multi_queue vnet_hdr`",
			    name, why, name, mode, (unsigned)geteuid());
	if (r == -EBUSY)
		return fail(e, r,
			    "TUNSETIFF %s: %s: another process has this "
			    "interface open: stop it, or choose another name",
			    name, why);
	if (r == -EINVAL && exists)
		return fail(e, r,
			    "TUNSETIFF %s: an interface of that name exists "
			    "and is not a %s: choose another name, or remove it "
			    "with `ip link delete %s`",
			    name, mode, name);
	if (r == -EINVAL)
		return fail(e, r,
			    "TUNSETIFF %s: %s: not a name that the kernel "
			    "takes for an interface",
			    name, why);
	if (r == -E2BIG)
		return fail(e, r,
			    "TUNSETIFF %s: %s: more queues than the kernel "
			    "gives one interface: lower the number of workers",
			    name, why);
	return fail(e, r, "TUNSETIFF %s: %s", name, why);
}

static int set_iff(int fd, const struct tun_conf *c, char name[IFNAMSIZ],
		   bool multi)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, name, IFNAMSIZ);
	ifr.ifr_flags = (short)((c->tap ? IFF_TAP : IFF_TUN) | IFF_NO_PI |
				IFF_VNET_HDR | (multi ? IFF_MULTI_QUEUE : 0));
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	return 0;
}

/* Has the interface the form that this port speaks? Not so when somebody else
 * holds another queue of it without a vnet header. */
static int check_flags(int fd, const char *name, const struct errbuf *e)
{
	struct ifreq ifr = { 0 };

	if (ioctl(fd, TUNGETIFF, &ifr) < 0)
		return fail(e, -errno, "TUNGETIFF %s: %s", name, strerror(errno));
	if ((ifr.ifr_flags & (IFF_VNET_HDR | IFF_NO_PI)) !=
	    (IFF_VNET_HDR | IFF_NO_PI))
		return fail(e, -EBUSY,
			    "%s: another process holds a queue of this "
			    "interface in another format: stop it",
			    name);
	return 0;
}

static int set_format(struct tun_port *t, const char *name, const struct errbuf *e)
{
	int len = (int)t->vnet_len, one = 1, got = 0;

	if (ioctl(t->q[0].fd, TUNSETVNETHDRSZ, &len) < 0)
		return fail(e, -errno,
			    "TUNSETVNETHDRSZ %s: %s: this kernel does not "
			    "take a virtio_net_hdr of %d bytes",
			    name, strerror(errno), len);
	if (ioctl(t->q[0].fd, TUNGETVNETHDRSZ, &got) < 0 || got != len)
		return fail(e, -EPROTO,
			    "TUNGETVNETHDRSZ %s: the kernel says %d, not "
			    "%d bytes",
			    name, got, len);
	/* Our codec is little endian; without this the driver uses the host's
	 * order. A little-endian host may do without the ioctl. */
	if (ioctl(t->q[0].fd, TUNSETVNETLE, &one) < 0 &&
	    __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
		return fail(e, -errno, "TUNSETVNETLE %s: %s", name,
			    strerror(errno));
	return 0;
}

/* ---- opening the port ---- */

static int port_alloc(const struct tun_conf *c, struct pkt_pool **pool,
		      unsigned vnet_len, struct tun_port **ret_t)
{
	struct tun_port *t;
	size_t len = sizeof(*t) + c->nqueues * sizeof(t->q[0]);

	t = aligned_alloc(_Alignof(struct tun_port), len);
	if (!t)
		return -ENOMEM;
	memset(t, 0, len);
	t->port.ops = c->tap ? &tap_ops : &tun_ops;
	t->port.l2 = c->tap;
	t->port.nqueues = c->nqueues;
	t->vnet_len = vnet_len;
	for (unsigned i = 0; i < c->nqueues; i++)
		t->q[i].fd = -1;
	t->port.pool = calloc(c->nqueues, sizeof(*pool));
	if (!t->port.pool)
		goto nomem;
	memcpy(t->port.pool, pool, c->nqueues * sizeof(*pool));
	for (unsigned i = 0; i < c->nqueues; i++) {
		if (fill_init(&t->q[i].fill, vnet_len + TUN_READ_MAX))
			goto nomem;
	}
	*ret_t = t;
	return 0;
nomem:
	tun_close(&t->port);
	return -ENOMEM;
}

/* The first queue decides whether there are more. */
static int open_first(struct tun_port *t, const struct tun_conf *c,
		      struct tun_info *info, const struct errbuf *e)
{
	bool exists = if_nametoindex(c->name);
	/* What may be opened again later with more workers begins as multi-queue. */
	bool multi = c->nqueues > 1 || c->persist;
	int r = open_dev(e, &t->q[0].fd);

	if (r < 0)
		return r;
	r = set_iff(t->q[0].fd, c, info->name, multi);
	if (r == -EINVAL && exists) {
		multi = !multi;
		r = set_iff(t->q[0].fd, c, info->name, multi);
	}
	if (r < 0)
		return say_setiff(e, r, c, c->name, exists);
	info->created = !exists;
	info->multi_queue = multi;
	info->nqueues = multi ? c->nqueues : 1;
	return check_flags(t->q[0].fd, info->name, e);
}

static int open_all(struct tun_port *t, const struct tun_conf *c,
		    struct tun_info *info, const struct errbuf *e)
{
	int r = open_first(t, c, info, e);

	for (unsigned i = 1; r == 0 && i < info->nqueues; i++) {
		r = open_dev(e, &t->q[i].fd);
		if (r == 0 && (r = set_iff(t->q[i].fd, c, info->name, true)) < 0)
			say_setiff(e, r, c, info->name, true);
	}
	if (r == 0)
		r = set_format(t, info->name, e);
	if (r < 0)
		return r;
	if (info->created && c->persist && ioctl(t->q[0].fd, TUNSETPERSIST, 1) < 0)
		return fail(e, -errno, "TUNSETPERSIST %s: %s", info->name,
			    strerror(errno));
	info->ifindex = (int)if_nametoindex(info->name);
	if (!info->ifindex)
		return fail(e, -ENODEV,
			    "%s: the interface vanished while it was "
			    "being opened",
			    info->name);
	return 0;
}

static int check_conf(const struct tun_conf *c, unsigned vnet_len,
		      const struct errbuf *e)
{
	if (!c->name || !*c->name || strlen(c->name) >= IFNAMSIZ)
		return fail(e, -EINVAL,
			    "interface name \"%.32s\": 1 to %d bytes are "
			    "expected",
			    c->name ? c->name : "", IFNAMSIZ - 1);
	if (!c->nqueues || c->nqueues > TUN_QUEUES_MAX)
		return fail(e, -EINVAL, "%s: %u queues: 1 to %d are possible",
			    c->name, c->nqueues, TUN_QUEUES_MAX);
	if (vnet_len != 10 && vnet_len != 12 && vnet_len != 20 &&
	    vnet_len != VNET_LEN)
		return fail(e, -EINVAL,
			    "%s: a virtio_net_hdr has 10, 12, 20 or 24 "
			    "bytes, not %u",
			    c->name, vnet_len);
	return 0;
}

/* What open_all() is called with, from within the namespace. */
struct opening {
	struct tun_port *t;
	const struct tun_conf *c;
	struct tun_info *info;
	const struct errbuf *e;
};

static int open_there(void *arg)
{
	struct opening *o = arg;

	return open_all(o->t, o->c, o->info, o->e);
}

int tun_open(const struct tun_conf *conf, struct pkt_pool **pool,
	     struct port **ret_port, struct tun_info *ret_info, char *err,
	     size_t err_len)
{
	struct errbuf e = { err, err_len };
	unsigned vnet_len = conf->vnet_len ? conf->vnet_len : VNET_LEN;
	struct tun_info info = { .vnet_len = vnet_len };
	struct tun_port *t = NULL;
	int r = check_conf(conf, vnet_len, &e);

	if (r < 0)
		return r;
	memcpy(info.name, conf->name, strlen(conf->name));
	r = port_alloc(conf, pool, vnet_len, &t);
	if (r < 0)
		return fail(&e, r, "%s: out of memory", conf->name);
	r = port_in_netns(conf->netns, open_there,
			  &(struct opening){ t, conf, &info, &e }, &e);
	if (r < 0) {
		tun_close(&t->port);
		return r;
	}
	/* The queues beyond those that the interface has were never opened. */
	for (unsigned i = info.nqueues; i < t->port.nqueues; i++)
		fill_free(&t->q[i].fill);
	t->port.nqueues = info.nqueues;
	*ret_port = &t->port;
	*ret_info = info;
	return 0;
}

/* ---- offloads ---- */

int tun_set_offload(struct port *port, unsigned tun_f)
{
	return ioctl(fd_of(port, 0), TUNSETOFFLOAD, (unsigned long)tun_f) < 0 ?
		       -errno :
		       0;
}

int tun_offload_ladder(struct port *port, unsigned want, unsigned *ret_granted)
{
	/* What goes first is what fewest packets miss. The kernel's rules (all
	 * need CSUM, TSO_ECN a TSO, USO both families, a tunnel a plain one) are
	 * met by coming down far enough. */
	static const unsigned steps[] = {
		TUN_F_UDP_TUNNEL_GSO_CSUM,
		TUN_F_UDP_TUNNEL_GSO,
		TUN_F_USO4 | TUN_F_USO6,
		TUN_F_UFO,
		TUN_F_TSO_ECN,
		TUN_F_TSO6,
		TUN_F_TSO4,
		TUN_F_CSUM,
	};
	int r = tun_set_offload(port, want);

	for (unsigned i = 0; r == -EINVAL && i < sizeof(steps) / sizeof(steps[0]);
	     i++) {
		if (!(want & steps[i]))
			continue;
		want &= ~steps[i];
		r = tun_set_offload(port, want);
	}
	if (r == -EINVAL && want) {
		/* Bits that no step names. */
		want = 0;
		r = tun_set_offload(port, want);
	}
	if (r == 0)
		*ret_granted = want;
	return r;
}
