/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_proof.c - the start-up probe on the kernel that runs this test
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pkt/caps.h"
#include "proof/proof.h"

#define B(f) FEAT_BIT(FEAT_##f)
#define SMALL (B(TX_CSUM) | B(TSO4) | B(TSO6) | B(USO))
#define BIG (B(BIGTCP4) | B(BIGTCP6_JUMBO) | B(BIGTCP6_PLAIN))

static bool run(uint32_t feats, uint32_t big, unsigned ms, struct proof_result *res)
{
	memset(res, 0xaa, sizeof(*res));
	assert_int_equal(proof_run(feats, big, ms, res), 0);
	if (!res->tried && ms > 1000)
		print_message("not tried: %s\n", res->why);
	return res->tried;
}

static void all_forms(void **state)
{
	struct proof_result res;

	if (!run(SMALL | BIG, 490000, 5000, &res))
		skip();
	print_message("ok 0x%x failed 0x%x in %u us; %s\n", res.ok, res.failed,
		      res.took_us, res.why);
	/* a verdict on each, and one only */
	assert_int_equal(res.ok & res.failed, 0);
	assert_int_equal((res.ok | res.failed) & ~(SMALL | BIG), 0);
	assert_int_equal((res.ok | res.failed) &
				 (B(TX_CSUM) | B(TSO4) | B(USO) | B(BIGTCP4)),
			 B(TX_CSUM) | B(TSO4) | B(USO) | B(BIGTCP4));
	/* every kernel with a virtio_net_hdr on tun delivers these */
	assert_int_equal(res.ok & (B(TX_CSUM) | B(TSO4)), B(TX_CSUM) | B(TSO4));
	if (res.failed)
		assert_true(strlen(res.why) > 10);
	else
		assert_string_equal(res.why, "");
	assert_true(res.took_us > 0 && res.took_us < 3000000);
}

static void only_what_was_asked(void **state)
{
	struct proof_result res;

	if (!run(B(TSO4), 0, 5000, &res))
		skip();
	assert_int_equal(res.ok, B(TSO4));
	assert_int_equal(res.failed, 0);
	assert_true(run(0, 0, 5000, &res));
	assert_int_equal(res.ok | res.failed, 0);
}

/* Sizes below 64 KB and beyond what the kernel holds are brought into range. */
static void odd_sizes(void **state)
{
	struct proof_result a, b;

	if (!run(B(BIGTCP4), 100, 5000, &a))
		skip();
	assert_true(run(B(BIGTCP4), UINT32_MAX, 5000, &b));
	assert_int_equal(a.ok, b.ok);
	assert_int_equal(a.failed, b.failed);
}

/* The time is a promise; the child does not stay. */
static void no_time(void **state)
{
	struct proof_result res;

	run(SMALL | BIG, 490000, 0, &res);
	assert_false(res.tried);
	assert_string_equal(res.why, "not through after 0 ms");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void leaves_nothing(void **state)
{
	struct proof_result res;
	struct stat before, after;
	int fd = dup(0);

	close(fd);
	assert_int_equal(stat("/proc/self/ns/net", &before), 0);
	run(SMALL, 0, 5000, &res);
	assert_int_equal(stat("/proc/self/ns/net", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(if_nametoindex("gustprobe0"), 0);
	assert_int_equal(dup(0), fd);
	close(fd);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms),
		cmocka_unit_test(only_what_was_asked),
		cmocka_unit_test(odd_sizes),
		cmocka_unit_test(no_time),
		cmocka_unit_test(leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
