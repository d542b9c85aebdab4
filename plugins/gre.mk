# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/gre.so
plugins_gre_so_SOURCES = plugins/gre.c plugins/tunnel.h
plugins_gre_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_gre_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_gre_so_LDFLAGS = $(LDFLAGS_PLUGIN)
