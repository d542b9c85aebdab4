/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.h - the plugins that are known: loaded, enabled, waiting, refused
 *
 * Belongs to the main thread. A module that is missing, broken, of another ABI or
 * that fails to open is refused with a sentence that says why, and everything else
 * goes on.
 */
#ifndef GUST_OFFLOAD_REGISTRY_H
#define GUST_OFFLOAD_REGISTRY_H

#include "offload/engine.h"

enum registry_state {
	REGISTRY_ACTIVE,
	REGISTRY_DISABLED, /* by configuration or by gustctl */
	REGISTRY_WAITING, /* for what it needs: other plugins, or its options */
	REGISTRY_SHADOWED, /* an earlier plugin does all that it does */
	REGISTRY_FAULTY, /* disabled for its faults */
	REGISTRY_REFUSED, /* not loaded, or not opened */
};

struct registry_info {
	char name[GUST_PLUGIN_NAME_MAX + 1];
	const char *path; /* "built in" for registry_add() */
	const char *text; /* "" when refused */
	uint64_t provides, needs, missing;
	enum registry_state state;
	const char *why; /* refused: the sentence; else "" */
	const char *options;
	const struct gust_plugin *desc; /* NULL: refused */
};

struct registry;

struct registry *registry_new(void); /* NULL: no memory */
void registry_free(struct registry *r);

/* Load every *.so of a directory, in the order of their names; returns how many
 * were taken, or -errno when it cannot be read. Those refused are listed, too. */
int registry_load_dir(struct registry *r, const char *dir);
/* The directory to load from: `plugins` beside the running program (a build tree),
 * otherwise `installed`. */
void registry_find_dir(const char *installed, char *ret, size_t len);

/* One module. 0; -errno and a sentence. */
int registry_load(struct registry *r, const char *path, char *err, size_t err_len);
/* A descriptor of this program (tests, fuzzing). `desc` is borrowed. */
int registry_add(struct registry *r, const struct gust_plugin *desc, char *err,
		 size_t err_len);

/* Options for a plugin: a new instance is opened with them; when it refuses, the
 * old one stays. -ENOENT: no such plugin. */
int registry_options(struct registry *r, const char *name, const char *options,
		     char *err, size_t err_len);
int registry_enable(struct registry *r, const char *name, bool on);
/* An engine reported that it disabled this plugin. */
void registry_fault(struct registry *r, const char *name);

/* What the active plugins provide. */
uint64_t registry_provides(const struct registry *r);

/* The set to run now. Instances of earlier sets stay open until
 * registry_collect(), which is called when no engine uses them any more. */
void registry_set(const struct registry *r, struct engine_set *ret);
void registry_collect(struct registry *r);

unsigned registry_count(const struct registry *r);
void registry_info(const struct registry *r, unsigned i, struct registry_info *ret);
const char *registry_state_name(enum registry_state s);

#endif
