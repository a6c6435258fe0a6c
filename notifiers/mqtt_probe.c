/* SPDX-License-Identifier: MIT */
/*
 * The same call as the worker makes, with TLS and login, under a name of its own: a broker throws the older of
 * two clients with one name out. Nothing is published, there is no will. What stands in the way is told in the
 * words of the link.
 */
#include "notifiers/mqtt_probe.h"

#include <poll.h>
#include <stdio.h>
#include <sys/random.h>

#include "agent/units.h"
#include "notifiers/credentials.h"
#include "notifiers/mqtt_link.h"

/* Of one address; a broker that needs longer is not one to rely on. */
#define CALL_NS (2 * NS_PER_S)

struct probe {
	const struct mqtt_conf *conf;
	module_note_fn *note;
	void *context;
	struct mqtt_login login;
	struct mqtt_link link;
};

/* One address. True if the broker took us; else why not in the link's error. */
static bool call(struct probe *probe, const struct mqtt_link_conf *conf,
		 const struct mqtt_address *address)
{
	struct mqtt_link *link = &probe->link;
	int64_t end_ns = mqtt_clock_ns() + CALL_NS;
	int result = mqtt_link_open(link, conf, address, mqtt_clock_ns());

	while (result == 0 && link->phase != MQTT_LINK_UP) {
		struct pollfd fd = {.fd = link->fd};
		int timeout_ms;

		fd.events = mqtt_link_events(link, mqtt_clock_ns(), &timeout_ms);
		if (poll(&fd, 1, timeout_ms < 100 ? timeout_ms : 100) <= 0)
			fd.revents = 0;
		result = mqtt_link_step(link, fd.revents, mqtt_clock_ns());
		if (result == 0 && link->phase != MQTT_LINK_UP && mqtt_clock_ns() >= end_ns) {
			snprintf(link->error, sizeof(link->error), "no answer within 2 s");
			result = -1;
		}
	}
	if (result == 0)
		mqtt_link_goodbye(link);
	mqtt_link_close(link);
	return result == 0;
}

static void call_all(struct probe *probe, const struct mqtt_link_conf *conf,
		     const struct mqtt_address_list *list)
{
	struct mqtt_failures failures = {0};
	char why[MODULE_SENTENCE_SIZE / 2], text[MODULE_SENTENCE_SIZE];

	for (size_t i = 0; i < list->count; i++) {
		if (!call(probe, conf, &list->addresses[i])) {
			mqtt_failures_add(&failures, list->addresses[i].text, probe->link.error);
			continue;
		}
		snprintf(text, sizeof(text), "%s answers%s%s", list->addresses[i].text,
			 conf->tls ? ", TLS works" : "",
			 probe->login.username[0] ? ", name and password are right" : "");
		probe->note(probe->context, MODULE_GOOD, "broker", text);
		return;
	}
	mqtt_failures_text(&failures, why, sizeof(why));
	snprintf(text, sizeof(text), "%s: %s (see host, port and what follows them in [mqtt])",
		 list->addresses[0].text, why);
	probe->note(probe->context, MODULE_TROUBLE, "the broker cannot be used", text);
}

void mqtt_probe(const void *settings, bool running, module_note_fn *note, void *context)
{
	static struct probe probe;
	struct mqtt_link_conf conf;
	struct mqtt_address_list list;
	char client_id[24], error[MQTT_REASON_SIZE], text[MODULE_SENTENCE_SIZE];
	uint64_t seed = 0;

	(void)running; /* it is called all the same: the question is whether it could be */
	probe = (struct probe){.conf = settings, .note = note, .context = context};
	if (!probe.conf->host[0])
		return;
	credentials_probe(probe.conf->credential_file, note, context);
	/* What is wrong with the file was told by inspect. */
	if (mqtt_login_read(&probe.login, probe.conf->credential_file, probe.conf->psk, error,
			    sizeof(error)) < 0 ||
	    mqtt_link_library_open() < 0)
		return;
	(void)!getrandom(&seed, sizeof(seed), 0);
	snprintf(client_id, sizeof(client_id), "hostingpi-dr-%010llx",
		 (unsigned long long)(seed & 0xffffffffff));
	conf = mqtt_link_describe(probe.conf, &probe.login);
	conf.client_id = client_id;
	if (mqtt_dial_find(probe.conf->host, conf.port, conf.tls, &list, error, sizeof(error)) <
	    0) {
		snprintf(text, sizeof(text),
			 "%.200s: %s: set host in [mqtt] to a name or address "
			 "that is known here",
			 probe.conf->host, error);
		note(context, MODULE_TROUBLE, "the broker is not found", text);
	} else {
		call_all(&probe, &conf, &list);
	}
	mqtt_login_forget(&probe.login);
	mqtt_link_library_close();
}
