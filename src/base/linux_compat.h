/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * linux_compat.h - kernel interface numbers newer than the installed headers
 *
 * Source: include/uapi/linux/if_tun.h, virtio_net.h, if_link.h, udp.h of
 * Linux 6.18. Numbers only; whether the running kernel knows them is asked of
 * the kernel, never of a version.
 */
#ifndef GUST_BASE_LINUX_COMPAT_H
#define GUST_BASE_LINUX_COMPAT_H

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef TUN_F_UDP_TUNNEL_GSO
#define TUN_F_UDP_TUNNEL_GSO 0x80
#define TUN_F_UDP_TUNNEL_GSO_CSUM 0x100
#endif

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV4 0x20
#define VIRTIO_NET_HDR_GSO_UDP_TUNNEL_IPV6 0x40
#endif

#ifndef VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM
#define VIRTIO_NET_HDR_F_UDP_TUNNEL_CSUM 8
#endif

/* enum values of if_link.h, which cannot be tested with #ifdef */
#define GUST_IFLA_GRO_MAX_SIZE 58
#define GUST_IFLA_TSO_MAX_SIZE 59
#define GUST_IFLA_TSO_MAX_SEGS 60
#define GUST_IFLA_GSO_IPV4_MAX_SIZE 63
#define GUST_IFLA_GRO_IPV4_MAX_SIZE 64

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif
/* sendmsg(): look for the way only; not in the C library's headers */
#ifndef MSG_PROBE
#define MSG_PROBE 0x10
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

#endif
