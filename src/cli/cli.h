/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli.h - gustctl's parts
 */
#ifndef GUST_CLI_CLI_H
#define GUST_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define CLI_SOCKET "/run/gust/gustd.sock"

struct cli {
	const char *socket;
	bool json;
};

/* ---- client.c ---- */

/* Call a method of the daemon; takes `params` (may be NULL). 0 and the reply's
 * parameters, or -1 after a message on standard error. */
int client_call(const struct cli *c, const char *method, json_t *params /*taken*/,
		json_t **ret_reply);

/* The same for a method whose reply is followed by a stream of bytes on the socket
 * (the caller's to close). -2: the daemon refuses the parameters. */
int client_stream(const struct cli *c, const char *method, json_t *params /*taken*/,
		  json_t **ret_reply, int *ret_fd);

/* ---- show_*.c: the commands. argv[0] is the command's name; exit status. ---- */

int show_status(struct cli *c, int argc, char **argv);
int show_features(struct cli *c, int argc, char **argv);
int show_flows(struct cli *c, int argc, char **argv);
int show_stats(struct cli *c, int argc, char **argv);
int show_plugins(struct cli *c, int argc, char **argv);
int show_selftest(struct cli *c, int argc, char **argv);
int show_explain(struct cli *c, int argc, char **argv);
int show_capture(struct cli *c, int argc, char **argv);

/* ---- fmt.c: values of a reply, and numbers for people ---- */

/* Members by name; absent or of another type: "", 0, false, an empty array. */
const char *get_str(const json_t *o, const char *key);
uint64_t get_num(const json_t *o, const char *key);
bool get_bool(const json_t *o, const char *key);

#define FMT_LEN 48
/* Each writes to `buf` and returns it. */
char *fmt_bytes(uint64_t n, char buf[FMT_LEN]); /* "12.3 MB", powers of 1000 */
char *fmt_kib(uint64_t n, char buf[FMT_LEN]); /* "512 KiB" */
char *fmt_rate(uint64_t bits_s, char buf[FMT_LEN]); /* "1.23 Gbit/s" */
char *fmt_time(uint64_t us, char buf[FMT_LEN]); /* "3 min 12 s" */
char *fmt_us(uint64_t us, char buf[FMT_LEN]); /* "120us", "3.4ms" */
char *fmt_count(uint64_t n, char buf[FMT_LEN]); /* "1 234 567" */

/* The words of an array of strings, joined; "none" for none. Freed by the
 * caller. */
char *fmt_words(const json_t *array, const char *between);

/* One JSON document on standard output. */
void print_json(const json_t *o, bool one_line);

#endif
