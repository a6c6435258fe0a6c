/* SPDX-License-Identifier: MIT */
/*
 * Requests served and workers at work, from the status page of the web server on this machine, which
 * status_search.c finds and polls, and requests_count.c follows. Where there is none, the lines of its
 * access log are counted, which tell neither who is at work nor how long it takes.
 *
 * A poll runs between two reads, so what it found is handed in once, with the stamp of the answer;
 * otherwise the rate would depend on when the agent happened to look.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "agent/module.h"
#include "agent/state.h"
#include "collectors/access_log_source.h"
#include "collectors/collectors.h"
#include "collectors/requests_count.h"
#include "collectors/requests_metrics.h"
#include "collectors/status_places.h"
#include "collectors/status_search.h"

/* What is handed in as it was said. */
static const struct {
	unsigned metric;
	enum status_field field;
} rows[] = {
	{WEB_REQUESTS, STATUS_REQUESTS},
	{WEB_ERRORS_5XX, STATUS_ERRORS_5XX},
	{WEB_LATENCY, STATUS_LATENCY_US},
	{WEB_BUSY, STATUS_BUSY},
	{WEB_IDLE, STATUS_IDLE},
	{WEB_QUEUED, STATUS_QUEUED},
	{WEB_CHILDREN_REACHED, STATUS_CHILDREN_REACHED},
	{WEB_SLOW, STATUS_SLOW},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

enum source {
	SOURCE_AUTO,
	SOURCE_APACHE,
	SOURCE_NGINX,
	SOURCE_LIGHTTPD,
	SOURCE_PHP_FPM,
	SOURCE_CADDY,
	SOURCE_HAPROXY,
	SOURCE_LOG,
	SOURCE_NONE,
};

static const char *const source_words[] = {
	[SOURCE_AUTO] = "auto",	      [SOURCE_APACHE] = "apache",
	[SOURCE_NGINX] = "nginx",     [SOURCE_LIGHTTPD] = "lighttpd",
	[SOURCE_PHP_FPM] = "php-fpm", [SOURCE_CADDY] = "caddy",
	[SOURCE_HAPROXY] = "haproxy", [SOURCE_LOG] = "log",
	[SOURCE_NONE] = "none",	      NULL,
};

/* Whose pages are taken. */
static const unsigned source_kinds[] = {
	[SOURCE_AUTO] = (1u << STATUS_KINDS) - 1, [SOURCE_APACHE] = 1u << STATUS_APACHE,
	[SOURCE_NGINX] = 1u << STATUS_NGINX,	  [SOURCE_LIGHTTPD] = 1u << STATUS_LIGHTTPD,
	[SOURCE_PHP_FPM] = 1u << STATUS_PHP_FPM,  [SOURCE_CADDY] = 1u << STATUS_CADDY,
	[SOURCE_HAPROXY] = 1u << STATUS_HAPROXY,  [SOURCE_NONE] = 0,
};

struct requests_conf {
	int source; /* enum source */
	char url[PLACES_URL_SIZE];
	char path[PLACES_PATH_SIZE];
	char log[ACCESS_LOG_PATH_SIZE];
	int64_t interval;
	int64_t timeout;
};

static const struct conf_item conf_items[] = {
	CONF_ROW(struct requests_conf, source, CONF_WORD, "auto", .words = source_words,
		 .help = "web server whose status page is read; auto: whichever is found, but "
			 "for haproxy"),
	CONF_ROW(struct requests_conf, url, CONF_TEXT, "",
		 .help = "status page, http://[::1]:8080/nginx_status or "
			 "unix:/run/nginx/status.sock:/nginx_status, fcgi: or haproxy: in front "
			 "for those; empty: the usual places"),
	CONF_ROW(struct requests_conf, path, CONF_PATH, "",
		 .help = "path of the status page at the usual places, or behind a url without"),
	CONF_ROW(
		struct requests_conf, log, CONF_TEXT, "auto",
		.help = "access log, or several, separated by blanks or commas, whose lines are counted "
			"where there is no status page; auto: one at the usual places"),
	CONF_ROW(struct requests_conf, interval, CONF_DURATION, "2s", .min = 200 * NS_PER_MS,
		 .max = 30 * NS_PER_S, .help = "time between two polls"),
	CONF_ROW(struct requests_conf, timeout, CONF_DURATION, "2s", .min = 50 * NS_PER_MS,
		 .max = 30 * NS_PER_S, .help = "time that one poll may take in all"),
	{0},
};

/* A search costs the web server a line in its log for each place, and the usual ones are many. */
#define RETRY_USUAL_NS (60 * NS_PER_S)
#define RETRY_URL_NS (10 * NS_PER_S)
/* A web server that is upgraded on a slow card is back by then. */
#define HOLD_NS (180 * NS_PER_S)

struct requests {
	const struct requests_conf *conf;
	struct status_search search;
	struct access_log_source log;
	struct requests_count count;
	int64_t stamp_ns;
	bool fresh;	     /* the newest reading was not handed in yet */
	bool paged;	     /* there was a status page */
	bool primed;	     /* one was handed in since there was none */
	const char *unknown; /* why there is no reading; NULL: there is one */
	char source[STATE_TEXT_SIZE];
	char reason[SEARCH_REASON_SIZE + 2 + ACCESS_LOG_REASON_SIZE];
};

/*
 * A balancer's load is not that of this machine if it serves others, so HAProxy is asked only if the
 * operator says so.
 */
static void requests_wish(const struct requests_conf *conf, struct places_wish *ret_wish)
{
	unsigned kinds = source_kinds[conf->source];
	if (conf->source == SOURCE_AUTO && !conf->url[0])
		kinds &= ~(1u << STATUS_HAPROXY);
	*ret_wish = (struct places_wish){.url = conf->url, .path = conf->path, .kinds = kinds};
}

static int requests_check(const void *settings, char *ret_error, size_t size)
{
	const struct requests_conf *conf = settings;
	bool page = conf->source != SOURCE_NONE && conf->source != SOURCE_LOG;
	if (!page && (conf->url[0] || conf->path[0])) {
		snprintf(ret_error, size, "source: %s contradicts %s, which is set",
			 source_words[conf->source], conf->url[0] ? "url" : "path");
		return -EINVAL;
	}
	if (access_log_check(conf->log, ret_error, size) < 0)
		return -EINVAL;
	struct places_wish wish;
	struct places places;
	requests_wish(conf, &wish);
	return places_make(&wish, &places, ret_error, size);
}

/* "nginx [::1]:80/nginx_status, found before php-fpm" */
static void name_source(struct requests *requests)
{
	const struct status_search *search = &requests->search;
	enum status_kind kind = search->kind;
	char name[PLACES_NAME_SIZE], text[PLACES_NAME_SIZE + 128];
	int length = snprintf(text, sizeof(text), "%s %s", status_kind_names[kind],
			      places_name(&search->places, search->place, name));
	const char *between = ", found before ";
	if (search->conf.survey && search->kinds == 1u << kind)
		snprintf(text + length, sizeof(text) - (size_t)length, ", the only one");
	for (unsigned other = 0; other < STATUS_KINDS; other++) {
		if (other == kind || !(search->kinds >> other & 1))
			continue;
		length += snprintf(text + length, sizeof(text) - (size_t)length, "%s%s", between,
				   status_kind_names[other]);
		between = ", ";
	}
	text_copy(requests->source, sizeof(requests->source), text);
}

static void on_log(void *context, const struct status_reading *reading)
{
	struct requests *requests = context;
	const struct access_log *log = &requests->log.log;
	requests->fresh = reading != NULL;
	requests->unknown = reading ? NULL : requests->reason;
	if (!reading) {
		const char *page = requests->search.reason;
		snprintf(requests->reason, sizeof(requests->reason), "%s%s%s", page,
			 page[0] ? "; " : "", log->reason);
		return;
	}
	char text[ACCESS_LOG_PATH_SIZE + 4];
	snprintf(text, sizeof(text), "log %s", access_log_path(log));
	text_copy(requests->source, sizeof(requests->source), text);
	requests->stamp_ns = env_now_ns(log->env);
	requests_count_take(&requests->count, PLACES_ENDPOINTS, 0, reading);
}

static int open_log(struct requests *requests, const struct env *env)
{
	requests->unknown = "the access log was not read yet";
	int r = access_log_source_open(&requests->log, env, requests->conf->log,
				       requests->conf->interval, on_log, requests);
	if (r < 0)
		log_error("requests: no timer for the access log: %s", strerrordesc_np(-r));
	return r;
}

/*
 * Without a page at the start the log steps in, if nobody said which of them it must be. Once there
 * was a page, it is for good: one that fails later may do so because the disk does, and that is no
 * time to open a log there.
 */
static bool log_steps_in(struct requests *requests, bool page)
{
	bool open = access_log_source_is_open(&requests->log);
	if (page && open)
		access_log_source_close(&requests->log);
	requests->paged |= page;
	if (requests->paged || requests->conf->source != SOURCE_AUTO || requests->conf->url[0])
		return false;
	return open || open_log(requests, requests->search.env) == 0;
}

static void on_search(void *context, const struct status_reading *reading)
{
	struct requests *requests = context;
	const struct status_search *search = &requests->search;
	if (log_steps_in(requests, reading != NULL))
		return;
	requests->unknown = reading ? NULL : search->reason;
	requests->fresh = reading != NULL;
	if (status_search_found(search))
		name_source(requests);
	if (!reading)
		return;
	struct status_reading known = *reading;
	known.counts_polls &= !search->places.endpoints[search->place.endpoint].apart;
	requests->stamp_ns = env_now_ns(search->env);
	requests_count_take(&requests->count, search->place.endpoint,
			    search->answers[search->place.endpoint], &known);
}

static int requests_open(void *self, const void *settings, const struct env *env)
{
	struct requests *requests = self;
	const struct requests_conf *conf = settings;
	requests->conf = conf;
	if (conf->source == SOURCE_NONE) {
		requests->unknown = NOT_APPLICABLE "switched off ([requests] source = none)";
		return 0;
	}
	if (conf->source == SOURCE_LOG)
		return open_log(requests, env);
	/* The usual places belong to the real machine, not to the one that --root shows. */
	if (!env->real_root && !conf->url[0]) {
		requests->unknown = "not looked for under --root";
		return 0;
	}

	struct search_conf search = {
		.interval_ns = conf->interval,
		.timeout_ns = conf->timeout,
		.retry_ns = conf->url[0] ? RETRY_URL_NS : RETRY_USUAL_NS,
		.survey = conf->source == SOURCE_AUTO && !conf->url[0],
		.hold_ns = HOLD_NS,
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
	if (status_search_found(&requests->search))
		batch_text(batch, WEB_SOURCE, requests->source);
	else
		batch_unknown(batch, WEB_SOURCE, requests->unknown);
	/* The reason is long and there once for each metric: those that seldom are there do without. */
	for (size_t i = 0; i < ROWS; i++)
		batch_unknown(batch, rows[i].metric,
			      web_metrics[rows[i].metric].idle_unknown
				      ? "no reading of a status page: web.busy_workers says why"
				      : requests->unknown);
}

/* Workers move the weight, so they are not taken from whoever is the first to listen on a port. */
static const char nobody_vouches[] =
	"any local user may listen on this port: set url to the page, if it is the web server's";

/* Why a reading lacks a field. */
static const char *lacking(const struct requests_count *count, enum status_field field)
{
	if (field == STATUS_LATENCY_US && count->times)
		return "no request was finished since the last poll";
	return status_missing(count->reading.kind, field);
}

static void hand_in_reading(const struct requests *requests, struct batch *batch)
{
	const struct requests_count *count = &requests->count;
	const struct status_search *search = &requests->search;
	bool anybody = search->places.endpoints[search->place.endpoint].anybody;
	batch->stamp_ns = requests->stamp_ns;
	batch_text(batch, WEB_SOURCE, requests->source);
	for (size_t i = 0; i < ROWS; i++) {
		unsigned metric = rows[i].metric;
		enum status_field field = rows[i].field;
		if (!status_has(&count->reading, field))
			batch_unknown(batch, metric, lacking(count, field));
		else if (anybody && web_metrics[metric].role != ROLE_NONE)
			batch_unknown(batch, metric, nobody_vouches);
		else if (count->anew && web_metrics[metric].kind == METRIC_COUNTER)
			batch_unknown(batch, metric, count->anew);
		else
			batch_value(batch, metric, count->reading.value[field]);
	}
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
	access_log_source_close(&requests->log);
}

const struct collector requests_collector = {
	.module =
		{
			.name = "requests",
			.metrics = web_metrics,
			.metric_count = WEB_METRICS,
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
