# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/bigtcp.so
plugins_bigtcp_so_SOURCES = plugins/bigtcp.c
plugins_bigtcp_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_bigtcp_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_bigtcp_so_LDFLAGS = $(LDFLAGS_PLUGIN)
