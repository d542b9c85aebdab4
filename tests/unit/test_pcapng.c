/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_pcapng.c - every block byte for byte, as draft-ietf-opsawg-pcapng draws it
 *
 * The expected bytes are written out for a little-endian machine; on another one
 * the format's numbers have another order and these tests are skipped.
 */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pcapng.h"

static uint8_t buf[4096];

static struct pcapng_out out(void)
{
	memset(buf, 0xee, sizeof(buf));
	if (BYTE_ORDER != LITTLE_ENDIAN)
		skip();
	return (struct pcapng_out){ .p = buf, .cap = sizeof(buf) };
}

static void assert_bytes(const struct pcapng_out *o, const char *want, size_t n)
{
	assert_int_equal(o->len, n);
	assert_memory_equal(o->p, want, n);
	assert_int_equal(o->p[n], 0xee); /* and nothing more */
}
#define ASSERT_BYTES(o, lit) assert_bytes(o, lit, sizeof(lit) - 1)

static void section(void **state)
{
	struct pcapng_out o = out();

	assert_int_equal(pcapng_section(&o, "gust 1", "Linux"), 0);
	ASSERT_BYTES(&o, "\x0a\x0d\x0d\x0a\x38\0\0\0"
			 "\x4d\x3c\x2b\x1a\1\0\0\0"
			 "\xff\xff\xff\xff\xff\xff\xff\xff"
			 "\3\0\5\0Linux\0\0\0"
			 "\4\0\6\0gust 1\0\0"
			 "\0\0\0\0\x38\0\0\0");
}

static void interface(void **state)
{
	struct pcapng_out o = out();
	struct pcapng_interface i = { .link = PCAPNG_LINK_RAW,
				      .snaplen = 262144,
				      .name = "gust0",
				      .filter = "tcp",
				      .tsresol = 6 };

	assert_int_equal(pcapng_interface(&o, &i), 0);
	ASSERT_BYTES(&o, "\1\0\0\0\x34\0\0\0"
			 "\x65\0\0\0\0\0\4\0"
			 "\2\0\5\0gust0\0\0\0"
			 "\x9\0\1\0\6\0\0\0"
			 "\xb\0\4\0\0tcp"
			 "\0\0\0\0\x34\0\0\0");
}

static void packet(void **state)
{
	struct pcapng_out o = out();
	struct iovec iov[2] = { { "abc", 3 }, { "defgh", 5 } };
	struct pcapng_packet p = { .interface = 1,
				   .ts = 0x0001020304050607,
				   .len = 8,
				   .snaplen = 7,
				   .iov = iov,
				   .niov = 2,
				   .comment = "hi",
				   .dir = PCAPNG_DIR_OUT,
				   .id = 9,
				   .lost = 3,
				   .queue = 2 };

	assert_int_equal(pcapng_packet(&o, &p), 0);
	ASSERT_BYTES(&o, "\6\0\0\0\x5c\0\0\0"
			 "\1\0\0\0\3\2\1\0\7\6\5\4"
			 "\7\0\0\0\x8\0\0\0"
			 "abcdefg\0"
			 "\1\0\2\0hi\0\0"
			 "\2\0\4\0\2\0\0\0"
			 "\4\0\x8\0\3\0\0\0\0\0\0\0"
			 "\5\0\x8\0\x9\0\0\0\0\0\0\0"
			 "\6\0\4\0\2\0\0\0"
			 "\0\0\0\0\x5c\0\0\0");
}

/* What is not known is not written; a packet may have fewer bytes than its
 * length. */
static void packet_least(void **state)
{
	struct pcapng_out o = out();
	struct iovec iov = { "ab", 2 };
	struct pcapng_packet p = {
		.len = 70000, .snaplen = 262144, .iov = &iov, .niov = 1
	};

	assert_int_equal(pcapng_packet(&o, &p), 0);
	ASSERT_BYTES(&o, "\6\0\0\0\x30\0\0\0"
			 "\0\0\0\0\0\0\0\0\0\0\0\0"
			 "\2\0\0\0\x70\x11\1\0"
			 "ab\0\0"
			 "\6\0\4\0\0\0\0\0"
			 "\0\0\0\0\x30\0\0\0");
}

static void stats(void **state)
{
	struct pcapng_out o = out();
	struct pcapng_stats s = { .interface = 1,
				  .ts = 3,
				  .start = 1,
				  .end = UINT64_C(2) << 32,
				  .received = 10,
				  .accepted = 9,
				  .dropped = 4,
				  .delivered = 5 };

	assert_int_equal(pcapng_stats(&o, &s), 0);
	ASSERT_BYTES(&o, "\5\0\0\0\x64\0\0\0"
			 "\1\0\0\0\0\0\0\0\3\0\0\0"
			 "\2\0\x8\0\0\0\0\0\1\0\0\0"
			 "\3\0\x8\0\2\0\0\0\0\0\0\0"
			 "\4\0\x8\0\xa\0\0\0\0\0\0\0"
			 "\5\0\x8\0\4\0\0\0\0\0\0\0"
			 "\6\0\x8\0\x9\0\0\0\0\0\0\0"
			 "\x8\0\x8\0\5\0\0\0\0\0\0\0"
			 "\0\0\0\0\x64\0\0\0");
}

/* A block stands there whole or not at all, for every size of the buffer. */
static void whole_or_nothing(void **state)
{
	struct iovec iov = { "abcdefg", 7 };
	struct pcapng_packet p = { .len = 7,
				   .snaplen = 9,
				   .iov = &iov,
				   .niov = 1,
				   .comment = "c",
				   .dir = PCAPNG_DIR_IN,
				   .id = 1,
				   .lost = 1 };
	struct pcapng_out o = out();
	size_t n;

	assert_int_equal(pcapng_packet(&o, &p), 0);
	n = o.len;
	assert_true(n <= pcapng_packet_max(7, 1));
	for (size_t cap = 0; cap < n + 4; cap++) {
		struct pcapng_out q = { .p = malloc(cap + 4), .cap = cap + 4 };

		/* a block in front of it stays */
		memcpy(q.p, "word", 4);
		q.len = 4;
		assert_int_equal(pcapng_packet(&q, &p), cap < n ? -ENOBUFS : 0);
		assert_int_equal(q.len, cap < n ? 4 : 4 + n);
		assert_memory_equal(q.p, "word", 4);
		if (cap >= n)
			assert_memory_equal(q.p + 4, buf, n);
		free(q.p);
	}
}

static void long_texts(void **state)
{
	static char text[PCAPNG_TEXT_MAX + 500];
	struct pcapng_out o = out();
	struct iovec iov = { "a", 1 };
	struct pcapng_packet p = { .len = 1, .snaplen = 1, .iov = &iov, .niov = 1 };

	memset(text, 'x', sizeof(text) - 1);
	p.comment = text;
	assert_int_equal(pcapng_packet(&o, &p), 0);
	assert_true(o.len <= pcapng_packet_max(1, sizeof(text)));
	assert_int_equal(buf[34] | buf[35] << 8, PCAPNG_TEXT_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(section),    cmocka_unit_test(interface),
		cmocka_unit_test(packet),     cmocka_unit_test(packet_least),
		cmocka_unit_test(stats),      cmocka_unit_test(whole_or_nothing),
		cmocka_unit_test(long_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
