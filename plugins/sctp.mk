# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/sctp.so
plugins_sctp_so_SOURCES = plugins/sctp.c
plugins_sctp_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_sctp_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_sctp_so_LDFLAGS = $(LDFLAGS_PLUGIN)
