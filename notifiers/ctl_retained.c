/* SPDX-License-Identifier: MIT */
/*
 * Filters have wildcards, so what they bring is compared once more, level by level, before it counts
 * as ours: below PREFIX/ID/ everything is; in Home Assistant's tree, which belongs to many, only a
 * document that has our mark in it and speaks of topics below PREFIX/ID/: after a change of prefix the
 * old topics can be forgotten, and what speaks of the new ones stays. An empty message is what removing looks like from outside.
 */
#include "notifiers/ctl_retained.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/json.h"
#include "notifiers/mqtt_discovery.h"
#include "notifiers/mqtt_queue.h"

/* As [agent] id, whose place has 64 bytes. */
#define ID_LONGEST 63
#define ID_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

bool retained_id_valid(const char *text)
{
	size_t length = strlen(text);

	return length >= 1 && length <= ID_LONGEST && strspn(text, ID_LETTERS) == length;
}

int retained_filter(const struct retained *retained, size_t index, char *ret_filter, size_t size)
{
	const struct about about = {.id = retained->id};
	const struct mqtt_discovery discovery = {
		.about = &about,
		.prefix = retained->discovery_prefix,
	};

	if (index == 0)
		return mqtt_topic_build(retained->prefix, retained->id, "#", ret_filter, size);
	return mqtt_discovery_leftover(&discovery, index == 1, ret_filter, size);
}

void retained_look(struct retained *retained)
{
	for (size_t i = 0; i < retained->count; i++)
		retained->topics[i].seen = false;
	retained->online = retained->alive = false;
}

/* What stands in topic behind "BEFORE/"; NULL if it does not begin so. */
static const char *behind(const char *topic, const char *before)
{
	size_t length = strlen(before);

	if (strncmp(topic, before, length) != 0 || topic[length] != '/')
		return NULL;
	return topic + length + 1;
}

/* What stands behind one level that is not empty; NULL if there is none. */
static const char *behind_any(const char *topic)
{
	size_t length = topic != NULL ? strcspn(topic, "/") : 0;

	return length > 0 && topic[length] == '/' ? topic + length + 1 : NULL;
}

/* DISCOVERY_PREFIX/device/ID/config or DISCOVERY_PREFIX/COMPONENT/ID/OBJECT/config. */
static bool is_discovery(const struct retained *retained, const char *topic)
{
	const char *component = behind(topic, retained->discovery_prefix);
	const char *id = behind_any(component);
	const char *rest = id != NULL ? behind(id, retained->id) : NULL;

	if (rest == NULL)
		return false;
	if (strcmp(rest, "config") == 0)
		return behind(component, "device") == id;
	rest = behind_any(rest);
	return rest != NULL && strcmp(rest, "config") == 0;
}

/* What stands behind PREFIX/ID/; NULL if topic is not below that. */
static const char *leaf_of(const struct retained *retained, const char *topic)
{
	const char *id = behind(topic, retained->prefix);
	const char *leaf = id != NULL ? behind(id, retained->id) : NULL;

	return leaf != NULL && leaf[0] != '\0' ? leaf : NULL;
}

/* Whether a document speaks of topics below PREFIX/ID/. */
static bool refers_to_us(const struct retained *retained, const char *data, size_t length)
{
	char topic[MQTT_TOPIC_SIZE], text[6 * MQTT_TOPIC_SIZE];
	struct json json;
	int size;

	if (mqtt_topic_build(retained->prefix, retained->id, "", topic, sizeof(topic)) < 0)
		return false;
	/* As it stands in JSON, without the quote behind it. */
	json_start(&json, text, sizeof(text));
	json_text(&json, NULL, topic);
	size = json_finish(&json);
	return size > 0 && memmem(data, length, text, (size_t)size - 1) != NULL;
}

static bool is_ours(const struct retained *retained, const char *topic, const char *data,
		    size_t length)
{
	const struct about about = {.id = retained->id};
	const struct mqtt_discovery discovery = {
		.about = &about,
		.prefix = retained->discovery_prefix,
	};

	/* Whatever a broker lets through: this must never be a filter. */
	if (strpbrk(topic, "+#") != NULL)
		return false;
	return leaf_of(retained, topic) != NULL ||
	       (is_discovery(retained, topic) && mqtt_discovery_is_ours(&discovery, data, length) &&
		refers_to_us(retained, data, length));
}

static struct retained_topic *find(struct retained *retained, const char *name)
{
	for (size_t i = 0; i < retained->count; i++)
		if (strcmp(retained->topics[i].name, name) == 0)
			return &retained->topics[i];
	return NULL;
}

static struct retained_topic *add(struct retained *retained, const char *name)
{
	struct retained_topic *topics;
	char *copy;

	if (retained->count == RETAINED_TOPICS)
		return NULL;
	topics = reallocarray(retained->topics, retained->count + 1, sizeof(*topics));
	if (topics == NULL)
		return NULL;
	retained->topics = topics;
	copy = strdup(name);
	if (copy == NULL)
		return NULL;
	topics[retained->count] = (struct retained_topic){.name = copy};
	return &topics[retained->count++];
}

bool retained_take(struct retained *retained, const char *topic, const char *data, size_t length,
		   bool kept)
{
	const char *leaf = leaf_of(retained, topic);
	bool availability = leaf != NULL && strcmp(leaf, "availability") == 0;
	bool offline = availability && length == strlen(MQTT_OFFLINE) &&
		       memcmp(data, MQTT_OFFLINE, length) == 0;
	struct retained_topic *row;

	if (length == 0 || !is_ours(retained, topic, data, length))
		return false;
	if (!kept) {
		/* The broker itself says "offline" for somebody who has gone. */
		retained->alive |= !offline;
		return false;
	}
	row = find(retained, topic);
	if (row == NULL)
		row = add(retained, topic);
	if (row == NULL) {
		retained->full = true;
		return false;
	}
	row->seen = true;
	if (availability)
		retained->online = !offline;
	return true;
}

struct retained_topic *retained_next(struct retained *retained)
{
	for (size_t i = 0; i < retained->count; i++)
		if (retained->topics[i].seen && !retained->topics[i].tried)
			return &retained->topics[i];
	return NULL;
}

struct retained_topic *retained_flying(struct retained *retained, int number)
{
	for (size_t i = 0; number != 0 && i < retained->count; i++)
		if (retained->topics[i].number == number)
			return &retained->topics[i];
	return NULL;
}

void retained_free(struct retained *retained)
{
	for (size_t i = 0; i < retained->count; i++)
		free(retained->topics[i].name);
	free(retained->topics);
	retained->topics = NULL;
	retained->count = 0;
}
