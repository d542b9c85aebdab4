# SPDX-License-Identifier: BSD-2-Clause
gustplugin_PROGRAMS += plugins/vxlan.so
plugins_vxlan_so_SOURCES = plugins/vxlan.c plugins/udptun.h plugins/tunnel.h
plugins_vxlan_so_CPPFLAGS = $(CPPFLAGS_PLUGIN)
plugins_vxlan_so_CFLAGS = $(CFLAGS_PLUGIN)
plugins_vxlan_so_LDFLAGS = $(LDFLAGS_PLUGIN)
