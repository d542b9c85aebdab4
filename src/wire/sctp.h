/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sctp.h - the SCTP common header (RFC 9260 3.1)
 *
 * Source port, destination port (16 bits each), verification tag, CRC32c (32).
 */
#ifndef GUST_WIRE_SCTP_H
#define GUST_WIRE_SCTP_H

#define SCTP_HLEN 12
#define SCTP_OFF_CSUM 8

#endif
