/* SPDX-License-Identifier: MIT */
/* One function per row, in the order in which they are shown; the names are those of the documents. */
#include "agent/ctl/status_rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "agent/ctl/document.h"

static void row_temperature(struct row *row)
{
	double celsius, hertz;

	row_start(row, "temperature");
	if (document_number(row->document, "state.soc.temp_c", &celsius))
		row_part(row, celsius >= 80 ? TONE_WARNING : TONE_NORMAL, "%.1f %sC", celsius,
			 row->style->utf8 ? "°" : "");
	if (document_number(row->document, "state.soc.freq_hz", &hertz))
		row_part(row, TONE_NORMAL, "%.0f MHz", hertz / 1e6);
	row_flag(row, "state.soc.undervoltage", TONE_BAD, "under-voltage now");
	row_flag(row, "state.soc.throttled", TONE_BAD, "throttled now");
	row_flag(row, "state.soc.freq_capped", TONE_WARNING, "frequency capped now");
	row_flag(row, "state.soc.soft_limit", TONE_WARNING, "soft temperature limit now");
	row_flag(row, "state.soc.undervoltage_since_boot", TONE_WARNING,
		 "under-voltage since boot");
	row_flag(row, "state.soc.throttled_since_boot", TONE_WARNING, "throttled since boot");
	row_end(row);
}

static void row_swap(struct row *row)
{
	const char *kind = document_text(row->document, "state.swap.kind");
	char text[TEXT_NUMBER_SIZE], all[TEXT_NUMBER_SIZE];
	double used, total;

	row_start(row, "swap");
	if (kind != NULL)
		row_part(row, TONE_NORMAL, "%s", kind);
	if (kind == NULL || strcmp(kind, "none") != 0) {
		if (document_number(row->document, "state.swap.used_bytes", &used) &&
		    document_number(row->document, "state.swap.total_bytes", &total))
			row_part(row, TONE_NORMAL, "%s of %s used", text_bytes(text, used),
				 text_bytes(all, total));
		row_bytes(row, "state.swap.out_bytes_s", "out ", "/s");
		row_bytes(row, "state.swap.in_bytes_s", "in ", "/s");
	}
	row_trouble(row, "state.swap.read_errors", "read errors");
	row_trouble(row, "state.swap.write_errors", "write errors");
	row_trouble(row, "state.swap.oom_kills", "processes killed for memory");
	row_end(row);
}

/* "health good"; what is worse with its reason. */
static void health_part(struct row *row)
{
	const char *health = document_text(row->document, "state.sd.health");
	const char *reason = document_text(row->document, "state.sd.health_reason");

	if (health == NULL)
		return;
	if (strcmp(health, "good") == 0)
		row_part(row, TONE_NORMAL, "health good");
	else
		row_part(row, strcmp(health, "worn") == 0 ? TONE_WARNING : TONE_BAD,
			 "health %s%s%s%s", health, reason != NULL ? " (" : "",
			 reason != NULL ? reason : "", reason != NULL ? ")" : "");
}

static void row_sd(struct row *row)
{
	const char *device = document_text(row->document, "state.sd.device");
	double ms;

	row_start(row, "SD card");
	if (device != NULL)
		row_part(row, TONE_NORMAL, "%s", device);
	health_part(row);
	row_bytes(row, "state.sd.write_bytes_s", "writes ", "/s");
	if (document_number(row->document, "state.sd.write_latency_ms", &ms))
		row_part(row, ms >= 1000 ? TONE_WARNING : TONE_NORMAL, "%.0f ms per write", ms);
	row_flag(row, "state.sd.stalled", TONE_BAD, "stalled");
	row_trouble(row, "state.sd.write_errors", "write errors");
	row_trouble(row, "state.sd.read_errors", "read errors");
	row_trouble(row, "state.sd.timeouts", "time-outs");
	row_trouble(row, "state.fs.errors", "file system errors");
	row_flag(row, "state.fs.read_only", TONE_WARNING, "file system is read-only");
	row_trouble(row, "state.sd.controller_errors", "controller errors");
	row_trouble(row, "state.sd.cqe_recoveries", "queue restarts");
	row_end(row);
}

static void row_web(struct row *row)
{
	const char *source = document_text(row->document, "state.web.source");
	double number;

	row_start(row, "web");
	if (document_number(row->document, "state.web.requests_s", &number))
		row_part(row, TONE_NORMAL, "%.1f requests/s", number);
	if (document_number(row->document, "state.web.errors_5xx_s", &number))
		row_part(row, number > 0 ? TONE_WARNING : TONE_NORMAL, "%.1f errors/s", number);
	if (document_number(row->document, "state.web.busy_workers", &number))
		row_part(row, TONE_NORMAL, "%.0f busy", number);
	if (document_number(row->document, "state.web.idle_workers", &number))
		row_part(row, TONE_NORMAL, "%.0f idle", number);
	row_bytes(row, "state.web.worker_bytes", "", " per worker");
	if (source != NULL)
		row_part(row, TONE_NORMAL, "from %s", source);
	row_end(row);
}

static void row_net(struct row *row)
{
	row_start(row, "network");
	row_bytes(row, "state.net.rx_bytes_s", "in ", "/s");
	row_bytes(row, "state.net.tx_bytes_s", "out ", "/s");
	row_end(row);
}

/* "[::]:9778" is no address that a browser takes, and a Unix socket none at all. */
static void page_part(struct row *row, const char *address)
{
	if (strncmp(address, "[::]:", 5) == 0)
		row_part(row, TONE_NORMAL, "port %s of every address", address + 5);
	else if (strncmp(address, "0.0.0.0:", 8) == 0)
		row_part(row, TONE_NORMAL, "port %s of every IPv4 address", address + 8);
	else if (strncmp(address, "unix:", 5) == 0)
		row_part(row, TONE_NORMAL, "%s", address);
	else
		row_part(row, TONE_NORMAL, "http://%s/", address);
}

/* Where one of those that listen does so, and where it cannot. */
static void row_listener(struct row *row, const char *label, const char *name, bool is_page)
{
	const cJSON *all = document_find(row->document, "notifiers"), *item;
	const cJSON *listener = cJSON_GetObjectItemCaseSensitive(all, name);

	if (listener == NULL)
		return;
	row_start(row, label);
	cJSON_ArrayForEach(item, document_find(listener, "listen"))
	{
		if (!cJSON_IsString(item))
			continue;
		if (is_page)
			page_part(row, item->valuestring);
		else
			row_part(row, TONE_NORMAL, "%s%s", row->any ? "" : "listens on ",
				 item->valuestring);
	}
	cJSON_ArrayForEach(item, document_find(listener, "failed"))
	{
		const char *address = document_text(item, "address");
		const char *error = document_text(item, "error");

		if (address != NULL)
			row_part(row, TONE_BAD, "not on %s: %s", address,
				 error != NULL ? error : "failed");
	}
	row_end(row);
}

static void row_check(struct row *row)
{
	row_listener(row, "agent-check", "haproxy", false);
}

static void row_page(struct row *row)
{
	row_listener(row, "status page", "http", true);
}

static void row_mqtt(struct row *row)
{
	const cJSON *mqtt = document_find(row->document, "notifiers.mqtt");
	const char *broker = document_text(mqtt, "broker"), *state = document_text(mqtt, "state");
	const char *error = document_text(mqtt, "last_error");

	if (mqtt == NULL)
		return;
	row_start(row, "MQTT");
	if (cJSON_IsFalse(document_find(mqtt, "configured"))) {
		row_part(row, TONE_NORMAL, "no broker is configured ([mqtt] host)");
	} else if (document_flag(mqtt, "connected")) {
		row_part(row, TONE_GOOD, "connected to %s", broker != NULL ? broker : "the broker");
	} else {
		row_part(row, TONE_WARNING, "not connected to %s",
			 broker != NULL ? broker : "the broker");
		if (state != NULL)
			row_part(row, TONE_NORMAL, "%s", state);
		if (error != NULL)
			row_part(row, TONE_WARNING, "%s", error);
	}
	row_trouble(row, "notifiers.mqtt.samples_waiting", "samples waiting");
	row_trouble(row, "notifiers.mqtt.events_waiting", "events waiting");
	row_trouble(row, "notifiers.mqtt.samples_thinned", "samples thinned out");
	row_trouble(row, "notifiers.mqtt.events_dropped", "events lost");
	row_trouble(row, "notifiers.mqtt.too_large", "messages too large for the broker");
	row_trouble(row, "notifiers.mqtt.refused", "messages refused by the broker");
	row_trouble(row, "notifiers.mqtt.queue_dropped", "events lost before MQTT");
	row_end(row);
}

/* "21 Nov 12:34"; a foreign number may be any. */
static void post_next(struct row *row, const char *before, const char *path)
{
	char text[64];
	struct tm local;
	double ms;
	time_t when;

	if (!document_number(row->document, path, &ms) || ms < 0 || ms > 1e15)
		return;
	when = (time_t)(ms / 1000);
	if (localtime_r(&when, &local) != NULL &&
	    strftime(text, sizeof(text), "%d %b %H:%M", &local) > 0)
		row_part(row, TONE_NORMAL, "%s%s", before, text);
}

static void row_post(struct row *row)
{
	const cJSON *post = document_find(row->document, "notifiers.post");
	const char *service = document_text(post, "service");
	const char *why = document_text(post, "why_waiting");
	const char *result = document_text(post, "last_result.result");
	const char *detail = document_text(post, "last_result.detail");
	double count;

	if (post == NULL)
		return;
	row_start(row, "posts");
	if (service != NULL)
		row_part(row, TONE_NORMAL, "to %s", service);
	if (document_number(post, "posted", &count) && service != NULL)
		row_part(row, TONE_NORMAL, "%.0f posted", count);
	row_trouble(row, "notifiers.post.rejected", "refused");
	row_trouble(row, "notifiers.post.dropped", "dropped");
	row_trouble(row, "notifiers.post.unsure", "may have been posted");
	if (document_number(post, "waiting", &count) && count > 0)
		row_part(row, TONE_WARNING, "%.0f waiting", count);
	if (why != NULL)
		row_part(row, TONE_NORMAL, "%s", why);
	post_next(row, "next attempt ", "notifiers.post.next_attempt");
	if (result != NULL)
		row_part(row, TONE_NORMAL, "last: %s", result);
	if (detail != NULL)
		row_part(row, TONE_NORMAL, "%s", detail);
	post_next(row, "at ", "notifiers.post.last_result.ts");
	row_end(row);
}

static void row_agent(struct row *row)
{
	const char *path = document_text(row->document, "config.path");
	double number;

	row_start(row, "agent");
	row_bytes(row, "state.self.rss_bytes", "", " resident");
	if (document_number(row->document, "state.self.cpu_ms_s", &number))
		row_part(row, TONE_NORMAL, "%.2f ms/s of a processor", number);
	if (document_number(row->document, "state.self.loop_late_ms", &number))
		row_part(row, TONE_NORMAL, "at most %.1f ms late", number);
	if (path != NULL)
		row_part(row, TONE_NORMAL, "%s", path);
	row_end(row);
}

/* The sooner a row is missed, the lower its rank; a row with trouble in it is missed first. */
static const struct {
	void (*print)(struct row *row);
	int rank;
} subjects[] = {
	{row_web, 11},	{row_temperature, 15}, {row_swap, 14},	{row_sd, 13},	{row_net, 21},
	{row_mqtt, 20}, {row_post, 23},	       {row_check, 24}, {row_page, 26}, {row_agent, 25},
};

void status_rows_print(struct row *row)
{
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		if (row->frame != NULL)
			frame_rank(row->frame, subjects[i].rank);
		row->trouble = false;
		subjects[i].print(row);
		if (row->frame != NULL && row->trouble)
			frame_rerank(row->frame, STATUS_ROWS_TROUBLE_RANK);
	}
}
