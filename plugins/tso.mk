# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/tso.so
plugins_tso_so_SOURCES = plugins/tso.c
plugins_tso_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_tso_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_tso_so_LDFLAGS = $(LDFLAGS_PLUGIN)
