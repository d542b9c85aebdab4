# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/ufo.so
plugins_ufo_so_SOURCES = plugins/ufo.c
plugins_ufo_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_ufo_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_ufo_so_LDFLAGS = $(LDFLAGS_PLUGIN)
