/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_list.c - the intrusive list
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
	int id;
	struct list link;
};

/* Exactly these ids in this order, forwards and backwards. */
static void expect(struct list *h, const int *ids, unsigned n)
{
	struct list *back = h->prev;
	unsigned i = 0;

	list_for_each (it, h) {
		assert_true(i < n);
		assert_int_equal(container_of(it, struct item, link)->id, ids[i]);
		i++;
	}
	assert_int_equal(i, n);
	for (; back != h; back = back->prev)
		assert_int_equal(container_of(back, struct item, link)->id,
				 ids[--i]);
	assert_int_equal(i, 0);
}

#define EXPECT(h, ...)                                                             \
	expect(h, (const int[]){ __VA_ARGS__ },                                    \
	       sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static void add_and_delete(void **state)
{
	struct item a = { 1 }, b = { 2 }, c = { 3 }, d = { 4 };
	struct list h;

	list_init(&h);
	assert_true(list_empty(&h));
	assert_null(list_first(&h));
	assert_false(list_linked(&a.link));

	list_add_tail(&h, &b.link);
	list_add_head(&h, &a.link);
	list_add_tail(&h, &d.link);
	list_add_before(&d.link, &c.link);
	EXPECT(&h, 1, 2, 3, 4);
	assert_false(list_empty(&h));
	assert_true(list_linked(&a.link));
	assert_ptr_equal(list_first(&h), &a.link);

	list_del(&b.link);
	EXPECT(&h, 1, 3, 4);
	assert_false(list_linked(&b.link));
	list_del(&b.link); /* once more is harmless */
	EXPECT(&h, 1, 3, 4);
	list_add_head(&h, &b.link);
	EXPECT(&h, 2, 1, 3, 4);
	list_del(&d.link);
	list_del(&b.link);
	EXPECT(&h, 1, 3);
	list_del(&a.link);
	list_del(&c.link);
	assert_true(list_empty(&h));
}

static void delete_while_walking(void **state)
{
	struct item it_[6];
	struct list h;

	list_init(&h);
	for (int i = 0; i < 6; i++) {
		it_[i] = (struct item){ .id = i };
		list_add_tail(&h, &it_[i].link);
	}
	list_for_each_safe (it, &h)
		if (container_of(it, struct item, link)->id % 2)
			list_del(it);
	EXPECT(&h, 0, 2, 4);
	list_for_each_safe (it, &h)
		list_del(it);
	assert_true(list_empty(&h));
}

static void splice(void **state)
{
	struct item a = { 1 }, b = { 2 }, c = { 3 }, d = { 4 };
	struct list x, y;

	list_init(&x);
	list_init(&y);
	list_splice_tail(&x, &y); /* nothing to nothing */
	assert_true(list_empty(&x));

	list_add_tail(&y, &a.link);
	list_add_tail(&y, &b.link);
	list_splice_tail(&x, &y); /* to an empty list */
	EXPECT(&x, 1, 2);
	assert_true(list_empty(&y));

	list_splice_tail(&x, &y); /* from an empty list */
	EXPECT(&x, 1, 2);

	list_add_tail(&y, &c.link);
	list_add_tail(&y, &d.link);
	list_splice_tail(&x, &y);
	EXPECT(&x, 1, 2, 3, 4);
	assert_true(list_empty(&y));
	list_del(&d.link);
	list_del(&a.link);
	EXPECT(&x, 2, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_and_delete),
		cmocka_unit_test(delete_while_walking),
		cmocka_unit_test(splice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
