/* SPDX-License-Identifier: MIT */
/*
 * The decision and the readings over HTTP: for balancers that do not know agent-check, for Prometheus, for
 * programs, and for people. No TLS: on a Pi its web server has it already, and can put it in front of this
 * (examples/web-front).
 *
 * Nobody is accepted before the first decision, as with agent-check: callers wait in the kernel for the true
 * answer of the first tick. Who asks over HTTP does not share the connection cap, because nothing tells
 * a balancer from a browser; those who ask for /health are listed, that is all.
 *
 * allow is about who connects. A PROXY header is believed because it comes from there, and what it says is
 * shown and never tested against allow: a proxy whose clients are all the world would let nobody through.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/addr.h"
#include "agent/log.h"
#include "notifiers/agent_check.h"
#include "notifiers/http_accept.h"
#include "notifiers/http_health.h"
#include "notifiers/http_metrics.h"
#include "notifiers/http_places.h"
#include "notifiers/http_summary.h"
#include "notifiers/listeners.h"
#include "notifiers/notifiers.h"

struct http_conf {
	struct addr_list listen;
	struct addr_allow allow;
	int proxy_protocol; /* enum http_proxy_mode */
};

struct http {
	const struct env *env;
	struct listeners listeners;
	struct http_places *places;
	struct agent_callers callers; /* of /health */
	struct about about;
	unsigned heard; /* mask of 1u << enum report_kind */
};

#define WANTS (1u << REPORT_ABOUT | 1u << REPORT_DECISION)

static const char *const proxy_words[] = {
	[HTTP_PROXY_OFF] = "off",
	[HTTP_PROXY_OPTIONAL] = "optional",
	[HTTP_PROXY_REQUIRED] = "required",
	NULL,
};

static const struct conf_item http_items[] = {
	CONF_ROW(struct http_conf, listen, CONF_LISTEN, "[::1]:9778, 127.0.0.1:9778",
		 .help = "addresses that answer HTTP, such as :9778; empty: none"),
	CONF_ROW(struct http_conf, allow, CONF_ALLOW, "",
		 .help = "networks that may connect; empty: everybody"),
	CONF_ROW(struct http_conf, proxy_protocol, CONF_WORD, "off", .words = proxy_words,
		 .help = "a header of the PROXY protocol before the request"),
	{.key = NULL},
};

static int answer_health(struct http *http, const struct http_call *call,
			 struct http_reply *ret_reply)
{
	struct agent_call entry = {.host = call->host, .stamp_ns = env_now_ns(http->env)};
	struct http_text soft = {NULL, 0};
	bool soft_404 = false;

	if (http_request_query(call->request, "soft", &soft)) {
		soft_404 = http_text_is(&soft, "404");
		if (!soft_404) {
			http_reply_text(ret_reply, 400, "soft=404 is the only choice\n");
			return 0;
		}
	}
	http_health_answer(http->about.overview->decision, http->env->dry_run, soft_404, ret_reply);
	if (http->about.overview->decision->drain && ret_reply->status != 200)
		entry.word = AGENT_WORD_DRAIN;
	agent_callers_enter(&http->callers, call->request->agent, &entry);
	return 0;
}

/* What a document came to. */
static int reply_document(struct http_reply *ret_reply, const char *content_type, char *buffer,
			  int length)
{
	if (length < 0) {
		http_reply_text(ret_reply, 500, "the document does not fit; please report this\n");
		return 0;
	}
	http_reply_text(ret_reply, 200, "%s", "");
	ret_reply->content_type = content_type;
	ret_reply->body = buffer;
	ret_reply->length = (size_t)length;
	return 0;
}

static int answer_status(const struct http *http, char *buffer, struct http_reply *ret_reply)
{
	const struct overview *overview = http->about.overview;

	return reply_document(ret_reply, "application/json", buffer,
			      overview->status(overview, buffer, HTTP_PAGE_SIZE));
}

static int answer_metrics(const struct http *http, const struct http_request *request, char *buffer,
			  struct http_reply *ret_reply)
{
	const struct overview *overview = http->about.overview;
	struct snapshot snapshot = overview->snapshot(overview);
	bool openmetrics = http_accept_prefers(request->accept, "application/openmetrics-text",
					       "1.0.0", "text/plain");

	return reply_document(ret_reply, openmetrics ? HTTP_OPENMETRICS : HTTP_PROMETHEUS, buffer,
			      http_metrics_write(&snapshot, &http->about, openmetrics, buffer,
						 HTTP_PAGE_SIZE));
}

static int answer_page(const struct http *http, const struct http_page *page, char *buffer,
		       struct http_reply *ret_reply)
{
	int length = page->write(http->about.overview, &http->about, buffer, HTTP_PAGE_SIZE);

	reply_document(ret_reply, page->content_type, buffer, length);
	ret_reply->policy = page->policy;
	return 0;
}

static bool wants_text(const struct http_request *request)
{
	struct http_text format;

	if (http_request_query(request, "format", &format))
		return http_text_is(&format, "text");
	return http_accept_prefers(request->accept, "text/plain", NULL, "text/html");
}

/* NULL: there is no such page. */
static const struct http_page *find_page(const struct http_request *request)
{
	static const struct http_page summary = {
		.path = "/", .content_type = HTTP_PLAIN, .write = http_summary_write};
	bool root = http_text_is(&request->path, summary.path);

	if (root && wants_text(request))
		return &summary;
	for (const struct http_page *page = http_pages; page->path; page++) {
		if (http_text_is(&request->path, page->path))
			return page;
	}
	return root ? &summary : NULL;
}

static int answer_call(void *context, const struct http_call *call, char *buffer,
		       struct http_reply *ret_reply)
{
	struct http *http = context;
	const struct http_text *path = &call->request->path;

	if (http_text_is(path, "/health"))
		return answer_health(http, call, ret_reply);
	bool status = http_text_is(path, "/status.json"), metrics = http_text_is(path, "/metrics");
	const struct http_page *page = find_page(call->request);
	if (!status && !metrics && !page) {
		http_reply_refusal(ret_reply, 404);
		return 0;
	}
	if (!buffer)
		return HTTP_NEEDS_BUFFER;
	if (status)
		return answer_status(http, buffer, ret_reply);
	if (metrics)
		return answer_metrics(http, call->request, buffer, ret_reply);
	return answer_page(http, page, buffer, ret_reply);
}

static void take_caller(void *context, int fd, const union addr_any *peer)
{
	struct http *http = context;
	const struct in6_addr host = agent_host(&peer->sa);

	http_places_enter(http->places, fd, &host);
}

static bool make_room(void *context)
{
	struct http *http = context;

	return http_places_make_room(http->places);
}

static int http_open(void *self, const void *conf, const struct env *env)
{
	struct http *http = self;
	const struct http_conf *settings = conf;
	const struct listeners_conf listeners = {
		.subject = "http",
		.section = "http",
		.listen = &settings->listen,
		.allow = &settings->allow,
		.accepted = take_caller,
		.make_room = make_room,
		.context = http,
	};

	http->env = env;
	tzset(); /* for the page: reads the time zone from the disk, now and never again */
	http->places = http_places_new(env, (enum http_proxy_mode)settings->proxy_protocol,
				       answer_call, http);
	if (!http->places) {
		log_error("http: no memory or no timer left");
		return -ENOMEM;
	}
	return listeners_open(&http->listeners, &listeners, env);
}

static int http_publish(void *self, const struct report *report)
{
	struct http *http = self;

	if (report->kind == REPORT_ABOUT)
		http->about = *report->about;
	/* The decision itself stands in the overview; which of both comes first is not said. */
	http->heard |= 1u << report->kind;
	if (http->heard == WANTS)
		listeners_accept(&http->listeners);
	return 0;
}

/* Nothing is taken back on a stop; over a hand-over nobody is cut off in the middle. */
static bool http_stop(void *self)
{
	struct http *http = self;

	if (http->env->leaving != LEAVING_NOW)
		return true;
	listeners_leave(&http->listeners);
	return !http_places_busy(http->places);
}

static void write_answers(const struct http *http, struct json *json)
{
	json_object(json, "answers");
	for (size_t i = 0; i < HTTP_REPLY_CODES; i++) {
		char code[8];

		snprintf(code, sizeof(code), "%d", http_reply_codes[i].status);
		if (http->places->endpoint.answers[i] > 0)
			json_int(json, code, http->places->endpoint.answers[i]);
	}
	json_object_end(json);
}

static void http_status(const void *self, struct json *json)
{
	const struct http *http = self;
	size_t waiting, clients = http_places_count(http->places, &waiting);

	listeners_status(&http->listeners, json);
	json_int(json, "clients", (int64_t)clients);
	json_int(json, "waiting", (int64_t)waiting);
	write_answers(http, json);
	json_int(json, "displaced", http->places->displaced);
	json_int(json, "late", http->places->late);
	json_int(json, "bad_proxy_headers", http->places->endpoint.bad_headers);
}

static size_t http_balancers(const void *self, struct balancer *ret_balancers, size_t room)
{
	const struct http *http = self;
	bool drained = http->about.overview && http->about.overview->decision->drain;
	int64_t now_ns = env_now_ns(http->env);
	size_t count = 0;

	for (size_t i = 0; i < http->callers.count && count < room; i++) {
		const struct agent_caller *caller = &http->callers.list[i];
		struct balancer *balancer = &ret_balancers[count];

		if (!agent_caller_lately(caller, now_ns))
			continue;
		*balancer = (struct balancer){.by = "http",
					      .seen_ns = caller->seen_ns,
					      .interval_ns = caller->interval_ns,
					      .told = drained && caller->told ? "drain" : NULL};
		snprintf(balancer->name, sizeof(balancer->name), "%s", caller->name);
		agent_host_format(&caller->host, balancer->address, sizeof(balancer->address));
		count++;
	}
	return count;
}

static void http_close(void *self)
{
	struct http *http = self;

	listeners_close(&http->listeners);
	http_places_free(http->places);
	http->places = NULL;
}

static void http_probe(const void *conf, bool running, module_note_fn *note, void *context)
{
	const struct http_conf *settings = conf;

	if (!running)
		listeners_probe(&settings->listen, "http", note, context);
}

const struct notifier http_notifier = {
	.module =
		{
			.name = "http",
			.conf = http_items,
			.conf_size = sizeof(struct http_conf),
			.self_size = sizeof(struct http),
			.probe = http_probe,
			.open = http_open,
			.close = http_close,
		},
	.wants = WANTS,
	.publish = http_publish,
	.stop = http_stop,
	.status = http_status,
	.balancers = http_balancers,
};
