/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.c - one call to the daemon over its unix socket
 *
 * A JSON object and a NUL byte there, the same back (varlink's framing).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cli.h"

#define REPLY_MAX (UINT64_C(1) << 30)
#define TIMEOUT_S 30

static int dial(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = TIMEOUT_S };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "gustctl: %s: path too long for a socket\n", path);
		return -1;
	}
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&sun, sizeof(sun))) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		return fd;
	}
	if (errno == ENOENT || errno == ECONNREFUSED)
		fprintf(stderr, "gustctl: daemon not running at %s\n", path);
	else
		fprintf(stderr, "gustctl: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int send_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

static int send_request(int fd, const char *method, json_t *params)
{
	json_t *o = json_pack("{s:s, s:o}", "method", method, "parameters",
			      params ? params : json_object());
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	int r = text ? send_all(fd, text, strlen(text) + 1) : -1;

	if (r)
		fprintf(stderr, "gustctl: cannot send the request: %s\n",
			strerror(errno));
	free(text);
	json_decref(o);
	return r;
}

/* Everything up to the NUL. */
static char *receive(int fd, size_t *ret_len)
{
	size_t len = 0, cap = 65536;
	char *buf = malloc(cap), *bigger;
	ssize_t n;

	while (buf) {
		n = recv(fd, buf + len, cap - len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fprintf(stderr, "gustctl: no reply: %s\n",
				n ? strerror(errno) :
				    "the daemon closed the connection");
			break;
		}
		len += n;
		if (!buf[len - 1]) {
			*ret_len = len - 1;
			return buf;
		}
		if (len < cap)
			continue;
		bigger = cap < REPLY_MAX ? realloc(buf, cap * 2) : NULL;
		if (!bigger) {
			fprintf(stderr, "gustctl: the reply is too long\n");
			break;
		}
		buf = bigger;
		cap *= 2;
	}
	free(buf);
	return NULL;
}

static int unpack(const char *text, size_t len, json_t **ret_reply)
{
	json_error_t je;
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je), *params;
	int r;

	if (!o) {
		fprintf(stderr, "gustctl: reply is not JSON: %s\n", je.text);
		return -1;
	}
	params = json_object_get(o, "parameters");
	if (json_object_get(o, "error") || !json_is_object(params)) {
		const char *why = get_str(params, "message");

		fprintf(stderr, "gustctl: the daemon answers: %s\n",
			*why ? why : get_str(o, "error"));
		r = strncmp(get_str(o, "error"), "gust.Bad", 8) ? -1 : -2;
		json_decref(o);
		return r;
	}
	*ret_reply = json_incref(params);
	json_decref(o);
	return 0;
}

/* Everything up to the first NUL, which is taken, and not a byte behind it. */
static ssize_t receive_head(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t n = recv(fd, buf + len, size - len, MSG_PEEK);
		char *nul;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		nul = memchr(buf + len, '\0', n);
		n = recv(fd, buf + len, nul ? nul - buf - len + 1 : (size_t)n, 0);
		if (n <= 0)
			break;
		len += n;
		if (nul)
			return len - 1;
	}
	fprintf(stderr, "gustctl: no reply from the daemon\n");
	return -1;
}

int client_stream(const struct cli *c, const char *method, json_t *params,
		  json_t **ret_reply, int *ret_fd)
{
	int fd = dial(c->socket), r = -1;
	char head[8192];
	ssize_t n = -1;

	if (fd < 0) {
		json_decref(params);
		return -1;
	}
	if (!send_request(fd, method, params))
		n = receive_head(fd, head, sizeof(head));
	if (n >= 0)
		r = unpack(head, n, ret_reply);
	if (r)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

int client_call(const struct cli *c, const char *method, json_t *params,
		json_t **ret_reply)
{
	int fd = dial(c->socket), r = -1;
	char *text = NULL;
	size_t len;

	if (fd < 0) {
		json_decref(params);
		return -1;
	}
	if (!send_request(fd, method, params))
		text = receive(fd, &len);
	if (text)
		r = unpack(text, len, ret_reply);
	free(text);
	close(fd);
	return r;
}
