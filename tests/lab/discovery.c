/* SPDX-License-Identifier: MIT */
/*
 * discovery ROOT INTERVAL_MS: prints what the agent announces to Home Assistant about the board
 * below ROOT, with the tables of all collectors and notifiers, and messages of the topics that
 * hostingpid --once does not show. A line is: what it is, its topic, the document.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/collector.h"
#include "agent/derived.h"
#include "agent/identity.h"
#include "agent/notifier.h"
#include "agent/render.h"
#include "agent/version.h"
#include "notifiers/mqtt_discovery.h"

#define METRICS 512

static const struct metric *metrics[METRICS];
static size_t metric_count;
static char document[MQTT_DISCOVERY_SIZE];

static void add(const struct metric *table, unsigned count)
{
	for (unsigned i = 0; i < count && metric_count < METRICS; i++)
		metrics[metric_count++] = &table[i];
}

static void show(const char *what, const char *topic, int length)
{
	if (length < 0) {
		fprintf(stderr, "discovery: %s %s: %s\n", what, topic, strerror(-length));
		exit(1);
	}
	printf("%s %s %s\n", what, topic, document);
}

static void show_report(const char *what, const char *topic, const struct report *report)
{
	show(what, topic, render_report(document, sizeof(document), report));
}

static void show_decisions(const char *topic)
{
	for (enum control_state state = 0; state < CONTROL_STATES; state++) {
		struct decision decision = {.state = state,
					    .weight_pct = 1 + 19 * (int)state,
					    .maxconn = 17,
					    .since_ms = 1793000000123};
		memset(decision.reason, 'r', sizeof(decision.reason) - 1);
		show_report("weight", topic,
			    &(struct report){.kind = REPORT_DECISION, .decision = &decision});
	}
}

static void show_events(const char *topic)
{
	for (enum severity severity = SEVERITY_INFO; severity <= SEVERITY_CRITICAL; severity++) {
		struct event event = {.id = 1 + severity,
				      .ts_ms = 1793000000123,
				      .severity = severity,
				      .kind = "sd-write-error",
				      .text = "text with \"quotes\", 'apostrophes', <b> & \303\244",
				      .values = {{"sectors", 8}}};
		show_report("event", topic,
			    &(struct report){.kind = REPORT_EVENT, .event = &event});
	}
}

int main(int argc, char **argv)
{
	struct identity identity;
	char topic[256];

	if (argc != 3)
		return 2;
	identity_read(open(argv[1], O_RDONLY | O_DIRECTORY), "lab", &identity);
	for (size_t i = 0; collectors[i]; i++)
		add(collectors[i]->module.metrics, collectors[i]->module.metric_count);
	for (size_t i = 0; notifiers[i]; i++)
		add(notifiers[i]->module.metrics, notifiers[i]->module.metric_count);
	add(derived_metrics, DERIVED_COUNT);

	const struct about about = {
		.id = identity.id,
		.model = identity.model[0] ? identity.model : NULL,
		.serial_hash = identity.serial_hash[0] ? identity.serial_hash : NULL,
		.version = hostingpi_version,
		.metrics = metrics,
		.metric_count = metric_count,
	};
	const struct mqtt_discovery discovery = {
		.about = &about,
		.prefix = "homeassistant",
		.availability_topic = "hostingpi/lab/availability",
		.state_topic = "hostingpi/lab/state",
		.weight_topic = "hostingpi/lab/weight",
		.event_topic = "hostingpi/lab/event",
		.interval_ms = strtoimax(argv[2], NULL, 10),
	};
	int length =
		mqtt_discovery_device(&discovery, topic, sizeof(topic), document, sizeof(document));
	show("device", topic, length);
	for (size_t i = 0; i < mqtt_discovery_count(&discovery); i++) {
		length = mqtt_discovery_component(&discovery, i, topic, sizeof(topic), document,
						  sizeof(document));
		show("component", topic, length);
	}
	show_decisions(discovery.weight_topic);
	show_events(discovery.event_topic);
	return 0;
}
