/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sniff.h - what the kernel's receive path makes of packets, before routing
 */
#ifndef TESTS_ORACLE_SNIFF_H
#define TESTS_ORACLE_SNIFF_H

#include "lab.h"

/* A packet socket on the device, with virtio_net_hdr. */
int sniff_open(const char *dev);

/* Append what has arrived. Each frame is one virtio_net_hdr of SUPER_VH_LEN bytes
 * (the last 14 are zero) and the packet, an 802.1Q tag back in its place. */
void sniff_read(int fd, struct lab_frames *ret);

#endif
