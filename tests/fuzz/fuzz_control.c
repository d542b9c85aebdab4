/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_control.c - any bytes on the control socket
 *
 * The input is a stream; it is framed and every request parsed as the daemon
 * does. A request is accepted whole or refused with a sentence.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/control_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const char *msg, size_t len)
{
	struct control_req q;
	char err[160] = "", *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, msg, len); /* no byte behind it may be read */
	memset(&q, 0xa5, sizeof(q));
	r = control_parse(copy, len, &q, err, sizeof(err));
	free(copy);
	if (r) {
		if (!err[0])
			abort();
		return;
	}
	if (q.method >= CONTROL_METHODS || q.plen > 128 ||
	    (q.has_addr && ipaddr_is4(&q.addr) && q.plen > 32))
		abort();
	if (q.capture.view < CAPTURE_SUPER || q.capture.view > CAPTURE_BOTH ||
	    !q.capture.snaplen || q.capture.snaplen > 262144 ||
	    q.capture.buffer < CAPTURE_BUFFER_MIN ||
	    q.capture.buffer > CAPTURE_BUFFER_MAX)
		abort();
	if (q.method == CONTROL_EXPLAIN) {
		if (!q.has_addr || !q.proto || (q.port && q.proto == IPPROTO_ICMP))
			abort();
	} else if (q.port ||
		   (q.method != CONTROL_FLOWS && (q.proto || q.has_addr))) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	size_t len;

	while (control_frame(p, size, &len) > 0) {
		if (len > CONTROL_REQ_MAX || len >= size || p[len])
			abort();
		one(p, len);
		p += len + 1;
		size -= len + 1;
	}
	return 0;
}
