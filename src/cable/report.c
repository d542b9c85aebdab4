/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.c - what the wire carried, as text or as one JSON document
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cable/cable.h"

/* The counters of one direction, once for both forms. */
static const struct {
	const char *name;
	size_t off;
} counters[] = {
#define C(name, field)                                                             \
	{                                                                          \
		name, offsetof(struct cable_stats, field)                          \
	}
	C("rx_packets", rx_packets), C("rx_bytes", rx_bytes),
	C("rx_super", rx_super),     C("merged", merged),
	C("whole", plan.whole),      C("cut", plan.cut),
	C("pieces", plan.pieces),    C("csum", plan.csum),
	C("tx_packets", tx_packets), C("tx_bytes", tx_bytes),
	C("tx_super", tx_super),     C("refused", refused),
	C("carried", plan.carried),
#undef C
};

#define N_COUNTERS (sizeof(counters) / sizeof(counters[0]))

static uint64_t value(const struct cable_stats *st, unsigned i)
{
	return *(const uint64_t *)((const char *)st + counters[i].off);
}

/* The descriptor of a plugin by name: its counters' names. */
static const struct gust_plugin *desc_of(const struct cable *c, const char *name)
{
	const struct registry *r = cable_registry(c);

	for (unsigned i = 0; i < registry_count(r); i++) {
		struct registry_info info;

		registry_info(r, i, &info);
		if (info.desc && !strcmp(info.name, name))
			return info.desc;
	}
	return NULL;
}

/* ---- text ---- */

static void text_plugins(const struct cable *c)
{
	struct engine_stats st[ENGINE_PLUGINS_MAX];
	unsigned n = cable_engine_stats(c, st, ENGINE_PLUGINS_MAX);

	for (unsigned i = 0; i < n; i++) {
		const struct gust_plugin *d = desc_of(c, st[i].name);

		if (!st[i].in && !st[i].out)
			continue;
		printf("%-8s in %" PRIu64 ", out %" PRIu64, st[i].name, st[i].in,
		       st[i].out);
		for (unsigned k = 0; d && d->counters && d->counters[k]; k++)
			if (st[i].counter[k])
				printf(", %s %" PRIu64, d->counters[k],
				       st[i].counter[k]);
		if (st[i].faults)
			printf(", faults %" PRIu64, st[i].faults);
		putchar('\n');
	}
}

static void text(const struct cable *c, const struct cable_conf *conf)
{
	const struct drop_counters *drops = cable_drops(c);

	for (unsigned i = 0; i < 2; i++) {
		const struct cable_stats *st = cable_stats(c, i);

		printf("%s -> %s:", conf->name[i], conf->name[!i]);
		for (unsigned k = 0; k < N_COUNTERS; k++)
			if (value(st, k))
				printf(" %s %" PRIu64, counters[k].name,
				       value(st, k));
		putchar('\n');
	}
	text_plugins(c);
	for (unsigned r = 1; r < DROP_REASONS; r++)
		if (drops->n[r])
			printf("dropped  %s %" PRIu64 " (%s)\n", drop_name(r),
			       drops->n[r], drop_text(r));
}

/* ---- JSON ---- */

static json_t *json_feats(uint32_t feats)
{
	json_t *a = json_array();

	for (unsigned f = 0; f < FEAT_N; f++)
		if (feats & FEAT_BIT(f))
			json_array_append_new(a, json_string(feat_name(f)));
	return a;
}

static json_t *json_end(const struct cable *c, const struct cable_conf *conf,
			enum cable_end end)
{
	const struct cable_stats *st = cable_stats(c, end);
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(conf->name[end]));
	json_object_set_new(o, "mtu", json_integer(cable_caps(c, end)->mtu));
	json_object_set_new(o, "granted", json_feats(cable_granted(c, end)));
	json_object_set_new(o, "takes", json_feats(cable_caps(c, end)->feats));
	for (unsigned k = 0; k < N_COUNTERS; k++)
		json_object_set_new(o, counters[k].name,
				    json_integer((json_int_t)value(st, k)));
	return o;
}

static json_t *json_plugins(const struct cable *c)
{
	struct engine_stats st[ENGINE_PLUGINS_MAX];
	unsigned n = cable_engine_stats(c, st, ENGINE_PLUGINS_MAX);
	json_t *o = json_object();

	for (unsigned i = 0; i < n; i++) {
		const struct gust_plugin *d = desc_of(c, st[i].name);
		json_t *p = json_pack(
			"{sI sI sI sI sb}", "in", (json_int_t)st[i].in, "out",
			(json_int_t)st[i].out, "ns", (json_int_t)st[i].ns, "faults",
			(json_int_t)st[i].faults, "disabled", st[i].disabled);

		for (unsigned k = 0; d && d->counters && d->counters[k]; k++)
			json_object_set_new(
				p, d->counters[k],
				json_integer((json_int_t)st[i].counter[k]));
		json_object_set_new(o, st[i].name, p);
	}
	return o;
}

static void json(const struct cable *c, const struct cable_conf *conf)
{
	const struct drop_counters *drops = cable_drops(c);
	json_t *o = json_object(), *d = json_object();

	for (unsigned r = 1; r < DROP_REASONS; r++)
		if (drops->n[r])
			json_object_set_new(d, drop_name(r),
					    json_integer((json_int_t)drops->n[r]));
	json_object_set_new(o, "seconds", json_real(cable_seconds(c)));
	json_object_set_new(o, "a", json_end(c, conf, CABLE_A));
	json_object_set_new(o, "b", json_end(c, conf, CABLE_B));
	json_object_set_new(o, "plugins", json_plugins(c));
	json_object_set_new(o, "drops", d);
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(o);
}

void cable_report(const struct cable *c, const struct cable_conf *conf,
		  bool as_json)
{
	if (as_json)
		json(c, conf);
	else
		text(c, conf);
	fflush(stdout);
}
