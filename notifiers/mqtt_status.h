/* SPDX-License-Identifier: MIT */
/* What the MQTT notifier says about itself. */
#ifndef HOSTINGPI_MQTT_STATUS_H
#define HOSTINGPI_MQTT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/json.h"
#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_mail.h"

struct mqtt_status {
	const struct mqtt_conf *conf;
	const struct mqtt_news *news;
	const char *broker;	 /* host and port */
	const char *trouble;	 /* the last one; empty: none */
	const char *ring_reason; /* why what waits is not in a file; empty: it is */
	bool started;
	int64_t since_ms;  /* of the last change */
	uint64_t too_long; /* events */
};

/* Writes the members of an object for `status --json`. */
void mqtt_status_write(struct json *json, const struct mqtt_status *status);

/* Messages that wait for the broker, and samples that never reach it. */
uint64_t mqtt_news_waiting(const struct mqtt_news *news);
uint64_t mqtt_news_thinned(const struct mqtt_news *news);

#endif
