# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/gue.so
plugins_gue_so_SOURCES = plugins/gue.c plugins/tunnel.h
plugins_gue_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_gue_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_gue_so_LDFLAGS = $(LDFLAGS_PLUGIN)
