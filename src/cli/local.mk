# SPDX-License-Identifier: BSD-2-Clause
bin_PROGRAMS += gustctl
gustctl_SOURCES = \
	src/cli/capture_out.c \
	src/cli/capture_out.h \
	src/cli/cli.h \
	src/cli/client.c \
	src/cli/fmt.c \
	src/cli/main.c \
	src/cli/show_explain.c \
	src/cli/show_capture.c \
	src/cli/show_features.c \
	src/cli/show_flows.c \
	src/cli/show_plugins.c \
	src/cli/show_selftest.c \
	src/cli/show_stats.c \
	src/cli/show_status.c
gustctl_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
gustctl_LDADD = $(JANSSON_LIBS)
