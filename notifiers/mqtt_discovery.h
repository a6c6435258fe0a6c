/* SPDX-License-Identifier: MIT */
/*
 * Home Assistant's MQTT discovery: what this agent tells about its readings, so that they become
 * entities of one device. Pure: from the tables of metrics to text. All messages are retained, QoS 1.
 *
 * What the sender must know about Home Assistant (its components/mqtt/discovery.py and entity.py):
 * - An entity belongs to the topic that announced it. The same entity from another topic is refused
 *   with a warning for each of them, as long as the first topic has not been emptied. So after a
 *   change of the form what the other form left must be emptied first: on each connection subscribe
 *   to mqtt_discovery_leftover(), and answer each retained message there for which
 *   mqtt_discovery_is_ours() with an empty retained one on the same topic. In calm that costs one
 *   subscription and nothing comes. Do not empty topics on suspicion: an empty message for a device
 *   that is not there is a warning as well.
 * - While it works on one message about an entity, a device document that arrives drops everything
 *   from that entity on. So leave 5 s between emptying and announcing, and never announce twice
 *   within 5 s.
 * - Another discovery_prefix or id: only a reload knows the old one; then empty what it had announced
 *   (one topic for the device form). After a restart `hostingpictl forget` has to be asked with the
 *   old names.
 * - discovery = off: the same as a change of form, for both forms.
 * - A reading that a new version no longer has just stays out of the document: its entity is then one
 *   that "is no longer provided", which the operator can delete.
 */
#ifndef HOSTINGPI_MQTT_DISCOVERY_H
#define HOSTINGPI_MQTT_DISCOVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"

/* Twice the device document with its 96 components of 290 bytes. */
#define MQTT_DISCOVERY_SIZE (64 * 1024)

/* What it is made from. Strings are those of the topics in force. */
struct mqtt_discovery {
	const struct about *about; /* with its metrics */
	const char *prefix;	   /* discovery_prefix */
	const char *availability_topic, *state_topic, *weight_topic, *event_topic;
	int64_t interval_ms; /* between two samples */
};

/*
 * Topic and document of the device form (Home Assistant 2024.11). Returns the length of the document,
 * or -ENAMETOOLONG (topic) or -ENOSPC (document) when it does not fit.
 */
int mqtt_discovery_device(const struct mqtt_discovery *discovery, char *ret_topic,
			  size_t topic_size, char *ret_document, size_t size);

/* How many single components there are: the older form, each with its own topic. */
size_t mqtt_discovery_count(const struct mqtt_discovery *discovery);

/*
 * Topic and document of one of them, index below the count. Returns as above. With size 0 only the
 * topic is wanted (to empty it): returns 0.
 */
int mqtt_discovery_component(const struct mqtt_discovery *discovery, size_t index, char *ret_topic,
			     size_t topic_size, char *ret_document, size_t size);

/*
 * The filter that shows what the device form (device = true) or the other form has left at the
 * broker. Returns 0 or -ENAMETOOLONG.
 */
int mqtt_discovery_leftover(const struct mqtt_discovery *discovery, bool device, char *ret_filter,
			    size_t size);

/* Whether a message under that filter is one of ours: others may use our id as well. */
bool mqtt_discovery_is_ours(const struct mqtt_discovery *discovery, const char *data,
			    size_t length);

#endif
