# SPDX-License-Identifier: BSD-2-Clause
noinst_LIBRARIES += libgust_daemon.a
libgust_daemon_a_SOURCES = \
	src/daemon/capture.c \
	src/daemon/capture.h \
	src/daemon/capture_conf.c \
	src/daemon/capture_conf.h \
	src/daemon/capture_write.c \
	src/daemon/capture_write.h \
	src/daemon/conf.c \
	src/daemon/conf.h \
	src/daemon/conf_internal.h \
	src/daemon/conf_items.c \
	src/daemon/conf_text.c \
	src/daemon/conf_text.h \
	src/daemon/conf_value.c \
	src/daemon/conf_value.h \
	src/daemon/control.c \
	src/daemon/control_explain.c \
	src/daemon/control_facts.c \
	src/daemon/control_later.h \
	src/daemon/control_methods.c \
	src/daemon/control_methods.h \
	src/daemon/control_proto.c \
	src/daemon/control_proto.h \
	src/daemon/control_selftest.c \
	src/daemon/dad.c \
	src/daemon/daemon.c \
	src/daemon/daemon.h \
	src/daemon/follow.c \
	src/daemon/notify.c \
	src/daemon/plugins.c \
	src/daemon/control_plugins.c \
	src/daemon/selftest.c \
	src/daemon/selftest.h
libgust_daemon_a_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS) $(NL_CFLAGS) \
	$(CONFUSE_CFLAGS) $(JANSSON_CFLAGS) -DGUST_PLUGINDIR='"$(gustplugindir)"'

sbin_PROGRAMS += gustd
gustd_SOURCES = src/daemon/main.c
gustd_CPPFLAGS = $(libgust_daemon_a_CPPFLAGS) -DGUST_SYSCONFDIR='"$(sysconfdir)"'
GUST_ROOM_LIBS = libgust_work.a libgust_relay.a libgust_proof.a libgust_link.a \
	libgust_port.a libgust_offload.a libgust_udp.a libgust_tcp.a libgust_ip.a \
	libgust_flow.a libgust_pkt.a libgust_wire.a libgust_base.a
gustd_LDADD = libgust_daemon.a $(GUST_ROOM_LIBS) \
	$(EVENT_LIBS) $(NL_LIBS) $(CONFUSE_LIBS) $(JANSSON_LIBS)

dist_man_MANS = man/gustd.8 man/gustd.conf.5 man/gustctl.1
dist_doc_DATA += docs/gustd.conf.example

# The unit file names the installed daemon, so it is made when paths are final.
systemdunitdir = $(systemdsystemunitdir)
nodist_systemdunit_DATA = systemd/gustd.service
EXTRA_DIST += systemd/gustd.service.in
CLEANFILES += systemd/gustd.service
systemd/gustd.service: $(srcdir)/systemd/gustd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && \
	sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
		$(srcdir)/systemd/gustd.service.in > $@.tmp && mv $@.tmp $@
