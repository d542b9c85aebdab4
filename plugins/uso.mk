# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/uso.so
plugins_uso_so_SOURCES = plugins/uso.c
plugins_uso_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_uso_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_uso_so_LDFLAGS = $(LDFLAGS_PLUGIN)
