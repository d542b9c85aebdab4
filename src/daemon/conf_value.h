/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf_value.h - the values of the configuration file: text to numbers
 *
 * Pure functions. Each returns 0, or -EINVAL with its output untouched and, for
 * the composed ones, *ret_want pointing at a constant phrase that says what was
 * expected ("a port from 1 to 65535").
 */
#ifndef GUST_DAEMON_CONF_VALUE_H
#define GUST_DAEMON_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "relay/stack.h"

int conf_bool(const char *s, bool *ret); /* true false yes no on off */
int conf_uint(const char *s, uint64_t *ret); /* decimal, or 0x... */
int conf_size(const char *s, uint64_t *ret); /* bytes; K M G: powers of 1024 */
int conf_time_us(const char *s, uint64_t *ret); /* us ms s min h; none: ms */

/* "A/LEN", "A", "A peer B" or "A peer B/LEN". */
int conf_link_addr(const char *s, struct link_addr *ret, const char **ret_want);
/* "default", "default6", "NET/LEN" or "ADDR", then [via ADDR] [metric N] [table N]. */
int conf_link_route(const char *s, struct link_route *ret, const char **ret_want);
int conf_mac(const char *s, struct ethaddr *ret, const char **ret_want);
/* "SEEN HOST" */
int conf_map(const char *s, struct stack_map *ret, const char **ret_want);
/* "tcp|udp ADDR:PORT ADDR:PORT [device NAME]"; IPv6 addresses in brackets. */
int conf_publish(const char *s, struct stack_publish *ret, const char **ret_want);

/* Edits (insert, delete, replace, swap neighbours) between two words; what is
 * longer than 40 bytes is far from everything. */
unsigned conf_distance(const char *a, const char *b);

#endif
