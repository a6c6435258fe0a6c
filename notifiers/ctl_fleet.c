/* SPDX-License-Identifier: MIT */
/*
 * One row per id. The decision comes from `weight`, which is retained, the readings from `state`, so a
 * Pi that was never online while we listened still has its last weight. A broker that is away tells
 * nothing, and nothing is not "online": the rows grow stale by themselves.
 *
 * Clocks of Pis may be wrong, and events may have waited there for a broker. The age of an event is
 * therefore taken from the Pi's own clock: how much older it is than the newest sample.
 */
#include "notifiers/ctl_fleet.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/env.h"
#include "agent/sample.h"
#include "notifiers/ctl_retained.h"
#include "notifiers/mqtt_queue.h"

/* Before a Pi has told its interval; several of the usual one. */
#define STALE_FIRST_NS (10 * NS_PER_S)
/* What a network may add to three intervals. */
#define STALE_MARGIN_NS (2 * NS_PER_S)
/* The longest interval that can be configured. */
#define INTERVAL_MOST_MS 60000

static const char *const leaves[FLEET_FILTERS] = {"availability", "weight", "state", "event"};

int fleet_filter(const struct ctl_fleet *fleet, size_t index, char *ret_filter, size_t size)
{
	return mqtt_topic_build(fleet->prefix, "+", leaves[index], ret_filter, size);
}

/* Keeps foreign text as printable ASCII; what is too long is cut, and that is marked. */
static void keep_text(char *target, size_t size, const char *text)
{
	size_t used = 0;

	for (; text != NULL && *text != '\0' && used < size - 1; text++) {
		unsigned char c = (unsigned char)*text;

		/* One mark for each character of UTF-8, not for each byte. */
		if ((c & 0xc0) == 0x80)
			continue;
		target[used++] = c >= ' ' && c <= '~' ? (char)c : '?';
	}
	if (text != NULL && *text != '\0')
		target[used - 1] = '~';
	target[used] = '\0';
}

/* Takes a number in units of 1/scale, if it is there and makes sense. */
static void keep_number(struct fleet_pi *pi, enum fleet_reading reading, const cJSON *document,
			const char *path, int scale, double least)
{
	double number;

	/* Up to 10^15 a double is exact, and what is more is no reading of a Pi. */
	pi->known[reading] = document_number(document, path, &number) && number >= least &&
			     fabs(number * scale) < 1e15;
	if (pi->known[reading])
		pi->readings[reading] = (int64_t)(number * scale + (number < 0 ? -0.5 : 0.5));
}

static bool take_availability(struct fleet_pi *pi, const char *data, size_t length)
{
	bool offline = length == strlen(MQTT_OFFLINE) && memcmp(data, MQTT_OFFLINE, length) == 0;

	if (!offline && (length != strlen(MQTT_ONLINE) || memcmp(data, MQTT_ONLINE, length) != 0))
		return false;
	pi->offline = offline;
	return true;
}

static void take_weight(struct fleet_pi *pi, const cJSON *document)
{
	keep_number(pi, FLEET_WEIGHT, document, "weight", 1, 0);
	keep_number(pi, FLEET_MAXCONN, document, "maxconn", 1, 0);
	keep_text(pi->state, sizeof(pi->state), document_text(document, "state"));
	keep_text(pi->reason, sizeof(pi->reason), document_text(document, "reason"));
}

static void take_state(struct fleet_pi *pi, const cJSON *document, int64_t now_ns)
{
	double ts = 0, interval = 0;

	keep_number(pi, FLEET_HEADROOM, document, "mem.headroom_bytes", 1, -1e15);
	keep_number(pi, FLEET_TIME_TO_SWAP, document, "mem.time_to_swap_s", 1000, 0);
	keep_number(pi, FLEET_TEMPERATURE, document, "soc.temp_c", 1000, -273.15);
	keep_number(pi, FLEET_REQUESTS, document, "web.requests_s", 1000, 0);
	keep_text(pi->sd_health, sizeof(pi->sd_health), document_text(document, "sd.health"));
	pi->heard_ns = now_ns;
	document_number(document, "ts", &ts);
	document_number(document, "interval_ms", &interval);
	pi->ts_ms = ts > 0 && ts < 1e15 ? (int64_t)ts : 0;
	pi->interval_ms = interval > 0 && interval <= INTERVAL_MOST_MS ? (int64_t)interval : 0;
}

static void take_event(struct fleet_pi *pi, const cJSON *document, int64_t now_ns)
{
	int64_t age_ms = 0;
	double ts;

	if (pi->ts_ms != 0 && document_number(document, "ts", &ts) && ts > 0 && ts < 1e15)
		age_ms = pi->ts_ms + (now_ns - pi->heard_ns) / NS_PER_MS - (int64_t)ts;
	/* A year: also keeps the product defined. */
	if (age_ms < 0 || age_ms > INT64_C(366) * 86400 * 1000)
		age_ms = 0;
	pi->event_ns = now_ns - age_ms * NS_PER_MS;
	keep_text(pi->event_kind, sizeof(pi->event_kind), document_text(document, "kind"));
	keep_text(pi->event_severity, sizeof(pi->event_severity),
		  document_text(document, "severity"));
	keep_text(pi->event_text, sizeof(pi->event_text), document_text(document, "text"));
}

static struct fleet_pi *find(struct ctl_fleet *fleet, const char *id)
{
	for (size_t i = 0; i < fleet->count; i++)
		if (strcmp(fleet->pis[i].id, id) == 0)
			return &fleet->pis[i];
	return NULL;
}

static void forget(struct ctl_fleet *fleet, struct fleet_pi *pi)
{
	if (pi != NULL)
		*pi = fleet->pis[--fleet->count];
}

/* Splits PREFIX/ID/LEAF. Returns the leaf, or NULL if topic is not one of ours. */
static const char *split(const struct ctl_fleet *fleet, const char *topic, char *ret_id)
{
	size_t prefix = strlen(fleet->prefix), length;

	if (strncmp(topic, fleet->prefix, prefix) != 0 || topic[prefix] != '/')
		return NULL;
	topic += prefix + 1;
	length = strcspn(topic, "/");
	if (length >= FLEET_ID_SIZE || topic[length] != '/')
		return NULL;
	memcpy(ret_id, topic, length);
	ret_id[length] = '\0';
	return retained_id_valid(ret_id) ? topic + length + 1 : NULL;
}

/* Applies a message to a row. False: it is not as we write it. */
static bool apply(struct fleet_pi *pi, const char *leaf, const char *data, size_t length,
		  int64_t now_ns)
{
	cJSON *document;
	bool sound;

	if (strcmp(leaf, "availability") == 0)
		return take_availability(pi, data, length);
	document = cJSON_ParseWithLength(data, length);
	sound = cJSON_IsObject(document);
	if (sound && strcmp(leaf, "weight") == 0)
		take_weight(pi, document);
	else if (sound && strcmp(leaf, "state") == 0)
		take_state(pi, document, now_ns);
	else if (sound && strcmp(leaf, "event") == 0)
		take_event(pi, document, now_ns);
	else
		sound = false;
	cJSON_Delete(document);
	return sound;
}

void fleet_take(struct ctl_fleet *fleet, const char *topic, const char *data, size_t length,
		bool kept, int64_t now_ns)
{
	char id[FLEET_ID_SIZE];
	const char *leaf = split(fleet, topic, id);
	struct fleet_pi *pi, fresh = {.born_ns = now_ns};

	/* Samples and events are news: one that was kept may be of any age. */
	if (leaf == NULL || length > FLEET_PAYLOAD_MOST ||
	    (kept && (strcmp(leaf, "state") == 0 || strcmp(leaf, "event") == 0))) {
		fleet->ignored++;
		return;
	}
	pi = find(fleet, id);
	if (length == 0) {
		/* An empty message removes what was kept: `hostingpictl forget`. */
		if (strcmp(leaf, "availability") == 0)
			forget(fleet, pi);
		return;
	}
	if (pi == NULL && fleet->count == FLEET_PIS) {
		fleet->crowded++;
		return;
	}
	memcpy(fresh.id, id, sizeof(id));
	if (!apply(pi != NULL ? pi : &fresh, leaf, data, length, now_ns)) {
		fleet->ignored++;
		return;
	}
	if (pi == NULL) {
		pi = &fleet->pis[fleet->count++];
		*pi = fresh;
	}
	pi->changed = true;
}

static enum fleet_presence presence_of(const struct fleet_pi *pi, int64_t now_ns)
{
	int64_t since_ns = pi->heard_ns != 0 ? pi->heard_ns : pi->born_ns;
	int64_t patience_ns = pi->interval_ms != 0
				      ? 3 * pi->interval_ms * NS_PER_MS + STALE_MARGIN_NS
				      : STALE_FIRST_NS;

	if (pi->offline)
		return FLEET_OFFLINE;
	return now_ns - since_ns > patience_ns ? FLEET_STALE : FLEET_ONLINE;
}

static int trouble_of(const struct fleet_pi *pi)
{
	static const struct {
		const char *word;
		int trouble;
	} states[] = {{"hard", 7}, {"blind", 6}, {"hold", 4}, {"shed", 3}, {"recover", 2}},
	  healths[] = {{"dead", 5}, {"failing", 5}, {"worn", 1}};
	int trouble = 0;

	if (pi->presence != FLEET_ONLINE)
		return pi->presence == FLEET_OFFLINE ? 9 : 8;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].word, pi->state) == 0)
			trouble = states[i].trouble;
	for (size_t i = 0; i < sizeof(healths) / sizeof(healths[0]); i++)
		if (strcmp(healths[i].word, pi->sd_health) == 0 && healths[i].trouble > trouble)
			trouble = healths[i].trouble;
	return trouble;
}

static int compare(const void *a, const void *b)
{
	const struct fleet_pi *one = *(struct fleet_pi *const *)a,
			      *other = *(struct fleet_pi *const *)b;

	if (one->trouble != other->trouble)
		return other->trouble - one->trouble;
	/* pi-9 before pi-10 */
	return strverscmp(one->id, other->id);
}

void fleet_look(struct ctl_fleet *fleet, int64_t now_ns)
{
	for (size_t i = 0; i < fleet->count; i++) {
		struct fleet_pi *pi = &fleet->pis[i];
		enum fleet_presence presence = presence_of(pi, now_ns);

		pi->changed |= presence != pi->presence;
		pi->presence = presence;
		pi->trouble = trouble_of(pi);
	}
}

size_t fleet_order(struct ctl_fleet *fleet, struct fleet_pi **ret_order)
{
	for (size_t i = 0; i < fleet->count; i++)
		ret_order[i] = &fleet->pis[i];
	qsort(ret_order, fleet->count, sizeof(ret_order[0]), compare);
	return fleet->count;
}
