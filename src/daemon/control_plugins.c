/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_plugins.c - gust.Plugins and gust.PluginSet
 */
#include <stdio.h>
#include <string.h>

#include "daemon/control_methods.h"

/* ---- what workers have counted ---- */

struct sums {
	unsigned n;
	struct engine_stats s[ENGINE_PLUGINS_MAX];
};

static void add_one(struct sums *all, const struct engine_stats *s)
{
	struct engine_stats *to = all->s;

	while (to < all->s + all->n && strcmp(to->name, s->name))
		to++;
	if (to == all->s + all->n) {
		if (all->n == ENGINE_PLUGINS_MAX)
			return;
		all->n++;
		*to = *s;
		return;
	}
	to->calls += s->calls;
	to->in += s->in;
	to->out += s->out;
	to->dropped += s->dropped;
	to->faults += s->faults;
	to->ns += s->ns;
	to->disabled |= s->disabled;
	for (unsigned i = 0; i < GUST_COUNTERS_MAX; i++)
		to->counter[i] += s->counter[i];
}

/* In the worker's thread. */
static void collect(struct worker *w, void *arg)
{
	struct engine_stats s[ENGINE_PLUGINS_MAX];
	unsigned n = worker_plugin_stats(w, s, ENGINE_PLUGINS_MAX);

	for (unsigned i = 0; i < n; i++)
		add_one(arg, &s[i]);
}

static const struct engine_stats *find(const struct sums *all, const char *name)
{
	static const struct engine_stats none;

	for (unsigned i = 0; i < all->n; i++)
		if (!strcmp(all->s[i].name, name))
			return &all->s[i];
	return &none;
}

/* ---- JSON ---- */

static json_t *num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *names(uint64_t feats)
{
	json_t *a = json_array();

	for (enum feat f = 0; f < FEAT_N; f++)
		if (feats & FEAT_BIT(f))
			json_array_append_new(a, json_string(feat_name(f)));
	return a;
}

static json_t *counters(const struct registry_info *info,
			const struct engine_stats *s)
{
	const char *const *name = info->desc ? info->desc->counters : NULL;
	json_t *o = json_object();

	for (unsigned i = 0; name && name[i] && i < GUST_COUNTERS_MAX; i++)
		json_object_set_new(o, name[i], num(s->counter[i]));
	return o;
}

static json_t *plugin_json(const struct registry_info *info,
			   const struct engine_stats *s)
{
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o}",
		"name", info->name, "path", info->path, "text", info->text, "state",
		registry_state_name(info->state), "why", info->why, "options",
		info->options, "provides", names(info->provides), "needs",
		names(info->needs), "missing", names(info->missing), "calls",
		num(s->calls), "packets_in", num(s->in), "packets_out", num(s->out),
		"dropped", num(s->dropped), "faults", num(s->faults), "time_ns",
		num(s->ns), "counters", counters(info, s));
}

json_t *control_plugins(struct daemon *d)
{
	json_t *list = json_array();
	struct sums all = { 0 };

	for (unsigned i = 0; i < d->nworkers; i++)
		worker_call(d->worker[i], collect, &all);
	for (unsigned i = 0; i < registry_count(d->plugins); i++) {
		struct registry_info info;

		registry_info(d->plugins, i, &info);
		json_array_append_new(list,
				      plugin_json(&info, find(&all, info.name)));
	}
	return json_pack("{s:o, s:o}", "plugins", list, "provides",
			 names(registry_provides(d->plugins)));
}

json_t *control_plugin_set(struct daemon *d, const struct control_req *q, char *err,
			   size_t err_len)
{
	int r = 0;

	if (q->has_options)
		r = plugins_options(d, q->name, q->options, err, err_len);
	if (!r && q->has_enable)
		r = plugins_enable(d, q->name, q->enable, err, err_len);
	return r ? NULL : control_plugins(d);
}
