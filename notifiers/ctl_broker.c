/* SPDX-License-Identifier: MIT */
/*
 * A command reads two sections of the file, [agent] and [mqtt], and passes over the others: an
 * operator's workstation needs a host and nothing else. The name at the broker is random, because a
 * broker throws the older of two clients with one name out: the daemon must not be the one.
 */
#include "notifiers/ctl_broker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/sample.h"
#include "agent/sentence.h"

/*
 * What may come in per second. Documents of 1,024 agents (16 KiB at most, one a second) are the most
 * that is shown; more than that is no fleet of ours.
 */
#define INCOMING_BYTES_S (16 * 1024 * 1024)

static void tell(void *context, const char *message)
{
	(void)context;
	ctl_fail(CTL_USAGE, message);
}

static enum ctl_exit read_settings(struct ctl_broker *broker, const struct ctl_options *options)
{
	const char *path = options->config != NULL ? options->config : SETTINGS_PATH;
	const struct conf_section sections[] = {
		{"agent", settings_core_sections[0].items, &broker->agent},
		{"mqtt", mqtt_conf_items, &broker->settings},
		{CONF_OTHERS, NULL, NULL},
		{0},
	};
	char error[256], text[MQTT_PATH_SIZE + 512];

	conf_defaults(sections);
	if (conf_read_all(path, sections, options->config == NULL, tell, NULL) > 0)
		return CTL_USAGE;
	if (options->prefix != NULL) {
		if (strlen(options->prefix) >= sizeof(broker->settings.prefix))
			return ctl_fail(CTL_USAGE, "the prefix is too long");
		strcpy(broker->settings.prefix, options->prefix);
	}
	if (mqtt_conf_check(&broker->settings, error, sizeof(error)) < 0) {
		snprintf(text, sizeof(text), "%s: [mqtt] %s", path, error);
		return ctl_fail(CTL_USAGE, text);
	}
	if (broker->settings.host[0] != '\0')
		return CTL_FINE;
	snprintf(text, sizeof(text),
		 "no broker is known: set host in section [mqtt] of %s, or name another file "
		 "with -c",
		 path);
	return ctl_fail(CTL_USAGE, text);
}

uint64_t ctl_broker_seed(void)
{
	uint64_t seed = 0;

	while (seed == 0)
		if (getrandom(&seed, sizeof(seed), 0) < 0)
			seed = (uint64_t)ctl_broker_now_ns();
	return seed;
}

enum ctl_exit ctl_broker_open(struct ctl_broker *broker, const struct ctl_options *options)
{
	const struct mqtt_conf *settings = &broker->settings;
	enum ctl_exit result = read_settings(broker, options);

	if (result != CTL_FINE)
		return result;
	if (mqtt_link_library_open() < 0)
		return ctl_fail(CTL_FAILED, "out of memory");
	snprintf(broker->name, sizeof(broker->name),
		 strchr(settings->host, ':') ? "[%s]:%d" : "%s:%d", settings->host,
		 mqtt_conf_port(settings));
	/* 23 characters are what every broker must take (MQTT 3.1.1, 3.1.3.1). */
	snprintf(broker->client_id, sizeof(broker->client_id), "hostingpictl-%010llx",
		 (unsigned long long)(ctl_broker_seed() & 0xffffffffff));
	broker->link_conf = mqtt_link_describe(settings, &broker->login);
	broker->link_conf.client_id = broker->client_id;
	broker->link_conf.incoming_bytes_s = INCOMING_BYTES_S;
	return CTL_FINE;
}

void ctl_broker_close(struct ctl_broker *broker)
{
	mqtt_link_close(&broker->link);
	mqtt_login_forget(&broker->login);
	if (broker->name[0] != '\0')
		mqtt_link_library_close();
	broker->name[0] = '\0';
}

int64_t ctl_broker_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

void ctl_broker_hang_up(struct ctl_broker *broker)
{
	mqtt_link_goodbye(&broker->link);
	mqtt_link_close(&broker->link);
}

int ctl_broker_step(struct ctl_broker *broker, int wait_ms, int stop_fd)
{
	struct mqtt_link *link = &broker->link;
	struct pollfd fds[2] = {{.fd = stop_fd, .events = POLLIN}, {.fd = link->fd}};
	int timeout_ms, result;

	fds[1].events = mqtt_link_events(link, ctl_broker_now_ns(), &timeout_ms);
	if (poll(fds, 2, timeout_ms < wait_ms ? timeout_ms : wait_ms) <= 0)
		fds[0].revents = fds[1].revents = 0;
	if (fds[0].revents != 0) {
		ctl_broker_hang_up(broker);
		return -EINTR;
	}
	result = mqtt_link_step(link, fds[1].revents, ctl_broker_now_ns());
	if (result == 0)
		return 0;
	text_copy(broker->error, sizeof(broker->error), link->error);
	mqtt_link_close(link);
	return result;
}

/* One address. */
static int call(struct ctl_broker *broker, const struct mqtt_address *address, int stop_fd)
{
	int result =
		mqtt_link_open(&broker->link, &broker->link_conf, address, ctl_broker_now_ns());

	if (result < 0) {
		text_copy(broker->error, sizeof(broker->error), broker->link.error);
		mqtt_link_close(&broker->link);
	}
	/* The link has a deadline of its own for this. */
	while (result == 0 && broker->link.phase != MQTT_LINK_UP)
		result = ctl_broker_step(broker, 60000, stop_fd);
	return result;
}

int ctl_broker_connect(struct ctl_broker *broker, int stop_fd)
{
	const struct mqtt_conf *settings = &broker->settings;
	struct mqtt_failures failures = {0};
	struct mqtt_address_list list;
	int result = mqtt_login_read(&broker->login, settings->credential_file, settings->psk,
				     broker->error, sizeof(broker->error));

	if (result == 0)
		result = mqtt_dial_find(settings->host, broker->link_conf.port,
					mqtt_conf_tls(settings), &list, broker->error,
					sizeof(broker->error));
	if (result < 0)
		return -ECONNABORTED;
	for (size_t i = 0; i < list.count; i++) {
		result = call(broker, &list.addresses[i], stop_fd);
		if (result != -ECONNABORTED)
			return result;
		mqtt_failures_add(&failures, list.addresses[i].text, broker->error);
	}
	mqtt_failures_text(&failures, broker->error, sizeof(broker->error));
	return -ECONNABORTED;
}
