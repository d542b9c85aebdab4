/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_registry.c - who is loaded, refused, active, waiting
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakeplug.h"
#include "offload/registry.h"

#define BIT(f) GUST_FEAT_BIT(GUST_FEAT_##f)

static char err[256];

static struct registry *fresh(void)
{
	struct registry *r = registry_new();

	assert_non_null(r);
	fake_open_result = 0;
	fake_instances = 0;
	return r;
}

static int add(struct registry *r, struct gust_plugin *to, const char *name,
	       uint64_t provides, uint64_t needs)
{
	*to = fake_plugin;
	to->name = name;
	to->provides = provides;
	to->needs = needs;
	to->gso_types = 1u << (registry_count(r) + 1);
	to->gro = NULL;
	return registry_add(r, to, err, sizeof(err));
}

static enum registry_state state_of(struct registry *r, const char *name)
{
	struct registry_info info;

	for (unsigned i = 0; i < registry_count(r); i++) {
		registry_info(r, i, &info);
		if (!strcmp(info.name, name))
			return info.state;
	}
	fail_msg("no plugin %s", name);
	return 0;
}

static void assert_why(struct registry *r, unsigned i, const char *part)
{
	struct registry_info info;

	registry_info(r, i, &info);
	assert_int_equal(info.state, REGISTRY_REFUSED);
	if (!strstr(info.why, part))
		fail_msg("\"%s\" does not say \"%s\"", info.why, part);
	assert_non_null(strstr(err, part));
}

/* ---- descriptors ---- */

static void test_good(void **state)
{
	struct registry *r = fresh();
	struct engine_set set;

	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), 0);
	assert_int_equal(state_of(r, "fake"), REGISTRY_ACTIVE);
	assert_int_equal(fake_instances, 1);
	registry_set(r, &set);
	assert_int_equal(set.n, 1);
	assert_string_equal(set.plugin[0].desc->name, "fake");
	assert_true(registry_provides(r) & BIT(TSO4));
	registry_free(r);
	assert_int_equal(fake_instances, 0);
}

/* Without any plugin gust itself completes checksums. */
static void test_none(void **state)
{
	struct registry *r = fresh();
	struct engine_set set;

	assert_int_equal(registry_provides(r), BIT(TX_CSUM) | BIT(SG));
	registry_set(r, &set);
	assert_int_equal(set.n, 0);
	registry_free(r);
	registry_free(NULL);
}

static void test_other_abi(void **state)
{
	struct registry *r = fresh();
	struct gust_plugin d = fake_plugin;

	d.abi = GUST_PLUGIN_ABI + 1;
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EPROTONOSUPPORT);
	assert_why(r, 0, "ABI 2, this is 1");
	d.abi = GUST_PLUGIN_ABI;
	d.size = 16;
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EPROTONOSUPPORT);
	assert_why(r, 1, "its descriptor has 16 bytes");
	assert_int_equal(fake_instances, 0);
	registry_free(r);
}

/* One that was built against older headers ends earlier: what lies beyond is not
 * read. */
static void test_shorter(void **state)
{
	struct registry *r = fresh();
	struct engine_set set;
	struct gust_plugin d = fake_plugin;

	d.size = offsetof(struct gust_plugin, gro);
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), 0);
	registry_set(r, &set);
	assert_ptr_equal(set.plugin[0].desc->gso, fake_plugin.gso);
	assert_null(set.plugin[0].desc->gro);
	registry_free(r);
}

static void test_bad_descriptor(void **state)
{
	struct registry *r = fresh();
	struct gust_plugin d = fake_plugin;

	d.name = NULL;
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EINVAL);
	assert_why(r, 0, "its name must be");
	d.name = "sixteen-letters-";
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EINVAL);
	d.name = "a b";
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EINVAL);
	d = fake_plugin;
	d.gso = NULL;
	d.gro = NULL;
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EINVAL);
	assert_why(r, 3, "offers nothing");
	d = fake_plugin;
	d.worker_open = NULL;
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EINVAL);
	d = fake_plugin;
	d.tunnels = (const char *const[]){ "fake", NULL };
	assert_int_equal(registry_add(r, &d, err, sizeof(err)), -EINVAL);
	assert_why(r, 5, "come together");
	registry_free(r);
}

static void test_open_fails(void **state)
{
	struct registry *r = fresh();

	fake_open_result = -ENODEV;
	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), -ENODEV);
	assert_why(r, 0, "No such device");
	assert_int_equal(registry_enable(r, "fake", true), -ENOENT);
	registry_free(r);
}

static void test_twice(void **state)
{
	struct registry *r = fresh();

	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), 0);
	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), -EEXIST);
	assert_why(r, 1, "is loaded already");
	assert_int_equal(state_of(r, "fake"), REGISTRY_ACTIVE);
	registry_free(r);
}

static void test_full(void **state)
{
	struct registry *r = fresh();
	struct gust_plugin d[ENGINE_PLUGINS_MAX];
	char name[ENGINE_PLUGINS_MAX][16];

	for (unsigned i = 0; i < ENGINE_PLUGINS_MAX; i++) {
		snprintf(name[i], sizeof(name[i]), "p%u", i);
		d[i] = fake_plugin;
		d[i].name = name[i];
		assert_int_equal(registry_add(r, &d[i], err, sizeof(err)), 0);
	}
	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), -ENOSPC);
	registry_free(r);
	assert_int_equal(fake_instances, 0);
}

/* ---- files ---- */

static void test_files(void **state)
{
	struct registry *r = fresh();
	char dir[] = "/tmp/gust-registry-XXXXXX", path[64];
	FILE *f;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(registry_load_dir(r, "/nonexistent/plugins"), -ENOENT);
	assert_int_equal(registry_load(r, "/nonexistent/x.so", err, sizeof(err)),
			 -ENOEXEC);
	assert_why(r, 0, "No such file");
	assert_int_equal(state_of(r, "x"), REGISTRY_REFUSED);

	snprintf(path, sizeof(path), "%s/broken.so", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("this is no shared object", f);
	fclose(f);
	assert_int_equal(registry_load_dir(r, dir), 0);
	assert_int_equal(registry_count(r), 2);
	assert_int_equal(state_of(r, "broken"), REGISTRY_REFUSED);
	unlink(path);
	rmdir(dir);

	/* a module that is none of ours */
	assert_int_equal(registry_load(r, "libc.so.6", err, sizeof(err)), -ENOEXEC);
	assert_why(r, 2, "exports no symbol \"gust_plugin\"");
	registry_free(r);
}

/* ---- needs ---- */

static void test_needs(void **state)
{
	struct registry *r = fresh();
	struct gust_plugin a, b, c;

	/* c needs b needs a, and they come in the other order */
	assert_int_equal(add(r, &c, "c", BIT(BIGTCP4), BIT(TSO6)), 0);
	assert_int_equal(add(r, &b, "b", BIT(TSO6), BIT(TSO4)), 0);
	assert_int_equal(state_of(r, "c"), REGISTRY_WAITING);
	assert_int_equal(state_of(r, "b"), REGISTRY_WAITING);
	assert_false(registry_provides(r) & BIT(BIGTCP4));
	assert_int_equal(add(r, &a, "a", BIT(TSO4), BIT(TX_CSUM)), 0);
	assert_int_equal(state_of(r, "c"), REGISTRY_ACTIVE);
	assert_true(registry_provides(r) & BIT(BIGTCP4));

	assert_int_equal(registry_enable(r, "a", false), 0);
	assert_int_equal(state_of(r, "a"), REGISTRY_DISABLED);
	assert_int_equal(state_of(r, "b"), REGISTRY_WAITING);
	assert_int_equal(state_of(r, "c"), REGISTRY_WAITING);
	assert_int_equal(registry_enable(r, "a", true), 0);
	assert_int_equal(state_of(r, "c"), REGISTRY_ACTIVE);

	registry_fault(r, "a");
	assert_int_equal(state_of(r, "a"), REGISTRY_FAULTY);
	assert_int_equal(state_of(r, "c"), REGISTRY_WAITING);
	/* by hand it gets another chance */
	assert_int_equal(registry_enable(r, "a", true), 0);
	assert_int_equal(state_of(r, "a"), REGISTRY_ACTIVE);
	registry_free(r);
}

/* Two that need each other bring each other up; nobody provides his own need. */
static void test_needs_cycle(void **state)
{
	struct registry *r = fresh();
	struct gust_plugin a, b;

	assert_int_equal(add(r, &a, "a", BIT(TSO4), BIT(USO)), 0);
	assert_int_equal(state_of(r, "a"), REGISTRY_WAITING);
	assert_int_equal(add(r, &b, "b", BIT(USO), BIT(TSO4)), 0);
	assert_int_equal(state_of(r, "a"), REGISTRY_ACTIVE);
	registry_free(r);
}

static void test_shadowed(void **state)
{
	struct registry *r = fresh();
	struct gust_plugin second = fake_plugin;

	second.name = "second";
	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), 0);
	assert_int_equal(registry_add(r, &second, err, sizeof(err)), 0);
	assert_int_equal(state_of(r, "second"), REGISTRY_SHADOWED);
	registry_enable(r, "fake", false);
	assert_int_equal(state_of(r, "second"), REGISTRY_ACTIVE);
	registry_free(r);
}

/* ---- options ---- */

static void test_options(void **state)
{
	struct registry *r = fresh();
	struct registry_info info;
	struct engine_set a, b;
	struct gust_plugin plain = fake_plugin;

	assert_int_equal(registry_add(r, &fake_plugin, err, sizeof(err)), 0);
	registry_set(r, &a);
	assert_int_equal(registry_options(r, "fake", "!", err, sizeof(err)),
			 -EINVAL);
	assert_non_null(strstr(err, "fake: options: \"!\": expected a word"));
	registry_info(r, 0, &info);
	assert_string_equal(info.options, "");
	assert_string_equal(info.why, "");

	assert_int_equal(registry_options(r, "fake", "fast", err, sizeof(err)), 0);
	registry_set(r, &b);
	assert_int_not_equal(a.plugin[0].generation, b.plugin[0].generation);
	/* the old instance may still be in use */
	assert_int_equal(fake_instances, 2);
	registry_collect(r);
	assert_int_equal(fake_instances, 1);
	registry_info(r, 0, &info);
	assert_string_equal(info.options, "fast");

	assert_int_equal(registry_options(r, "none", "", err, sizeof(err)),
			 -ENOENT);
	plain.name = "plain";
	plain.open = NULL;
	assert_int_equal(registry_add(r, &plain, err, sizeof(err)), 0);
	assert_int_equal(registry_options(r, "plain", "x", err, sizeof(err)),
			 -EINVAL);
	assert_non_null(strstr(err, "takes no options"));
	registry_free(r);
	assert_int_equal(fake_instances, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_other_abi),
		cmocka_unit_test(test_shorter),
		cmocka_unit_test(test_bad_descriptor),
		cmocka_unit_test(test_open_fails),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_needs),
		cmocka_unit_test(test_needs_cycle),
		cmocka_unit_test(test_shadowed),
		cmocka_unit_test(test_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
