/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.c - load, refuse, enable, order
 *
 * Theory of operation. An entry is a module with at most one current instance.
 * Who is active is derived anew after every change: all that are enabled and open,
 * less those whose needs the rest does not provide, until nothing changes. Because
 * an instance may be in use by workers until they have taken a newer set, an
 * instance that is replaced waits in a list for registry_collect(). Modules are
 * never unmapped.
 */
#include "offload/registry.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "offload/engine_internal.h"

#define WHY_LEN 256

/* What gust does itself, without any plugin. */
#define PROVIDED_ALWAYS                                                            \
	(GUST_FEAT_BIT(GUST_FEAT_TX_CSUM) | GUST_FEAT_BIT(GUST_FEAT_SG))

struct entry {
	struct gust_plugin desc; /* a copy: a smaller one leaves zeros */
	char name[GUST_PLUGIN_NAME_MAX + 1];
	char *path, *options;
	void *instance;
	uint32_t generation;
	bool open, enabled, faulty;
	enum registry_state state;
	char why[WHY_LEN];
};

struct old_instance {
	struct old_instance *next;
	void (*close)(void *instance);
	void *instance;
};

struct registry {
	unsigned n;
	struct entry *entry[ENGINE_PLUGINS_MAX];
	struct old_instance *old;
	uint32_t generation;
};

struct registry *registry_new(void)
{
	return calloc(1, sizeof(struct registry));
}

static void entry_free(struct entry *en)
{
	if (en->open && en->desc.close)
		en->desc.close(en->instance);
	free(en->path);
	free(en->options);
	free(en);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	registry_collect(r);
	for (unsigned i = 0; i < r->n; i++)
		entry_free(r->entry[i]);
	free(r);
}

/* ---- who is active ---- */

/* Nothing to do as long as it has no options. */
static bool idle(const struct entry *en)
{
	return en->desc.flags & GUST_PLUGIN_OPTIONS && !en->options[0];
}

static bool candidate(const struct entry *en)
{
	return en->open && en->enabled && !en->faulty;
}

uint64_t registry_provides(const struct registry *r)
{
	uint64_t f = PROVIDED_ALWAYS;

	for (unsigned i = 0; i < r->n; i++)
		if (r->entry[i]->state == REGISTRY_ACTIVE)
			f |= r->entry[i]->desc.provides;
	return f;
}

/* Does an earlier active plugin do all that this one does? */
static bool shadowed(const struct registry *r, unsigned i)
{
	const struct gust_plugin *d = &r->entry[i]->desc;
	uint32_t cut = 0, merge = 0;
	bool jumbo = false;

	if (d->filter || d->tunnels)
		return false;
	for (unsigned k = 0; k < i; k++) {
		const struct gust_plugin *o = &r->entry[k]->desc;

		if (r->entry[k]->state != REGISTRY_ACTIVE)
			continue;
		cut |= o->gso ? o->gso_types : 0;
		merge |= o->gro ? o->gro_kinds : 0;
		jumbo |= o->jumbo != NULL;
	}
	return !(d->gso && d->gso_types & ~cut) &&
	       !(d->gro && d->gro_kinds & ~merge) && !(d->jumbo && !jumbo) &&
	       (d->gso || d->gro || d->jumbo);
}

/* One round; true: somebody lost a need. */
static bool drop_needy(struct registry *r)
{
	bool changed = false;

	for (unsigned i = 0; i < r->n; i++) {
		struct entry *en = r->entry[i];

		if (en->state == REGISTRY_ACTIVE &&
		    en->desc.needs & ~registry_provides(r)) {
			en->state = REGISTRY_WAITING;
			changed = true;
		}
	}
	return changed;
}

static void settle(struct registry *r)
{
	for (unsigned i = 0; i < r->n; i++) {
		struct entry *en = r->entry[i];

		en->state = !en->open      ? REGISTRY_REFUSED :
			    en->faulty     ? REGISTRY_FAULTY :
			    !candidate(en) ? REGISTRY_DISABLED :
			    idle(en)       ? REGISTRY_WAITING :
			    shadowed(r, i) ? REGISTRY_SHADOWED :
					     REGISTRY_ACTIVE;
	}
	while (drop_needy(r))
		;
}

/* ---- loading ---- */

static int refuse(struct entry *en, char *err, size_t err_len, int r)
{
	snprintf(err, err_len, "%s: %s", en->path, en->why);
	return r;
}

static bool good_name(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (!n || n > GUST_PLUGIN_NAME_MAX)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '-')
			return false;
	return true;
}

/* The least that a descriptor must have: up to and with worker_close. */
#define SIZE_MIN offsetof(struct gust_plugin, gso)

/* Kinds of tunnels and all their functions, or none of them. */
static bool tunnels_whole(const struct gust_plugin *d)
{
	unsigned n = !!d->tunnels + !!d->tunnel_open + !!d->tunnel_close +
		     !!d->tunnel_overhead + !!d->encap + !!d->decap;

	return !n || (n == 6 && d->tunnels[0]);
}

static int check(struct registry *r, struct entry *en, const struct gust_plugin *d)
{
	if (d->abi != GUST_PLUGIN_ABI) {
		snprintf(en->why, WHY_LEN, "made for plugin ABI %u, this is %u",
			 d->abi, GUST_PLUGIN_ABI);
		return -EPROTONOSUPPORT;
	}
	if (d->size < SIZE_MIN) {
		snprintf(en->why, WHY_LEN,
			 "its descriptor has %u bytes, at least %zu expected",
			 d->size, SIZE_MIN);
		return -EPROTONOSUPPORT;
	}
	memcpy(&en->desc, d,
	       d->size < sizeof(en->desc) ? d->size : sizeof(en->desc));
	if (!good_name(d->name)) {
		snprintf(en->why, WHY_LEN,
			 "its name must be 1 to %u letters, digits or '-'",
			 GUST_PLUGIN_NAME_MAX);
		return -EINVAL;
	}
	for (unsigned i = 0; i < r->n; i++)
		if (r->entry[i]->open && !strcmp(r->entry[i]->name, d->name)) {
			snprintf(en->why, WHY_LEN,
				 "a plugin \"%s\" is loaded already, from %s",
				 d->name, r->entry[i]->path);
			return -EEXIST;
		}
	if (!d->worker_open || !(en->desc.gso || en->desc.gro || en->desc.jumbo ||
				 en->desc.filter || en->desc.tunnels)) {
		snprintf(en->why, WHY_LEN,
			 "offers nothing: worker_open and one of gso, gro, jumbo, "
			 "filter and tunnels are required");
		return -EINVAL;
	}
	if (!tunnels_whole(&en->desc)) {
		snprintf(en->why, WHY_LEN,
			 "tunnels, tunnel_open, tunnel_close, tunnel_overhead, "
			 "encap "
			 "and decap come together");
		return -EINVAL;
	}
	return 0;
}

static int open_instance(struct entry *en, const char *options, void **ret)
{
	char err[WHY_LEN - 32] = "";
	int r;

	*ret = NULL;
	if (!en->desc.open) {
		if (!options[0])
			return 0;
		snprintf(en->why, WHY_LEN, "takes no options");
		return -EINVAL;
	}
	r = en->desc.open(&engine_host, options, ret, err, sizeof(err));
	if (r)
		snprintf(en->why, WHY_LEN, "%s",
			 err[0] ? err : strerror(r < 0 ? -r : r));
	return r < 0 ? r : r ? -EINVAL : 0;
}

static struct entry *entry_new(struct registry *r, const char *path)
{
	struct entry *en = calloc(1, sizeof(*en));

	if (!en)
		return NULL;
	en->path = strdup(path);
	en->options = strdup("");
	if (!en->path || !en->options || r->n == ENGINE_PLUGINS_MAX) {
		entry_free(en);
		return NULL;
	}
	return en;
}

/* Those that are refused are kept as well: `gustctl plugins` says why. */
static int adopt(struct registry *r, struct entry *en, const struct gust_plugin *d,
		 char *err, size_t err_len)
{
	int res = check(r, en, d);

	if (!res)
		res = open_instance(en, "", &en->instance);
	if (!res)
		snprintf(en->name, sizeof(en->name), "%s", d->name);
	en->open = en->enabled = !res;
	en->generation = ++r->generation;
	r->entry[r->n++] = en;
	settle(r);
	return res ? refuse(en, err, err_len, res) : 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int registry_load(struct registry *r, const char *path, char *err, size_t err_len)
{
	const struct gust_plugin *d = NULL;
	struct entry *en = entry_new(r, path);
	void *dl;

	if (!en) {
		snprintf(err, err_len, "%s: no room for more than %u plugins", path,
			 ENGINE_PLUGINS_MAX);
		return -ENOSPC;
	}
	snprintf(en->name, sizeof(en->name), "%.*s",
		 (int)strcspn(base_name(path), "."), base_name(path));
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (dl)
		d = dlsym(dl, "gust_plugin");
	if (d)
		return adopt(r, en, d, err, err_len);
	snprintf(en->why, WHY_LEN, "%s",
		 dl ? "exports no symbol \"gust_plugin\"" : dlerror());
	r->entry[r->n++] = en;
	settle(r);
	return refuse(en, err, err_len, -ENOEXEC);
}

int registry_add(struct registry *r, const struct gust_plugin *desc, char *err,
		 size_t err_len)
{
	struct entry *en = entry_new(r, "built in");

	if (!en) {
		snprintf(err, err_len, "no room for more than %u plugins",
			 ENGINE_PLUGINS_MAX);
		return -ENOSPC;
	}
	return adopt(r, en, desc, err, err_len);
}

static int is_module(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 3 && d->d_name[0] != '.' && !strcmp(d->d_name + n - 3, ".so");
}

int registry_load_dir(struct registry *r, const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_module, alphasort), taken = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		char path[4096], err[WHY_LEN];

		if (snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name) <
		    (int)sizeof(path))
			taken += !registry_load(r, path, err, sizeof(err));
		free(list[i]);
	}
	free(list);
	return taken;
}

void registry_find_dir(const char *installed, char *ret, size_t len)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n > 0) {
		exe[n] = '\0';
		slash = strrchr(exe, '/');
		*slash = '\0';
		if (snprintf(ret, len, "%s/plugins", exe) < (int)len &&
		    !access(ret, R_OK | X_OK))
			return;
	}
	snprintf(ret, len, "%s", installed);
}

/* ---- changes ---- */

static struct entry *by_name(const struct registry *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (r->entry[i]->open && !strcmp(r->entry[i]->name, name))
			return r->entry[i];
	return NULL;
}

/* The instance may still be in use: it is closed later. */
static int retire(struct registry *r, struct entry *en)
{
	struct old_instance *o;

	if (!en->desc.close || !en->instance)
		return 0;
	o = malloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	*o = (struct old_instance){ r->old, en->desc.close, en->instance };
	r->old = o;
	return 0;
}

void registry_collect(struct registry *r)
{
	while (r->old) {
		struct old_instance *o = r->old;

		r->old = o->next;
		o->close(o->instance);
		free(o);
	}
}

int registry_options(struct registry *r, const char *name, const char *options,
		     char *err, size_t err_len)
{
	struct entry *en = by_name(r, name);
	char *copy = strdup(options);
	void *instance;
	int res = -ENOMEM;

	if (!en) {
		free(copy);
		snprintf(err, err_len, "no plugin \"%s\" is loaded", name);
		return -ENOENT;
	}
	if (copy)
		res = open_instance(en, options, &instance);
	if (!res)
		res = retire(r, en);
	if (res) {
		free(copy);
		snprintf(err, err_len, "plugin %s: %s", name, en->why);
		en->why[0] = '\0';
		return res;
	}
	en->instance = instance;
	free(en->options);
	en->options = copy;
	en->generation = ++r->generation;
	settle(r);
	return 0;
}

int registry_enable(struct registry *r, const char *name, bool on)
{
	struct entry *en = by_name(r, name);

	if (!en)
		return -ENOENT;
	if (on && en->faulty)
		en->generation = ++r->generation; /* a fresh state */
	en->enabled = on;
	if (on)
		en->faulty = false;
	settle(r);
	return 0;
}

void registry_fault(struct registry *r, const char *name)
{
	struct entry *en = by_name(r, name);

	if (en)
		en->faulty = true;
	settle(r);
}

/* ---- what there is ---- */

void registry_set(const struct registry *r, struct engine_set *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned i = 0; i < r->n; i++) {
		const struct entry *en = r->entry[i];

		if (en->state == REGISTRY_ACTIVE)
			ret->plugin[ret->n++] =
				(struct engine_plugin){ &en->desc, en->instance,
							en->generation };
	}
}

unsigned registry_count(const struct registry *r)
{
	return r->n;
}

void registry_info(const struct registry *r, unsigned i, struct registry_info *ret)
{
	const struct entry *en = r->entry[i];

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s", en->name);
	ret->path = en->path;
	ret->text = en->open && en->desc.text ? en->desc.text : "";
	ret->provides = en->open ? en->desc.provides : 0;
	ret->needs = en->open ? en->desc.needs : 0;
	ret->missing = ret->needs & ~registry_provides(r);
	ret->state = en->state;
	ret->why = en->why;
	ret->options = en->options;
	ret->desc = en->open ? &en->desc : NULL;
}

const char *registry_state_name(enum registry_state s)
{
	static const char *const names[] = {
		[REGISTRY_ACTIVE] = "active",   [REGISTRY_DISABLED] = "disabled",
		[REGISTRY_WAITING] = "waiting", [REGISTRY_SHADOWED] = "shadowed",
		[REGISTRY_FAULTY] = "faulty",   [REGISTRY_REFUSED] = "refused",
	};

	return (unsigned)s <= REGISTRY_REFUSED ? names[s] : "unknown";
}
