# SPDX-License-Identifier: BSD-2-Clause
#
# Offload plugins: shared objects of one file each, built with the public headers
# alone; -z defs proves that they resolve no symbol of the daemon. Fuzz targets
# include the sources instead.
gustplugin_PROGRAMS =
CPPFLAGS_PLUGIN = -D_GNU_SOURCE -I$(top_srcdir)/include
CFLAGS_PLUGIN = $(GUST_CFLAGS) -fPIC -fvisibility=hidden
LDFLAGS_PLUGIN = $(GUST_LDFLAGS) -shared -Wl,-z,defs
include plugins/tso.mk
include plugins/uso.mk
include plugins/ufo.mk
include plugins/bigtcp.mk
include plugins/gro.mk
include plugins/uro.mk
include plugins/sctp.mk
include plugins/impair.mk
include plugins/ipip.mk
include plugins/gre.mk
include plugins/gue.mk
include plugins/vxlan.mk
include plugins/geneve.mk
