/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plugins.c - offload plugins in the daemon: load, follow, change at run time
 *
 * The registry belongs to the main thread, engines to the workers. A change goes
 * like this: the registry settles who is active; features that have lost the
 * software behind them are switched off in a new snapshot *before* the plugin
 * leaves the workers' engines, and those that have gained it are switched on after
 * it has joined. So at no time is there a superpacket that nobody could cut.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/daemon.h"

#ifndef GUST_PLUGINDIR
#define GUST_PLUGINDIR "/usr/lib/gust/plugins"
#endif

/* ---- start ---- */

static void log_refused(const struct daemon *d)
{
	for (unsigned i = 0; i < registry_count(d->plugins); i++) {
		struct registry_info info;

		registry_info(d->plugins, i, &info);
		if (info.state == REGISTRY_REFUSED)
			log_warn("plugin %s refused: %s", info.path, info.why);
	}
}

static void configure(struct daemon *d)
{
	const struct gust_conf *c = d->conf;
	char err[256];

	for (unsigned i = 0; i < c->n_plugin_off; i++)
		if (registry_enable(d->plugins, c->plugin_off[i], false))
			log_warn("plugins: disable: no plugin \"%s\" is loaded",
				 c->plugin_off[i]);
	for (unsigned i = 0; i < c->n_plugin_options; i++)
		if (registry_options(d->plugins, c->plugin_options[i].name,
				     c->plugin_options[i].text, err, sizeof(err)))
			log_warn("plugins: options: %s", err);
}

int plugins_start(struct daemon *d)
{
	char dir[4096];
	int n;

	pthread_mutex_init(&d->fault_lock, NULL);
	d->plugins = registry_new();
	if (!d->plugins)
		return -ENOMEM;
	if (d->conf->plugin_dir[0])
		snprintf(dir, sizeof(dir), "%s", d->conf->plugin_dir);
	else
		registry_find_dir(GUST_PLUGINDIR, dir, sizeof(dir));
	n = registry_load_dir(d->plugins, dir);
	if (n <= 0)
		log_warn("no offload plugin in %s%s%s: packets of the MTU's size, "
			 "checksums in software",
			 dir, n ? ": " : "", n ? strerror(-n) : "");
	log_refused(d);
	configure(d);
	return 0;
}

void plugins_stop(struct daemon *d)
{
	if (!d->plugins)
		return;
	registry_free(d->plugins);
	d->plugins = NULL;
	pthread_mutex_destroy(&d->fault_lock);
}

/* ---- what follows from them ---- */

uint32_t plugins_provide(const struct daemon *d)
{
	return d->plugins ? registry_provides(d->plugins) : 0;
}

uint32_t plugins_gro_max(const struct daemon *d)
{
	uint32_t f = plugins_provide(d);
	uint32_t big = FEAT_BIT(FEAT_BIGTCP4) | FEAT_BIT(FEAT_BIGTCP6_PLAIN);

	if (!d->conf->merge || !(f & FEAT_BIT(FEAT_GRO)))
		return 0;
	return (f & big) == big && d->conf->gro_max > 65535 ? d->conf->gro_max :
							      65535;
}

/* ---- changes ---- */

static int give_to_workers(struct daemon *d, char *err, size_t err_len)
{
	struct engine_set set;
	int r;

	registry_set(d->plugins, &set);
	r = workers_plugins(d->worker, d->nworkers, &set, err, err_len);
	control_plugins_changed(d->control, &set);
	registry_collect(d->plugins);
	return r;
}

/* Features go first, then the plugin behind them. */
static int take_away(struct daemon *d, char *err, size_t err_len)
{
	daemon_follow(d, LINK_CHG_FEAT);
	return give_to_workers(d, err, err_len);
}

int plugins_enable(struct daemon *d, const char *name, bool on, char *err,
		   size_t err_len)
{
	int r = registry_enable(d->plugins, name, on);

	if (r) {
		snprintf(err, err_len, "no plugin \"%s\" is loaded", name);
		return r;
	}
	log_notice("plugin %s %s", name, on ? "enabled" : "disabled");
	if (!on)
		return take_away(d, err, err_len);
	r = give_to_workers(d, err, err_len);
	daemon_follow(d, LINK_CHG_FEAT);
	return r;
}

int plugins_options(struct daemon *d, const char *name, const char *options,
		    char *err, size_t err_len)
{
	int r = registry_options(d->plugins, name, options, err, err_len);

	if (r)
		return r;
	log_notice("plugin %s: options \"%s\"", name, options);
	return give_to_workers(d, err, err_len);
}

/* ---- from the workers ---- */

void plugins_on_log(void *arg, enum gust_log_level level, const char *plugin,
		    const char *text)
{
	static const enum log_level map[] = {
		[GUST_LOG_ERR] = LOG_LVL_ERR,
		[GUST_LOG_WARN] = LOG_LVL_WARN,
		[GUST_LOG_INFO] = LOG_LVL_INFO,
		[GUST_LOG_DEBUG] = LOG_LVL_DEBUG,
	};

	log_write((unsigned)level <= GUST_LOG_DEBUG ? map[level] : LOG_LVL_INFO,
		  "plugin %s: %s", plugin, text);
}

void plugins_on_fault(void *arg, const char *plugin, const char *what)
{
	struct daemon *d = arg;
	uint64_t one = 1;

	log_err("plugin %s disabled after %d faults; the last: %s", plugin,
		GUST_FAULTS_MAX, what);
	pthread_mutex_lock(&d->fault_lock);
	if (d->n_faulty < sizeof(d->faulty) / sizeof(d->faulty[0]))
		snprintf(d->faulty[d->n_faulty++], sizeof(d->faulty[0]), "%s",
			 plugin);
	pthread_mutex_unlock(&d->fault_lock);
	if (write(d->wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_err("wake-up of the main thread: %s", strerror(errno));
}

void plugins_faulted(struct daemon *d)
{
	char name[sizeof(d->faulty) / sizeof(d->faulty[0])]
		 [GUST_PLUGIN_NAME_MAX + 1];
	char err[256];
	unsigned n;

	pthread_mutex_lock(&d->fault_lock);
	n = d->n_faulty;
	memcpy(name, d->faulty, sizeof(name));
	d->n_faulty = 0;
	pthread_mutex_unlock(&d->fault_lock);
	for (unsigned i = 0; i < n; i++)
		registry_fault(d->plugins, name[i]);
	if (n && take_away(d, err, sizeof(err)))
		log_err("%s", err);
}
