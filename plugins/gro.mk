# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/gro.so
plugins_gro_so_SOURCES = plugins/gro.c plugins/merge.h
plugins_gro_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_gro_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_gro_so_LDFLAGS = $(LDFLAGS_PLUGIN)
