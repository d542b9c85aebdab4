# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/impair.so
plugins_impair_so_SOURCES = plugins/impair.c plugins/impair.h plugins/impair_lang.c
plugins_impair_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_impair_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_impair_so_LDFLAGS = $(LDFLAGS_PLUGIN)
