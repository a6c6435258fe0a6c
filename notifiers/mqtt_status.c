/* SPDX-License-Identifier: MIT */
/*
 * The news of the worker as members of JSON. "waiting" is the sum; samples and events stand beside it,
 * because a consumer misses them in different ways. Documents are not counted: whenever a
 * connection comes up they are all said again.
 */
#include "notifiers/mqtt_status.h"

#include <stdio.h>
#include <string.h>

static const char *stage_word(enum mqtt_stage stage)
{
	switch (stage) {
	case MQTT_STAGE_LOOKUP:
		return "looking the name up";
	case MQTT_STAGE_CALLING:
		return "connecting";
	case MQTT_STAGE_CONNECTED:
		return "connected";
	case MQTT_STAGE_PAUSE:
		return "waiting before the next attempt";
	}
	return "";
}

uint64_t mqtt_news_waiting(const struct mqtt_news *news)
{
	return news->waiting.events + news->waiting.samples;
}

uint64_t mqtt_news_thinned(const struct mqtt_news *news)
{
	return news->ring.thinned + news->untaken;
}

static void write_ring(struct json *json, const struct mqtt_status *status)
{
	const struct mqtt_news *news = status->news;

	json_int(json, "waiting", (int64_t)mqtt_news_waiting(news));
	json_int(json, "samples_waiting", (int64_t)news->waiting.samples);
	json_int(json, "events_waiting", (int64_t)news->waiting.events);
	json_int(json, "history_sent", (int64_t)news->history_sent);
	json_int(json, "samples_thinned", (int64_t)mqtt_news_thinned(news));
	json_int(json, "events_dropped", (int64_t)(news->ring.displaced + status->too_long));
	json_int(json, "ring_bytes", (int64_t)news->ring.bytes);
	json_text(json, "ring", status->ring_reason[0] ? status->ring_reason : "file");
}

static void write_discovery(struct json *json, const struct mqtt_status *status)
{
	static const char *const words[] = {
		[MQTT_CONF_DISCOVERY_DEVICE] = "device",
		[MQTT_CONF_DISCOVERY_COMPONENTS] = "components",
		[MQTT_CONF_DISCOVERY_OFF] = "off",
	};
	char text[96];

	if (!status->news->discovery_error) {
		json_text(json, "discovery", words[status->conf->discovery]);
		return;
	}
	snprintf(text, sizeof(text), "the documents cannot be made: %s",
		 strerrordesc_np(-status->news->discovery_error));
	json_text(json, "discovery", text);
}

void mqtt_status_write(struct json *json, const struct mqtt_status *status)
{
	const struct mqtt_conf *conf = status->conf;
	const struct mqtt_news *news = status->news;

	json_bool(json, "configured", conf->host[0] != '\0');
	if (!conf->host[0])
		return;
	json_bool(json, "connected", news->stage == MQTT_STAGE_CONNECTED);
	json_text(json, "state",
		  status->started ? stage_word(news->stage) : "could not be started");
	json_text(json, "broker", status->broker);
	json_text(json, "protocol", conf->protocol == MQTT_CONF_PROTOCOL_5 ? "5" : "3.1.1");
	json_bool(json, "tls", mqtt_conf_tls(conf));
	json_text(json, "address", news->address[0] ? news->address : NULL);
	json_int(json, "since", status->since_ms);
	json_text(json, "last_error", status->trouble[0] ? status->trouble : NULL);
	json_int(json, "connections", (int64_t)news->connections);
	json_int(json, "published", (int64_t)news->published);
	json_int(json, "acknowledged", (int64_t)news->acknowledged);
	json_int(json, "refused", (int64_t)news->refused);
	json_int(json, "too_large", (int64_t)news->withheld);
	write_ring(json, status);
	write_discovery(json, status);
}
