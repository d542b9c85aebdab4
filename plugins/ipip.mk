# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/ipip.so
plugins_ipip_so_SOURCES = plugins/ipip.c plugins/tunnel.h
plugins_ipip_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_ipip_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_ipip_so_LDFLAGS = $(LDFLAGS_PLUGIN)
