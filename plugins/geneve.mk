# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/geneve.so
plugins_geneve_so_SOURCES = plugins/geneve.c plugins/udptun.h plugins/tunnel.h
plugins_geneve_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_geneve_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_geneve_so_LDFLAGS = $(LDFLAGS_PLUGIN)
