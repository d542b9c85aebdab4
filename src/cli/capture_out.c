/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_out.c - a stream of pcapng blocks into one file or several
 *
 * Only whole blocks are written, so a file is valid whenever the stream breaks off.
 * Blocks are looked at for their length and, of some, a few numbers; a run of them
 * is written in one piece.
 */
#include "cli/capture_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/pcapng.h"

#define BLOCK_MIN 12 /* type, length, length */
#define BLOCK_MAX (UINT32_C(16) << 20)
#define PATH_LEN 4096
#define OPT_IFDROP 5
#define STATS_HEAD 20 /* bytes of a statistics block in front of its options */

static uint32_t word(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* ---- files ---- */

/* "dir/name.ext" becomes "dir/name-00001.ext". */
static void file_name(const struct capture_out *o, unsigned n, char path[PATH_LEN])
{
	const char *slash = strrchr(o->path, '/');
	const char *dot = strrchr(slash ? slash : o->path, '.');
	int stem = dot ? dot - o->path : (int)strlen(o->path);

	if (o->numbered)
		snprintf(path, PATH_LEN, "%.*s-%05u%s", stem, o->path, n,
			 dot ? dot : "");
	else
		snprintf(path, PATH_LEN, "%s", o->path);
}

int capture_out_close(struct capture_out *o)
{
	int fd = o->fd;

	o->fd = -1;
	if (fd < 0 || fd == STDOUT_FILENO || !close(fd))
		return 0;
	fprintf(stderr, "gustctl: %s: %s\n", o->path, strerror(errno));
	return -1;
}

static int next_file(struct capture_out *o)
{
	char path[PATH_LEN];

	if (!strcmp(o->path, "-")) {
		o->fd = STDOUT_FILENO;
		return 0;
	}
	if (o->fd >= 0 && !o->numbered)
		return 0; /* sections may follow each other in one file */
	if (capture_out_close(o))
		return -1;
	file_name(o, ++o->files, path);
	/* what people send each other is not for everybody */
	o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (o->fd < 0) {
		fprintf(stderr, "gustctl: %s: %s\n", path, strerror(errno));
		return -1;
	}
	if (o->keep && o->files > o->keep) {
		file_name(o, o->files - o->keep, path);
		unlink(path);
	}
	return 0;
}

static int write_run(struct capture_out *o, const uint8_t *p, size_t n)
{
	while (n && !o->gone) {
		ssize_t k = write(o->fd, p, n);

		if (k < 0 && errno == EINTR && !o->give_up())
			continue;
		if (k < 0 && (errno == EPIPE || errno == EINTR)) {
			o->gone = true;
			break;
		}
		if (k < 0) {
			fprintf(stderr, "gustctl: %s: %s\n", o->path,
				strerror(errno));
			return -1;
		}
		p += k;
		n -= k;
	}
	return 0;
}

/* ---- blocks ---- */

/* The count of lost packets in a statistics block. */
static uint64_t ifdrop(const uint8_t *b, uint32_t len)
{
	uint32_t at = STATS_HEAD;

	while (at + 4 <= len - 4) {
		uint16_t code, n;
		uint64_t v;

		memcpy(&code, b + at, 2);
		memcpy(&n, b + at + 2, 2);
		if (!code || n > len - 8 - at)
			break;
		if (code == OPT_IFDROP && n == sizeof(v)) {
			memcpy(&v, b + at + 4, sizeof(v));
			return v;
		}
		at += 4 + ((n + 3u) & ~3u);
	}
	return 0;
}

static void look(struct capture_out *o, const uint8_t *b, uint32_t len)
{
	uint32_t type = word(b);
	uint32_t i = len >= STATS_HEAD ? word(b + 8) : UINT32_MAX;

	if (type == PCAPNG_PACKET && i < 2)
		o->packets[i]++;
	if (type == PCAPNG_STATS && i < 2) {
		o->dropped[i] += ifdrop(b, len);
		o->stats++;
	}
}

ptrdiff_t capture_out_take(struct capture_out *o, const uint8_t *buf, size_t len)
{
	size_t at = 0, from = 0;

	while (len - at >= BLOCK_MIN) {
		uint32_t n = word(buf + at + 4);

		if (n < BLOCK_MIN || n > BLOCK_MAX || n & 3) {
			fprintf(stderr, "gustctl: the daemon sends no pcapng\n");
			return -1;
		}
		if (len - at < n)
			break;
		if (word(buf + at) == PCAPNG_SECTION) {
			if ((at > from && write_run(o, buf + from, at - from)) ||
			    next_file(o))
				return -1;
			from = at;
		}
		look(o, buf + at, n);
		at += n;
	}
	if (o->fd < 0 && at) {
		fprintf(stderr, "gustctl: the daemon sends no pcapng\n");
		return -1;
	}
	return write_run(o, buf + from, at - from) ? -1 : (ptrdiff_t)at;
}
