/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_probe.c - would the self-test notice? What it writes, it must recognise when
 * it is read; damaged in any field that matters, it must say so.
 *
 * A pair of datagram sockets stands in for the tun. The path of the writer is that
 * of the reader with its ends exchanged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/linux_compat.h"
#include "proof/proof_internal.h"

#define VH_LEN 24
#define LEN 5000
#define SEG 1200

struct fix {
	struct probe w, r; /* writer, reader */
	uint8_t bytes[70000];
	ssize_t n;
};

static void make_paths(struct probe *p, bool swap)
{
	for (unsigned k = 0; k < PATH_KINDS; k++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			struct probe_path *path = &p->path[k][v6];
			const char *a = v6 ? "fd00::1" : "10.0.0.1";
			const char *b = v6 ? "fd00::2" : "10.0.0.2";

			path->v6 = v6;
			path->tnl = k != PATH_PLAIN;
			path->tnl_csum = k == PATH_TNL_CSUM;
			path->vx_port = 4789;
			path->vni = 42;
			path->mss = 1000;
			ipaddr_parse(swap ? b : a, &path->kernel);
			ipaddr_parse(swap ? a : b, &path->peer);
		}
}

static int setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds),
			 0);
	f->w.fd = fds[0];
	f->r.fd = fds[1];
	make_paths(&f->w, true);
	make_paths(&f->r, false);
	f->w.data = malloc(PROBE_DATA_LEN);
	for (unsigned i = 0; i < PROBE_DATA_LEN; i++)
		f->w.data[i] = (uint8_t)(i * 7 + (i >> 8));
	f->r.frame = malloc(PROBE_DATA_LEN);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fix *f = *state;

	close(f->w.fd);
	close(f->r.fd);
	free(f->w.data);
	free(f->r.frame);
	free(f);
	return 0;
}

static const struct tcp_hdr tcp = {
	.sport = 1, .dport = 2, .seq = 3, .ack = 4, .flags = TCP_ACK, .wnd = 5
};

/* The bytes of one superpacket in f->bytes. */
static void make(struct fix *f, unsigned kind, bool v6, bool udp)
{
	struct probe_out o = { .path = &f->w.path[kind][v6],
			       .tcp = udp ? NULL : &tcp,
			       .sport = 1,
			       .dport = 2,
			       .gso_type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
					   v6  ? VIRTIO_NET_HDR_GSO_TCPV6 :
						 VIRTIO_NET_HDR_GSO_TCPV4,
			       .gso_size = SEG,
			       .data = f->w.data,
			       .len = LEN };

	assert_true(probe_write(&f->w, &o));
	f->n = read(f->r.fd, f->bytes, sizeof(f->bytes));
	assert_true(f->n > LEN);
}

/* Does the reader take f->bytes for that superpacket? */
static bool taken(struct fix *f, unsigned kind, bool v6, bool udp)
{
	const struct probe_path *path = &f->r.path[kind][v6];
	uint8_t type = udp ? VIRTIO_NET_HDR_GSO_UDP_L4 :
		       v6  ? VIRTIO_NET_HDR_GSO_TCPV6 :
			     VIRTIO_NET_HDR_GSO_TCPV4;
	struct probe_in in;

	assert_int_equal(write(f->w.fd, f->bytes, f->n), f->n);
	f->r.why[0] = '\0';
	if (probe_read(&f->r, path, 0, &in) != 1)
		return false;
	return in.in.end - in.in.pay == LEN && in.in.dport == 2 &&
	       probe_super_ok(&f->r, &in, path, type, SEG) &&
	       probe_csum_ok(&f->r, &in) &&
	       !memcmp(in.p + in.in.pay, f->w.data, LEN);
}

static void understood(void **state)
{
	struct fix *f = *state;

	for (unsigned tap = 0; tap < 2; tap++)
		for (unsigned kind = 0; kind < PATH_KINDS; kind++)
			for (unsigned i = 0; i < 4; i++) {
				f->w.tap = f->r.tap = tap;
				make(f, kind, i & 1, i & 2);
				assert_true(taken(f, kind, i & 1, i & 2));
				assert_string_equal(f->r.why, "");
			}
}

/* Every byte of the virtio_net_hdr that says something, and every byte of the
 * headers but those that are not looked at, changes the verdict. */
static void damage_is_seen(void **state)
{
	struct fix *f = *state;
	unsigned seen = 0;

	for (unsigned kind = 0; kind < PATH_KINDS; kind++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			static const uint8_t fields[] = { 0, 1, 4, 5, 6, 8 },
					     tnl[] = { 20, 22 };

			make(f, kind, v6, false);
			for (unsigned i = 0; i < sizeof(fields); i++) {
				f->bytes[fields[i]] ^= 1;
				assert_false(taken(f, kind, v6, false));
				f->bytes[fields[i]] ^= 1;
				seen++;
			}
			for (unsigned i = 0; kind && i < sizeof(tnl); i++) {
				f->bytes[tnl[i]] ^= 1;
				assert_false(taken(f, kind, v6, false));
				f->bytes[tnl[i]] ^= 1;
				seen++;
			}
			/* payload: first, middle, last */
			for (unsigned i = 1; i <= LEN; i += LEN / 2 - 1) {
				f->bytes[f->n - i] ^= 0x80;
				assert_false(taken(f, kind, v6, false));
				f->bytes[f->n - i] ^= 0x80;
				seen++;
			}
			assert_true(taken(f, kind, v6, false));
		}
	assert_true(seen > 50);
	/* one level of addresses is not the other's */
	make(f, PATH_PLAIN, false, false);
	assert_false(taken(f, PATH_TNL, false, false));
	/* the outer checksum, where there is to be one */
	make(f, PATH_TNL, false, false);
	assert_false(taken(f, PATH_TNL_CSUM, false, false));
	make(f, PATH_TNL_CSUM, true, false);
	assert_false(taken(f, PATH_TNL, true, false));
}

/* A plain packet's checksum is verified over all of it. */
static void plain_checksum(void **state)
{
	struct fix *f = *state;
	struct probe_out o = {
		.sport = 1, .dport = 2, .data = f->w.data, .len = 999
	};

	for (unsigned kind = 0; kind < PATH_KINDS; kind++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			const struct probe_path *path = &f->r.path[kind][v6];
			struct probe_in in;

			o.path = &f->w.path[kind][v6];
			assert_true(probe_write(&f->w, &o));
			assert_int_equal(probe_read(&f->r, path, 0, &in), 1);
			assert_true(probe_csum_ok(&f->r, &in));
			f->r.frame[VH_LEN + in.in.end - 1] ^= 1;
			assert_false(probe_csum_ok(&f->r, &in));
			f->r.frame[VH_LEN + in.in.end - 1] ^= 1;
			assert_int_equal(f->r.verdict, PROOF_FAILED);
			if (kind != PATH_TNL_CSUM)
				continue;
			f->r.frame[VH_LEN + in.out.l4 + 6] ^= 1;
			assert_false(probe_csum_ok(&f->r, &in));
		}
}

/* What is cut short or makes no sense is passed over, not read beyond. */
static void cut_short(void **state)
{
	struct fix *f = *state;

	for (unsigned kind = 0; kind < PATH_KINDS; kind++)
		for (unsigned v6 = 0; v6 < 2; v6++) {
			ssize_t n;

			make(f, kind, v6, true);
			n = f->n;
			for (f->n = 1; f->n < 200; f->n++)
				assert_false(taken(f, kind, v6, true));
			f->n = n;
			assert_true(taken(f, kind, v6, true));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(understood, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(plain_checksum, setup, teardown),
		cmocka_unit_test_setup_teardown(cut_short, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
