/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_proto.h - the control protocol's framing and requests, as pure
 * functions over bytes
 *
 * Framing is varlink's (varlink.org): one JSON object, one NUL byte. A request
 * is {"method": NAME, "parameters": {...}}, nothing else in it; what is unknown,
 * of the wrong type or given twice is refused.
 */
#ifndef GUST_DAEMON_CONTROL_PROTO_H
#define GUST_DAEMON_CONTROL_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/capture_conf.h"
#include "wire/ipaddr.h"

/* A request without its NUL; longer ones are refused. */
#define CONTROL_REQ_MAX 65536

enum control_method {
	CONTROL_STATUS,
	CONTROL_FEATURES,
	CONTROL_FLOWS,
	CONTROL_STATS,
	CONTROL_PLUGINS,
	CONTROL_PLUGIN_SET,
	CONTROL_SELFTEST,
	CONTROL_EXPLAIN,
	CONTROL_CAPTURE,
	CONTROL_METHODS
};

struct control_req {
	enum control_method method;
	/* gust.Flows: all of these must hold. gust.Explain: the destination, with
	 * TCP when no protocol was named. */
	uint8_t proto; /* IPPROTO_*, 0: any (ICMP stands for ICMPv6 as well) */
	bool has_addr; /* inside, outside or host address in the prefix */
	struct ipaddr addr;
	uint8_t plen;
	uint16_t port; /* gust.Explain, 0: any */
	/* gust.PluginSet: `name`, and one or both of the others */
	char name[16];
	bool has_enable, enable, has_options;
	char options[480];
	struct capture_conf capture; /* gust.Capture */
};

/* Is a whole request at `buf`? 1 and its length without the NUL; 0: not yet;
 * -EMSGSIZE: longer than allowed. */
int control_frame(const char *buf, size_t len, size_t *ret_len);

/* 0, or -EINVAL and a sentence in `err`. */
int control_parse(const char *msg, size_t len, struct control_req *ret_req,
		  char *err, size_t err_len);

#endif
