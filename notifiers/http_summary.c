/* SPDX-License-Identifier: MIT */
/* One line for each thing, names first and values below each other, as `hostingpid --once` prints them. */
#include "notifiers/http_summary.h"

#include <stdio.h>
#include <string.h>

#include "agent/units.h"
#include "notifiers/http_reading.h"

static void write_decision(struct http_writer *writer, const struct decision *decision)
{
	http_write(writer, "state      %s: %s\n", control_state_words[decision->state],
		   decision->reason);
	http_write(writer, "weight     %d %%\n", decision->weight_pct);
	if (decision->maxconn_known)
		http_write(writer, "maxconn    %d for each load balancer\n", decision->maxconn);
	else
		http_write(writer, "maxconn    not known yet\n");
	if (decision->headroom_known)
		http_write(writer, "headroom   %lld MB\n",
			   (long long)(decision->headroom_bytes / 1000000));
}

static void write_reading(struct http_writer *writer, const struct http_reading *reading)
{
	char name[64];

	snprintf(name, sizeof(name), "%s.%s", reading->metric->group, reading->name);
	if (reading->unknown)
		http_write(writer, "%-30s unknown: %s\n", name, reading->unknown);
	else if (reading->text)
		http_write(writer, "%-30s %s\n", name, reading->text);
	else if (reading->rate)
		http_write(writer, "%-30s %s\n", name, reading->number);
	else if (reading->metric->unit == UNIT_WORD)
		http_write(writer, "%-30s %s\n", name, reading->metric->words[reading->value]);
	else if (reading->metric->unit == UNIT_BOOL)
		http_write(writer, "%-30s %s\n", name, reading->value ? "yes" : "no");
	else
		http_write(writer, "%-30s %s\n", name, reading->number);
}

static void write_balancers(struct http_writer *writer, const struct overview *overview,
			    int64_t now_ns)
{
	struct balancer balancers[OVERVIEW_BALANCERS];
	size_t count = overview->balancers(overview, balancers, OVERVIEW_BALANCERS);

	http_write(writer, "\nasked lately\n");
	for (size_t i = 0; i < count && i < OVERVIEW_BALANCERS; i++)
		http_write(writer, "  %s %s%s%s, %lld s ago\n", balancers[i].by,
			   balancers[i].address, balancers[i].name[0] ? " " : "", balancers[i].name,
			   (long long)((now_ns - balancers[i].seen_ns) / NS_PER_S));
	if (count == 0)
		http_write(writer, "  nobody\n");
}

int http_summary_write(const struct overview *overview, const struct about *about, char *buffer,
		       size_t size)
{
	struct http_writer writer = {.buffer = buffer, .size = size};
	struct snapshot snapshot = overview->snapshot(overview);
	struct http_reading reading;

	http_write(&writer, "hostingpi %s on %s", about->version, about->id);
	if (about->model)
		http_write(&writer, ", %s", about->model);
	http_write(&writer, "\n\n");
	write_decision(&writer, overview->decision);
	http_write(&writer, "\n");
	for (size_t i = 0; i < http_reading_positions(&snapshot); i++) {
		if (http_reading_get(&snapshot, i, &reading))
			write_reading(&writer, &reading);
	}
	write_balancers(&writer, overview, snapshot.now_ns);
	http_write(&writer, "\nother documents: /health /status.json /metrics\n");
	return http_writer_end(&writer);
}
