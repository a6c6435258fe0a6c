/* SPDX-License-Identifier: MIT */
/*
 * The two forms. Both have the same components under the same names, so that the entities are the
 * same ones: their unique_id is made of the id of this Pi and the place of the reading in the
 * document, and of nothing that an operator changes. In the device form, what stands beside
 * "components" is taken over by each of them unless it has its own; qos only in later versions, so
 * the components that need it say it themselves.
 */
#include "notifiers/mqtt_discovery.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/json.h"
#include "notifiers/mqtt_discovery_component.h"

static int print_topic(char *ret_topic, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int print_topic(char *ret_topic, size_t size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(ret_topic, size, format, arguments);
	va_end(arguments);
	return length < 0 || (size_t)length >= size ? -ENAMETOOLONG : 0;
}

static void write_text(struct json *json, const char *key, const char *text)
{
	if (text)
		json_text(json, key, text);
}

/*
 * The blocks about this Pi and this program. The older form is for older versions as well: before
 * 2024.2 they refuse an entity whose device has a serial number.
 */
static void write_device(struct json *json, const struct mqtt_discovery *discovery, bool serial)
{
	static const char maker[] = "Raspberry Pi";
	const struct about *about = discovery->about;
	char identifier[128]; /* an id has 64 characters at most */

	snprintf(identifier, sizeof(identifier), MQTT_DISCOVERY_OURS "%s", about->id);
	json_object(json, "device");
	mqtt_component_write_texts(json, "identifiers", (const char *const[]){identifier, NULL});
	json_text(json, "name", about->id);
	if (about->model && strncmp(about->model, maker, strlen(maker)) == 0)
		json_text(json, "manufacturer", maker);
	write_text(json, "model", about->model);
	write_text(json, "sw_version", about->version);
	if (serial)
		write_text(json, "serial_number", about->serial_hash);
	json_object_end(json);
	json_object(json, "origin");
	json_text(json, "name", "hostingpi");
	write_text(json, "sw_version", about->version);
	json_object_end(json);
}

/* The payloads online and offline are those that are expected anyway. */
static void write_availability(struct json *json, const struct mqtt_discovery *discovery)
{
	json_array(json, "availability");
	json_object(json, NULL);
	json_text(json, "topic", discovery->availability_topic);
	json_object_end(json);
	json_array_end(json);
	json_text(json, "availability_mode", "all");
}

static void write_shared(struct json *json, const struct mqtt_discovery *discovery)
{
	write_device(json, discovery, true);
	write_availability(json, discovery);
	json_text(json, "state_topic", discovery->state_topic);
	json_int(json, "qos", 1);
}

static void write_own(struct json *json, const struct mqtt_discovery *discovery,
		      const struct mqtt_component *component)
{
	json_object(json, component->key);
	json_text(json, "platform", component->platform);
	mqtt_component_write(json, discovery, component);
	if (component->extra) {
		json_text(json, "state_topic", component->topic);
		json_int(json, "qos", 1);
	}
	if (component->is_connection)
		mqtt_component_write_texts(json, "availability", NULL);
	json_object_end(json);
}

int mqtt_discovery_device(const struct mqtt_discovery *discovery, char *ret_topic,
			  size_t topic_size, char *ret_document, size_t size)
{
	size_t count = mqtt_component_count(discovery);
	struct json json;
	int r = print_topic(ret_topic, topic_size, "%s/device/%s/config", discovery->prefix,
			    discovery->about->id);

	json_start(&json, ret_document, size);
	json_object(&json, NULL);
	write_shared(&json, discovery);
	json_object(&json, "components");
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct mqtt_component component;
		r = mqtt_component_find(discovery, i, &component);
		if (r == 0)
			write_own(&json, discovery, &component);
	}
	json_object_end(&json);
	json_object_end(&json);
	return r < 0 ? r : json_finish(&json);
}

size_t mqtt_discovery_count(const struct mqtt_discovery *discovery)
{
	return mqtt_component_count(discovery);
}

int mqtt_discovery_component(const struct mqtt_discovery *discovery, size_t index, char *ret_topic,
			     size_t topic_size, char *ret_document, size_t size)
{
	struct mqtt_component component;
	struct json json;
	int r = mqtt_component_find(discovery, index, &component);

	if (r == 0)
		r = print_topic(ret_topic, topic_size, "%s/%s/%s/%s/config", discovery->prefix,
				component.platform, discovery->about->id, component.key);
	if (r < 0 || size == 0)
		return r;
	json_start(&json, ret_document, size);
	json_object(&json, NULL);
	mqtt_component_write(&json, discovery, &component);
	json_text(&json, "state_topic", component.topic);
	json_int(&json, "qos", 1);
	if (!component.is_connection)
		write_availability(&json, discovery);
	write_device(&json, discovery, false);
	json_object_end(&json);
	return json_finish(&json);
}

int mqtt_discovery_leftover(const struct mqtt_discovery *discovery, bool device, char *ret_filter,
			    size_t size)
{
	return print_topic(ret_filter, size, device ? "%s/device/%s/config" : "%s/+/%s/+/config",
			   discovery->prefix, discovery->about->id);
}

bool mqtt_discovery_is_ours(const struct mqtt_discovery *discovery, const char *data, size_t length)
{
	char mark[128]; /* an id has 64 characters at most */

	snprintf(mark, sizeof(mark), "\"unique_id\":\"" MQTT_DISCOVERY_OURS "%s_",
		 discovery->about->id);
	return memmem(data, length, mark, strlen(mark)) != NULL;
}
