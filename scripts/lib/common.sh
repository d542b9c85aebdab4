# SPDX-License-Identifier: BSD-2-Clause
#
# common.sh - sourced by the scripts of this folder: where things are, packages
# from Debian, builds out of tree.

GUST_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GUST_JOBS=$(nproc)

PKG_BUILD="gcc libc6-dev make autoconf automake libtool autoconf-archive pkg-config
	libevent-dev libnl-3-dev libnl-genl-3-dev libnl-route-3-dev
	libconfuse-dev libjansson-dev"
PKG_RUN="iproute2 ethtool iperf3 procps python3 python3-minimal"
PKG_TEST="libcmocka-dev clang clang-format libclang-rt-14-dev curl nginx-light
	openssh-server openssh-client redis-server redis-tools dnsmasq-base
	bind9-dnsutils iputils-ping openssl netcat-openbsd tcpdump tshark xz-utils"
PKG_BENCH="passt slirp4netns"

say() { printf '== %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() {
	[ "$(id -u)" = 0 ] || fail "$(basename "$0") makes network namespaces: run it as root (or with sudo)"
}

# need_packages PACKAGE...: install with apt what is missing; quick when nothing is.
need_packages() {
	local missing=() p
	for p in "$@"; do
		dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed ||
			missing+=("$p")
	done
	[ ${#missing[@]} -eq 0 ] && return 0
	[ "$(id -u)" = 0 ] || fail "missing packages: ${missing[*]} (run as root, or apt-get install them)"
	say "installing ${missing[*]}"
	# Services of the packages (nginx, redis, ssh) are not to be started on this
	# machine: a policy file that says no, for the time of the installation only.
	local policy=/usr/sbin/policy-rc.d made=
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && made=1
	fi
	local log rc=0
	log=$(mktemp)
	{ apt-get update -qq &&
	  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null || rc=$?
	[ -n "$made" ] && rm -f $policy
	[ $rc -eq 0 ] || { cat "$log" >&2; rm -f "$log"; fail "apt-get could not install: ${missing[*]}"; }
	rm -f "$log"
}

# build_in DIR CONFIGURE_ARGS...: configure when needed, then make (all and, with
# GUST_MAKE set, these targets instead).
build_in() {
	local dir=$1; shift
	local stamp="$dir/.configured-with" args="$*"
	cd "$GUST_ROOT" || exit 1
	if [ ! -x configure ] || [ configure.ac -nt configure ]; then
		say "autoreconf"
		mkdir -p m4 build-aux
		autoreconf -fi >"$GUST_ROOT/autoreconf.log" 2>&1 ||
			{ cat "$GUST_ROOT/autoreconf.log" >&2; fail "autoreconf failed"; }
		rm -f "$GUST_ROOT/autoreconf.log"
	fi
	mkdir -p "$dir"
	if [ ! -f "$dir/config.status" ] || [ "$(cat "$stamp" 2>/dev/null)" != "$args" ]; then
		say "configure $args"
		(cd "$dir" && "$GUST_ROOT/configure" "$@" >configure.out 2>&1) ||
			{ cat "$dir/configure.out" >&2; fail "configure failed"; }
		printf '%s\n' "$args" >"$stamp"
	fi
	# shellcheck disable=SC2086
	make -C "$dir" -s -j"$GUST_JOBS" ${GUST_MAKE:-all} >&2 || fail "make failed in $dir"
}
