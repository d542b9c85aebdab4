/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c - gustd: the command line
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#ifndef GUST_SYSCONFDIR
#define GUST_SYSCONFDIR "/etc"
#endif

#define CONF_FILE GUST_SYSCONFDIR "/gust/gustd.conf"
#define CONF_DIR GUST_SYSCONFDIR "/gust/gustd.conf.d"

static int usage(FILE *f, int status)
{
	fprintf(f,
		"usage: gustd [-c FILE] [--check-config]\n"
		"\n"
		"  -c, --config FILE   read this file only; without it %s\n"
		"                      and then %s/*.conf\n"
		"      --check-config  read the configuration, report, and exit\n"
		"      --version       print the version\n"
		"  -h, --help          print this\n"
		"\n"
		"gustd stays in the foreground and logs to standard error.\n"
		"See gustd(8) and gustd.conf(5).\n",
		CONF_FILE, CONF_DIR);
	return status;
}

static int load(const char *path, struct gust_conf **ret_conf)
{
	if (path)
		return conf_load(path, ret_conf, stderr);
	return conf_load_dropins(CONF_FILE, CONF_DIR, ret_conf, stderr);
}

static int run(const char *path, struct gust_conf *conf)
{
	struct daemon *d = calloc(1, sizeof(*d));
	int status;

	if (!d) {
		fprintf(stderr, "gustd: out of memory\n");
		return 1;
	}
	d->conf_path = path ? path : CONF_FILE;
	d->conf = conf;
	d->wake_fd = -1;
	status = daemon_run(d);
	free(d);
	return status;
}

int main(int argc, char **argv)
{
	enum { OPT_CHECK = 256, OPT_VERSION };
	static const struct option opts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, OPT_CHECK },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct gust_conf *conf = NULL;
	const char *path = NULL;
	bool check = false;
	int c, status = 0;

	/* The self-test's process is this program, too. */
	if (proof_child(argc, argv, &status))
		return status;
	while ((c = getopt_long(argc, argv, "c:h", opts, NULL)) >= 0) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_VERSION:
			printf("gustd %s\n", PACKAGE_VERSION);
			return 0;
		case 'h':
			return usage(stdout, 0);
		default:
			return usage(stderr, 2);
		}
	}
	if (optind < argc)
		return usage(stderr, 2);
	if (load(path, &conf))
		return CONF_EXIT;
	if (check)
		printf("%s: configuration is valid\n", path ? path : CONF_FILE);
	else
		status = run(path, conf);
	conf_free(conf);
	return status;
}
