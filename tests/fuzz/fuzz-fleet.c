/* SPDX-License-Identifier: MIT */
/*
 * Messages as `hostingpictl watch --mqtt` and `forget` take them from a broker: "topic\npayload" with a
 * zero byte between two. Whatever comes, the table has no control character but the line end in it and
 * is no wider than asked for, each line of JSON is JSON, and no topic of another id counts as ours.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/document.c"
#include "agent/ctl/text.c"
#include "agent/env.h"
#include "notifiers/ctl_fleet.h"
#include "notifiers/ctl_fleet_show.h"
#include "notifiers/ctl_retained.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctl_fleet fleet;
static struct fleet_pi *order[FLEET_PIS];

static void check_table(size_t count, int64_t now_ns, size_t columns)
{
	const struct style style = {.colour = false};
	size_t size, line = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	fleet_print_table(out, &style, order, count, now_ns, columns);
	fclose(out);
	for (size_t i = 0; i < size; i++) {
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~'))
			abort();
		line = text[i] == '\n' ? 0 : line + 1;
		if (line > columns)
			abort();
	}
	free(text);
}

static void check_json(const struct fleet_pi *pi, int64_t now_ns)
{
	char *text = NULL;
	cJSON *document;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fleet_print_json(out, pi, now_ns);
	fclose(out);
	document = cJSON_Parse(text);
	if (!cJSON_IsObject(document) || strchr(text, '\n') != text + size - 1)
		abort();
	cJSON_Delete(document);
	free(text);
}

static void take(struct retained *retained, const char *topic, const char *data, size_t length,
		 int64_t now_ns)
{
	bool kept = length & 1;

	fleet_take(&fleet, topic, data, length, kept, now_ns);
	if (!retained_take(retained, topic, data, length, kept))
		return;
	if (strstr(topic, "/a/") == NULL || strpbrk(topic, "+#") != NULL ||
	    (strncmp(topic, "p/a/", 4) != 0 && strncmp(topic, "h/", 2) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct retained retained = {.id = "a", .prefix = "p", .discovery_prefix = "h"};
	const char *at = (const char *)data;
	int64_t now_ns = NS_PER_S;
	size_t count;

	memset(&fleet, 0, sizeof(fleet));
	fleet.prefix = "p";
	while (size > 0) {
		size_t length = strnlen(at, size);
		const char *end = memchr(at, '\n', length);

		if (end != NULL) {
			char *topic = strndup(at, (size_t)(end - at));

			take(&retained, topic, end + 1, length - (size_t)(end + 1 - at), now_ns);
			free(topic);
		}
		now_ns += NS_PER_S;
		at += length < size ? length + 1 : length;
		size -= length < size ? length + 1 : length;
	}
	fleet_look(&fleet, now_ns);
	count = fleet_order(&fleet, order);
	for (size_t columns = 60; columns <= 160; columns += 20)
		check_table(count, now_ns, columns);
	for (size_t i = 0; i < count; i++)
		check_json(&fleet.pis[i], now_ns);
	retained_free(&retained);
	return 0;
}
