# SPDX-License-Identifier: BSD-2-Clause
#
# An offload plugin out of tree: built by its users (and by a test), not by us.
exampledir = $(docdir)/examples/plugin
dist_example_DATA = examples/plugin/ttl-guard.c examples/plugin/Makefile

pkgconfigdir = $(libdir)/pkgconfig
nodist_pkgconfig_DATA = gust-plugin.pc
EXTRA_DIST += gust-plugin.pc.in
CLEANFILES += gust-plugin.pc
gust-plugin.pc: $(srcdir)/gust-plugin.pc.in Makefile
	$(AM_V_GEN)sed -e 's|@prefix[@]|$(prefix)|g' -e 's|@includedir[@]|$(includedir)|g' \
		-e 's|@plugindir[@]|$(gustplugindir)|g' -e 's|@VERSION[@]|$(VERSION)|g' \
		$(srcdir)/gust-plugin.pc.in > $@.tmp && mv $@.tmp $@
