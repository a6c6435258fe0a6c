/* SPDX-License-Identifier: MIT */
/*
 * Requests served and workers at work, from the status page of the web server on this machine, which
 * status_search.c finds and polls.
 *
 * A poll runs between two reads, so what it found is handed in once, with the stamp of the answer;
 * otherwise the rate would depend on when the agent happened to look. Polls are requests too: those
 * that the server has answered before are taken off its counter, and what is left never falls
 * because of them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "agent/module.h"
#include "agent/state.h"
#include "collectors/collectors.h"
#include "collectors/status_parse.h"
#include "collectors/status_places.h"
#include "collectors/status_search.h"

enum {
	METRIC_SOURCE,
	METRIC_REQUESTS,
	METRIC_BUSY,
	METRIC_IDLE,
	METRICS,
};

static const struct metric metrics[METRICS] = {
	[METRIC_SOURCE] = {.group = "web",
			   .name = "source",
			   .unit = UNIT_TEXT,
			   .help = "status page that is read"},
	[METRIC_REQUESTS] = {.group = "web",
			     .name = "requests_total",
			     .rate_name = "requests_s",
			     .kind = METRIC_COUNTER,
			     .unit = UNIT_COUNT,
			     .help = "requests since the web server's start, without our polls"},
	[METRIC_BUSY] = {.group = "web",
			 .name = "busy_workers",
			 .unit = UNIT_COUNT,
			 .role = ROLE_WEB_BUSY,
			 .help = "workers (nginx: connections) that serve a request now"},
	[METRIC_IDLE] = {.group = "web",
			 .name = "idle_workers",
			 .unit = UNIT_COUNT,
			 .role = ROLE_WEB_IDLE,
			 .help = "workers that wait for a request"},
};

enum source {
	SOURCE_AUTO,
	SOURCE_APACHE,
	SOURCE_NGINX,
	SOURCE_NONE,
};

static const char *const source_words[] = {
	[SOURCE_AUTO] = "auto",
	[SOURCE_APACHE] = "apache",
	[SOURCE_NGINX] = "nginx",
	[SOURCE_NONE] = "none",
	NULL,
};

static const unsigned source_kinds[] = {
	[SOURCE_AUTO] = (1u << STATUS_APACHE) | (1u << STATUS_NGINX),
	[SOURCE_APACHE] = 1u << STATUS_APACHE,
	[SOURCE_NGINX] = 1u << STATUS_NGINX,
	[SOURCE_NONE] = 0,
};

struct requests_conf {
	int source; /* enum source */
	char url[PLACES_URL_SIZE];
	char path[PLACES_PATH_SIZE];
	int64_t interval;
	int64_t timeout;
};

static const struct conf_item conf_items[] = {
	CONF_ROW(struct requests_conf, source, CONF_WORD, "auto", .words = source_words,
		 .help = "web server whose status page is read; auto: whichever is found"),
	CONF_ROW(struct requests_conf, url, CONF_TEXT, "",
		 .help = "status page, http://[::1]:8080/nginx_status or "
			 "unix:/run/nginx/status.sock:/nginx_status; empty: the usual places"),
	CONF_ROW(struct requests_conf, path, CONF_PATH, "",
		 .help = "path of the status page at the usual places, or behind a url without"),
	CONF_ROW(struct requests_conf, interval, CONF_DURATION, "2s", .min = 200 * NS_PER_MS,
		 .max = 30 * NS_PER_S, .help = "time between two polls"),
	CONF_ROW(struct requests_conf, timeout, CONF_DURATION, "2s", .min = 50 * NS_PER_MS,
		 .max = 30 * NS_PER_S, .help = "time that one poll may take in all"),
	{0},
};

/* A search costs the web server a line in its log for each place, and the usual ones are many. */
#define RETRY_USUAL_NS (60 * NS_PER_S)
#define RETRY_URL_NS (10 * NS_PER_S)

/* What our own polls are taken off from. */
struct counting {
	bool valid;
	size_t endpoint; /* whose server says it */
	enum status_kind kind;
	int64_t said;  /* by the server, last */
	int64_t total; /* without our polls */
	int64_t base;  /* answers to us that are not in said, or not ours to take off */
};

struct requests {
	struct status_search search;
	struct counting counting;
	struct status_reading reading;
	int64_t stamp_ns;
	bool fresh;	     /* reading was not handed in yet */
	bool primed;	     /* one was handed in since there was none */
	bool other_counter;  /* its counter continues no earlier one */
	const char *unknown; /* why there is no reading; NULL: there is one */
	char source[STATE_TEXT_SIZE];
};

static void requests_wish(const struct requests_conf *conf, struct places_wish *ret_wish)
{
	*ret_wish = (struct places_wish){
		.url = conf->url, .path = conf->path, .kinds = source_kinds[conf->source]};
}

static int requests_check(const void *settings, char *ret_error, size_t size)
{
	const struct requests_conf *conf = settings;
	if (conf->source == SOURCE_NONE && (conf->url[0] || conf->path[0])) {
		snprintf(ret_error, size, "source: none contradicts %s, which is set",
			 conf->url[0] ? "url" : "path");
		return -EINVAL;
	}
	struct places_wish wish;
	struct places places;
	requests_wish(conf, &wish);
	return places_make(&wish, &places, ret_error, size);
}

/*
 * Takes our polls off the counter. answers: of this endpoint so far, the one at hand included.
 * Returns false if the counter is another one than before.
 */
static bool counting_update(struct counting *counting, size_t endpoint, int64_t answers,
			    const struct status_reading *reading)
{
	bool other = counting->valid &&
		     (counting->kind != reading->kind || counting->endpoint != endpoint);
	bool restarted = reading->requests < counting->said;
	int64_t before = answers - 1; /* status_parse() has left out the one at hand */
	if (!counting->valid || other || restarted)
		*counting = (struct counting){.valid = true, .kind = reading->kind, .base = before};

	int64_t total = reading->requests - (before - counting->base);
	/* A page that does not count all of our polls must not seem to run backwards. */
	if (total < counting->total) {
		counting->base += counting->total - total;
		total = counting->total;
	}
	counting->endpoint = endpoint;
	counting->said = reading->requests;
	counting->total = total;
	return !other;
}

static void on_search(void *context, const struct status_reading *reading)
{
	struct requests *requests = context;
	const struct status_search *search = &requests->search;
	requests->unknown = reading ? NULL : search->reason;
	requests->fresh = reading != NULL;
	if (!reading)
		return;

	requests->reading = *reading;
	requests->stamp_ns = env_now_ns(search->env);
	if (reading->requests_known)
		requests->other_counter =
			!counting_update(&requests->counting, search->place.endpoint,
					 search->answers[search->place.endpoint], reading);

	char name[PLACES_NAME_SIZE], text[PLACES_NAME_SIZE + 16];
	snprintf(text, sizeof(text), "%s %s", status_kind_names[reading->kind],
		 places_name(&search->places, search->place, name));
	text_copy(requests->source, sizeof(requests->source), text);
}

static int requests_open(void *self, const void *settings, const struct env *env)
{
	struct requests *requests = self;
	const struct requests_conf *conf = settings;
	if (conf->source == SOURCE_NONE) {
		requests->unknown = "switched off ([requests] source = none)";
		return 0;
	}
	/* The usual places belong to the real machine, not to the one that --root shows. */
	if (!env->real_root && !conf->url[0]) {
		requests->unknown = "not looked for under --root";
		return 0;
	}

	struct search_conf search = {
		.interval_ns = conf->interval,
		.timeout_ns = conf->timeout,
		.retry_ns = conf->url[0] ? RETRY_URL_NS : RETRY_USUAL_NS,
	};
	requests_wish(conf, &search.wish);
	requests->unknown = "no status page has answered yet";
	int r = status_search_open(&requests->search, env, &search, on_search, requests);
	if (r < 0)
		log_error("requests: no timer or memory for the status page: %s",
			  strerrordesc_np(-r));
	return r;
}

static void hand_in_unknown(const struct requests *requests, struct batch *batch)
{
	if (requests->search.found)
		batch_text(batch, METRIC_SOURCE, requests->source);
	else
		batch_unknown(batch, METRIC_SOURCE, requests->unknown);
	batch_unknown(batch, METRIC_REQUESTS, requests->unknown);
	batch_unknown(batch, METRIC_BUSY, requests->unknown);
	batch_unknown(batch, METRIC_IDLE, requests->unknown);
}

static void hand_in_reading(const struct requests *requests, struct batch *batch)
{
	const struct status_reading *reading = &requests->reading;
	batch->stamp_ns = requests->stamp_ns;
	batch_text(batch, METRIC_SOURCE, requests->source);
	if (!reading->requests_known)
		batch_unknown(batch, METRIC_REQUESTS,
			      "Apache does not count: it needs 'ExtendedStatus On'");
	else if (requests->other_counter)
		batch_unknown(batch, METRIC_REQUESTS,
			      "another status page was found: counting starts anew");
	else
		batch_value(batch, METRIC_REQUESTS, requests->counting.total);
	batch_value(batch, METRIC_BUSY, reading->busy);
	if (reading->idle_known)
		batch_value(batch, METRIC_IDLE, reading->idle);
	else
		batch_unknown(batch, METRIC_IDLE, "nginx does not count idle workers");
}

static int requests_read(void *self, int64_t now_ns, struct batch *ret_batch)
{
	struct requests *requests = self;
	(void)now_ns; /* the stamp of the answer counts */
	if (requests->unknown) {
		hand_in_unknown(requests, ret_batch);
		requests->primed = false;
	} else if (requests->fresh) {
		hand_in_reading(requests, ret_batch);
		if (!requests->primed)
			status_search_soon(&requests->search); /* a rate needs two */
		requests->primed = true;
	}
	requests->fresh = false;
	return 0;
}

static void requests_close(void *self)
{
	struct requests *requests = self;
	status_search_close(&requests->search);
}

const struct collector requests_collector = {
	.module =
		{
			.name = "requests",
			.metrics = metrics,
			.metric_count = METRICS,
			.conf = conf_items,
			.conf_size = sizeof(struct requests_conf),
			.self_size = sizeof(struct requests),
			/* A poll that fails is told; three of the longest intervals mean that
			 * nothing moves any more. */
			.max_age_ns = 90 * NS_PER_S,
			.library = status_answer_library,
			.check = requests_check,
			.open = requests_open,
			.read = requests_read,
			.close = requests_close,
		},
};
