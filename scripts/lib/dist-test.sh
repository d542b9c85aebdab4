#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# dist-test.sh install|distcheck: does `make install DESTDIR=` put everything in
# its place, and does the distributed tarball build and pass on its own?
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$GUST_ROOT/build"
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
case $1 in
install)
	make -s install DESTDIR="$tmp" prefix=/usr sysconfdir=/etc >/dev/null
	for f in usr/sbin/gustd usr/bin/gustctl usr/lib/systemd/system/gustd.service \
		usr/include/gust/packet.h usr/share/man/man8/gustd.8 \
		usr/share/man/man5/gustd.conf.5 usr/share/man/man1/gustctl.1; do
		[ -e "$tmp/$f" ] || fail "make install did not install $f"
	done
	"$tmp/usr/sbin/gustd" --version
	"$tmp/usr/bin/gustctl" --version
	make -s uninstall DESTDIR="$tmp" prefix=/usr sysconfdir=/etc >/dev/null
	left=$(find "$tmp" -type f)
	[ -z "$left" ] || fail "make uninstall left: $left"
	;;
distcheck)
	make -s distcheck DISTCHECK_CONFIGURE_FLAGS="--enable-werror" -j"$GUST_JOBS"
	;;
esac
