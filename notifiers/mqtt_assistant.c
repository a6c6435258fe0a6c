/* SPDX-License-Identifier: MIT */
/*
 * A document of discovery is made when its turn comes, in memory that is mapped for just as long: it
 * is sent once in a connection and may be larger than all the rest of us.
 *
 * Home Assistant keeps an entity for the topic that announced it first. So what the other form of
 * discovery left behind is emptied before ours is announced, with 5 s between (mqtt_discovery.h): who
 * comes to a broker asks for what is retained there under the other form's names, which is nothing but
 * after such a change.
 */
#include "notifiers/mqtt_assistant.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/log.h"
#include "agent/units.h"
#include "notifiers/mqtt_dial.h"

/* It starts with many devices to hear: each of them waits for a moment of its own. */
#define REPEAT_MS 5000
#define BIRTH "online"
#define DEAF_NS (3600 * NS_PER_S)

void mqtt_assistant_init(struct mqtt_assistant *assistant, enum mqtt_conf_discovery form,
			 const struct mqtt_discovery *discovery, struct mqtt_mail *mail,
			 struct mqtt_link *link, uint64_t seed)
{
	*assistant = (struct mqtt_assistant){
		.form = form,
		.discovery = *discovery,
		.mail = mail,
		.link = link,
		.random = seed ? seed : 1,
		.repeat_ns = INT64_MAX,
	};
	if (form != MQTT_CONF_DISCOVERY_OFF)
		snprintf(assistant->birth_topic, sizeof(assistant->birth_topic), "%s/status",
			 discovery->prefix);
}

static int ask_for(struct mqtt_assistant *assistant, const struct mqtt_discovery *discovery,
		   bool device)
{
	char filter[MQTT_TOPIC_SIZE];

	/* A name that is too long for this is too long to have been announced. */
	if (mqtt_discovery_leftover(discovery, device, filter, sizeof(filter)) < 0)
		return 0;
	return mqtt_link_subscribe(assistant->link, filter, 0);
}

/* Asks for what the other form has left, or both where there is none. */
static int ask_for_leftovers(struct mqtt_assistant *assistant)
{
	const struct about about = mqtt_mail_about(assistant->mail);
	struct mqtt_discovery discovery = assistant->discovery;
	int result = 0;

	if (!about.id)
		return 0;
	assistant->asked = true;
	discovery.about = &about;
	if (assistant->form != MQTT_CONF_DISCOVERY_DEVICE)
		result = ask_for(assistant, &discovery, true);
	if (result == 0 && assistant->form != MQTT_CONF_DISCOVERY_COMPONENTS)
		result = ask_for(assistant, &discovery, false);
	return result;
}

int mqtt_assistant_begin(struct mqtt_assistant *assistant, int64_t now_ns)
{
	assistant->asked = false;
	assistant->repeat_ns = INT64_MAX;
	assistant->leftover_count = 0;
	mqtt_mail_delay_discovery(assistant->mail, now_ns);
	if (now_ns < assistant->deaf_ns) {
		assistant->asked = true;
		return 0;
	}
	assistant->deaf_ns = 0;
	if (!assistant->birth_topic[0])
		return 0;
	return mqtt_link_subscribe(assistant->link, assistant->birth_topic, 0);
}

void mqtt_assistant_deafen(struct mqtt_assistant *assistant, int64_t now_ns)
{
	if (!assistant->deaf_ns)
		log_warning("mqtt: nothing below %s is subscribed to for an hour, because too much "
			    "came from there: look for a large retained message; restarts of Home "
			    "Assistant are not seen",
			    assistant->discovery.prefix);
	assistant->deaf_ns = now_ns + DEAF_NS;
}

void mqtt_assistant_hearken(struct mqtt_assistant *assistant)
{
	if (assistant->deaf_ns)
		assistant->deaf_ns = 1;
}

/* Only noted here: inside of the library's read nothing may be sent. */
static void note_leftover(struct mqtt_assistant *assistant, const char *topic, const char *data,
			  size_t length, int64_t now_ns)
{
	const struct about about = mqtt_mail_about(assistant->mail);
	struct mqtt_discovery discovery = assistant->discovery;

	discovery.about = &about;
	if (!about.id || !mqtt_discovery_is_ours(&discovery, data, length) ||
	    assistant->leftover_count == MQTT_LEFTOVERS || strlen(topic) >= MQTT_TOPIC_SIZE)
		return;
	strcpy(assistant->leftovers[assistant->leftover_count++], topic);
	mqtt_mail_delay_discovery(assistant->mail, now_ns);
}

bool mqtt_assistant_next_leftover(struct mqtt_assistant *assistant, int64_t now_ns)
{
	if (!assistant->leftover_count)
		return false;
	strcpy(assistant->topic, assistant->leftovers[--assistant->leftover_count]);
	mqtt_mail_delay_discovery(assistant->mail, now_ns);
	return true;
}

void mqtt_assistant_received(struct mqtt_assistant *assistant, const char *topic, const char *data,
			     size_t length, bool retained, int64_t now_ns)
{
	if (strcmp(topic, assistant->birth_topic) != 0) {
		if (retained && length)
			note_leftover(assistant, topic, data, length, now_ns);
		return;
	}
	/* One that is retained is from before this connection, which has just said everything. */
	if (!retained && assistant->repeat_ns == INT64_MAX && length == strlen(BIRTH) &&
	    memcmp(data, BIRTH, length) == 0)
		assistant->repeat_ns =
			now_ns +
			(int64_t)(mqtt_random(&assistant->random) % (REPEAT_MS + 1)) * NS_PER_MS;
}

int mqtt_assistant_attend(struct mqtt_assistant *assistant, int64_t now_ns)
{
	if (now_ns >= assistant->repeat_ns) {
		assistant->repeat_ns = INT64_MAX;
		mqtt_mail_repeat(assistant->mail);
	}
	if (assistant->deaf_ns && now_ns >= assistant->deaf_ns)
		return mqtt_assistant_begin(assistant, now_ns);
	return assistant->asked ? 0 : ask_for_leftovers(assistant);
}

size_t mqtt_assistant_count(enum mqtt_conf_discovery form, const struct mqtt_discovery *discovery)
{
	switch (form) {
	case MQTT_CONF_DISCOVERY_DEVICE:
		return 1;
	case MQTT_CONF_DISCOVERY_COMPONENTS:
		return mqtt_discovery_count(discovery);
	case MQTT_CONF_DISCOVERY_OFF:
		break;
	}
	return 0;
}

static int make_document(struct mqtt_assistant *assistant, uint64_t item)
{
	const struct about about = mqtt_mail_about(assistant->mail);
	struct mqtt_discovery discovery = assistant->discovery;
	void *memory = mmap(NULL, MQTT_DISCOVERY_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -errno;
	assistant->document = memory;
	discovery.about = &about;
	discovery.interval_ms = about.interval_ms;
	if (assistant->form == MQTT_CONF_DISCOVERY_DEVICE)
		return mqtt_discovery_device(&discovery, assistant->topic, sizeof(assistant->topic),
					     assistant->document, MQTT_DISCOVERY_SIZE);
	return mqtt_discovery_component(&discovery, (size_t)item, assistant->topic,
					sizeof(assistant->topic), assistant->document,
					MQTT_DISCOVERY_SIZE);
}

int mqtt_assistant_make(struct mqtt_assistant *assistant, uint64_t item)
{
	int length = make_document(assistant, item);

	if (length >= 0)
		return length;
	mqtt_assistant_drop(assistant);
	mqtt_mail_discovery_failed(assistant->mail, length);
	if (!assistant->failure_told)
		log_warning("mqtt: cannot make the documents for Home Assistant: %s",
			    strerrordesc_np(-length));
	assistant->failure_told = true;
	return length;
}

void mqtt_assistant_drop(struct mqtt_assistant *assistant)
{
	if (assistant->document)
		munmap(assistant->document, MQTT_DISCOVERY_SIZE);
	assistant->document = NULL;
}
