/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * capture_out.h - a stream of pcapng blocks into one file or several
 *
 * The daemon begins a new section wherever a new file is to begin, so a file is a
 * section: complete, and with packet numbers of its own.
 */
#ifndef GUST_CLI_CAPTURE_OUT_H
#define GUST_CLI_CAPTURE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct capture_out {
	/* set by the caller */
	const char *path; /* "-": standard output */
	bool numbered; /* FILE-00001.EXT and so on, one a section */
	unsigned keep; /* so many of them, older ones are removed; 0: all */
	bool (*give_up)(void); /* asked when a write is interrupted */
	/* the file */
	int fd; /* -1: none yet */
	unsigned files;
	bool gone; /* the reader of the output is: blocks are only counted */
	/* what passed, by interface */
	uint64_t packets[2], dropped[2];
	unsigned stats; /* statistics blocks: the stream came to its end */
};

/* Take the whole blocks of `buf`; returns their bytes, what is left is the begin of
 * the next. -1 after a message: not pcapng, or the file cannot be written. */
ptrdiff_t capture_out_take(struct capture_out *o, const uint8_t *buf, size_t len);
/* 0 or -1 after a message. */
int capture_out_close(struct capture_out *o);

#endif
