/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_proto.c - the control protocol's framing and requests
 */
#include "daemon/control_proto.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const method_name[CONTROL_METHODS] = {
	[CONTROL_STATUS] = "gust.Status",
	[CONTROL_FEATURES] = "gust.Features",
	[CONTROL_FLOWS] = "gust.Flows",
	[CONTROL_STATS] = "gust.Stats",
	[CONTROL_SELFTEST] = "gust.Selftest",
	[CONTROL_PLUGINS] = "gust.Plugins",
	[CONTROL_PLUGIN_SET] = "gust.PluginSet",
	[CONTROL_EXPLAIN] = "gust.Explain",
	[CONTROL_CAPTURE] = "gust.Capture",
};

int control_frame(const char *buf, size_t len, size_t *ret_len)
{
	size_t look = len < CONTROL_REQ_MAX + 1 ? len : CONTROL_REQ_MAX + 1;
	const char *end = look ? memchr(buf, '\0', look) : NULL;

	if (!end)
		return look > CONTROL_REQ_MAX ? -EMSGSIZE : 0;
	*ret_len = end - buf;
	return 1;
}

#define REFUSE(...) (snprintf(err, err_len, __VA_ARGS__), -EINVAL)

static int take_proto(json_t *v, struct control_req *q, char *err, size_t err_len)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = { { "tcp", IPPROTO_TCP },
		      { "udp", IPPROTO_UDP },
		      { "icmp", IPPROTO_ICMP } };
	const char *s = json_string_value(v);

	for (unsigned i = 0; s && i < 3; i++) {
		if (strcmp(s, known[i].name))
			continue;
		q->proto = known[i].proto;
		return 0;
	}
	return REFUSE("proto: expected \"tcp\", \"udp\" or \"icmp\"");
}

/* "ADDR" or "ADDR/LEN" */
static int take_addr(json_t *v, struct control_req *q, char *err, size_t err_len)
{
	const char *s = json_string_value(v), *slash = s ? strchr(s, '/') : NULL;
	char text[IPADDR_STRLEN];
	struct ipaddr a;
	unsigned bits;

	if (!s || (slash ? (size_t)(slash - s) : strlen(s)) >= sizeof(text))
		return REFUSE("address: expected ADDR or ADDR/LEN");
	snprintf(text, sizeof(text), "%.*s",
		 slash ? (int)(slash - s) : IPADDR_STRLEN - 1, s);
	if (ipaddr_parse(text, &a))
		return REFUSE("address: expected ADDR or ADDR/LEN");
	bits = ipaddr_is4(&a) ? 32 : 128;
	q->plen = bits;
	if (slash) {
		char *end;
		unsigned long n = strtoul(slash + 1, &end, 10);

		if (slash[1] < '0' || slash[1] > '9' || *end || n > bits)
			return REFUSE("address: expected a prefix length up to %u",
				      bits);
		q->plen = n;
	}
	q->addr = a;
	q->has_addr = true;
	return 0;
}

static int take_text(json_t *v, const char *what, char *ret, size_t size, char *err,
		     size_t err_len)
{
	const char *s = json_string_value(v);

	if (!s || strlen(s) >= size)
		return REFUSE("%s: expected a string of at most %zu bytes", what,
			      size - 1);
	strcpy(ret, s);
	return 0;
}

static int take_plugin(const char *key, json_t *v, struct control_req *q, char *err,
		       size_t err_len)
{
	if (!strcmp(key, "name"))
		return take_text(v, key, q->name, sizeof(q->name), err, err_len);
	if (!strcmp(key, "options")) {
		q->has_options = true;
		return take_text(v, key, q->options, sizeof(q->options), err,
				 err_len);
	}
	if (strcmp(key, "enable"))
		return REFUSE("gust.PluginSet takes no parameter \"%.40s\"", key);
	if (!json_is_boolean(v))
		return REFUSE("enable: expected true or false");
	q->has_enable = true;
	q->enable = json_is_true(v);
	return 0;
}

static int take_destination(json_t *v, struct control_req *q, char *err,
			    size_t err_len)
{
	const char *s = json_string_value(v);

	/* names are the client's business: looking one up may take long */
	if (!s || ipaddr_parse(s, &q->addr))
		return REFUSE("destination: expected an IPv4 or IPv6 address");
	q->has_addr = true;
	q->plen = ipaddr_is4(&q->addr) ? 32 : 128;
	return 0;
}

static int take_explain(const char *key, json_t *v, struct control_req *q,
			char *err, size_t err_len)
{
	if (!strcmp(key, "destination"))
		return take_destination(v, q, err, err_len);
	if (!strcmp(key, "proto"))
		return take_proto(v, q, err, err_len);
	if (strcmp(key, "port"))
		return REFUSE("gust.Explain takes no parameter \"%.40s\"", key);
	if (!json_is_integer(v) || json_integer_value(v) < 1 ||
	    json_integer_value(v) > 65535)
		return REFUSE("port: expected a number from 1 to 65535");
	q->port = json_integer_value(v);
	return 0;
}

static int finish_explain(struct control_req *q, char *err, size_t err_len)
{
	if (!q->has_addr)
		return REFUSE("gust.Explain: expected \"destination\"");
	if (!q->proto)
		q->proto = IPPROTO_TCP;
	if (q->proto == IPPROTO_ICMP && q->port)
		return REFUSE("port: ICMP has none");
	return 0;
}

static int take_params(json_t *params, struct control_req *q, char *err,
		       size_t err_len)
{
	const char *key;
	json_t *v;
	int r = 0;

	json_object_foreach(params, key, v)
	{
		if (q->method == CONTROL_CAPTURE) {
			r = capture_conf_take(&q->capture, key, v, err, err_len);
			if (!r)
				continue;
			if (r != -ENOENT)
				return r;
		}
		if (q->method == CONTROL_FLOWS && !strcmp(key, "proto"))
			r = take_proto(v, q, err, err_len);
		else if (q->method == CONTROL_FLOWS && !strcmp(key, "address"))
			r = take_addr(v, q, err, err_len);
		else if (q->method == CONTROL_PLUGIN_SET)
			r = take_plugin(key, v, q, err, err_len);
		else if (q->method == CONTROL_EXPLAIN)
			r = take_explain(key, v, q, err, err_len);
		else
			r = REFUSE("%s takes no parameter \"%.40s\"",
				   method_name[q->method], key);
		if (r)
			return r;
	}
	return 0;
}

static int take_method(const char *name, struct control_req *q, char *err,
		       size_t err_len)
{
	for (unsigned i = 0; i < CONTROL_METHODS; i++) {
		if (strcmp(name, method_name[i]))
			continue;
		q->method = i;
		return 0;
	}
	return REFUSE("no such method \"%.60s\"", name);
}

static int take_request(json_t *root, struct control_req *q, char *err,
			size_t err_len)
{
	json_t *method = json_object_get(root, "method");
	json_t *params = json_object_get(root, "parameters");
	int r;

	if (!json_is_object(root) || !json_is_string(method))
		return REFUSE("expected an object with a \"method\"");
	if (params && !json_is_object(params))
		return REFUSE("\"parameters\" must be an object");
	if (json_object_size(root) != (params ? 2 : 1))
		return REFUSE("expected \"method\" and \"parameters\" only");
	r = take_method(json_string_value(method), q, err, err_len);
	capture_conf_defaults(&q->capture);
	if (!r && params)
		r = take_params(params, q, err, err_len);
	if (!r && q->method == CONTROL_PLUGIN_SET &&
	    (!q->name[0] || !(q->has_enable || q->has_options)))
		return REFUSE("gust.PluginSet: expected \"name\" and \"enable\" or "
			      "\"options\"");
	if (!r && q->method == CONTROL_EXPLAIN)
		r = finish_explain(q, err, err_len);
	return r;
}

int control_parse(const char *msg, size_t len, struct control_req *ret_req,
		  char *err, size_t err_len)
{
	struct control_req q = { 0 };
	json_error_t je;
	json_t *root;
	int r;

	if (len > CONTROL_REQ_MAX)
		return REFUSE("request longer than %d bytes", CONTROL_REQ_MAX);
	root = json_loadb(msg, len, JSON_REJECT_DUPLICATES, &je);
	if (!root)
		return REFUSE("not JSON: %s (byte %d)", je.text, je.position);
	r = take_request(root, &q, err, err_len);
	json_decref(root);
	if (!r)
		*ret_req = q;
	return r;
}
