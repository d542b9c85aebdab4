# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/uro.so
plugins_uro_so_SOURCES = plugins/uro.c plugins/merge.h
plugins_uro_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_uro_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_uro_so_LDFLAGS = $(LDFLAGS_PLUGIN)
