/* SPDX-License-Identifier: MIT */
/*
 * The whole HTTP notifier in a loop that is turned by hand, over a made-up overview. To be included once by a
 * test program.
 */
#ifndef HOSTINGPI_TEST_HTTP_FIXTURE_H
#define HOSTINGPI_TEST_HTTP_FIXTURE_H

#include "agent/render.h"
#include "agent/state.h"
#include "notifiers/http_page.h"
#include "notifiers/notifiers.h"
#include "tests/unit/hand-loop.h"

/* A status document that fits into no socket buffer at once. */
#define BIG_STATUS 90000

struct fixture {
	struct loop loop;
	struct env env;
	void *conf, *self;
	struct addr ports[2]; /* IPv6, IPv4 */
	struct decision decision;
	struct state *state;
	struct state_source source;
	struct history *history;
	struct diary diary;
	struct overview overview;
	struct about about;
	int status_length; /* of the status document, or negative */
	char answer[131072];
};

static const struct decision NORMAL = {
	.state = CONTROL_NORMAL,
	.reason = "fine",
	.weight_pct = 100,
	.maxconn = 12,
	.capacity = 12,
	.nominal = 12,
	.balancers = 1,
	.maxconn_known = true,
	.nominal_known = true,
};

static const char *const kinds[] = {"none", "disk", NULL};

static const struct metric fixture_metrics[] = {
	{.group = "mem", .name = "total_bytes", .unit = UNIT_BYTES, .help = "all memory"},
	{.group = "mem", .name = "psi_ratio", .unit = UNIT_PPM, .help = "pressure"},
	{.group = "soc", .name = "temp_c", .unit = UNIT_MILLI_CELSIUS, .help = "temperature"},
	{.group = "soc", .name = "throttled", .unit = UNIT_BOOL, .help = "clock is lowered"},
	{.group = "swap", .name = "kind", .unit = UNIT_WORD, .words = kinds, .help = "swap"},
	{.group = "web",
	 .name = "requests_total",
	 .rate_name = "requests_s",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_COUNT,
	 .help = "requests"},
	{.group = "sd",
	 .name = "errors",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_COUNT,
	 .help = "errors"},
	{.group = "lb", .name = "reason", .unit = UNIT_TEXT, .help = "why"},
	{.group = "net",
	 .rate_name = "rx_bytes_s",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_BYTES,
	 .help = "received"},
};
#define FIXTURE_METRICS (sizeof(fixture_metrics) / sizeof(fixture_metrics[0]))

static inline int fixture_status(const struct overview *overview, char *buffer, size_t size)
{
	const struct fixture *f = overview->context;

	if (f->status_length < 0 || (size_t)f->status_length > size)
		return -ENOSPC;
	memset(buffer, 's', (size_t)f->status_length);
	return f->status_length;
}

static inline size_t fixture_balancers(const struct overview *overview,
				       struct balancer *ret_balancers, size_t room)
{
	const struct fixture *f = overview->context;

	return http_notifier.balancers(f->self, ret_balancers, room);
}

static inline struct snapshot fixture_snapshot(const struct overview *overview)
{
	const struct fixture *f = overview->context;

	return (struct snapshot){.now_ns = f->loop.now_ns, .state = f->state, .seq = 1};
}

/* All readings but the two of which nothing is known: soc.temp_c, and the rate of what was read once. */
static inline void fixture_read(struct fixture *f)
{
	struct batch batch;

	batch_reset(&batch);
	batch_value(&batch, 0, 1024000);
	batch_value(&batch, 1, 250000);
	batch_unknown(&batch, 2, "no sensor \"x\\y\", tried 12 of them");
	batch_value(&batch, 3, 1);
	batch_value(&batch, 4, 1);
	batch_value(&batch, 5, 42);
	batch_value(&batch, 6, 7);
	batch_text(&batch, 7, "memory shrinks 12.5 MB/s");
	batch_value(&batch, 8, 1000);
	state_update(f->state, f->source, &batch, f->loop.now_ns);
}

static inline void configure(struct fixture *f, const char *key, const char *value)
{
	set_conf(&http_notifier, f->conf, key, value);
}

static int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop.now_ns = 1000 * NS_PER_S;
	f->env = (struct env){.loop = &f->loop, .now_ns = fake_now_ns, .run_dir = "/nonexistent"};
	f->conf = calloc(1, http_notifier.module.conf_size);
	f->self = calloc(1, http_notifier.module.self_size);
	f->decision = NORMAL;
	f->state = state_new(FIXTURE_METRICS);
	assert_int_equal(
		state_add(f->state, fixture_metrics, FIXTURE_METRICS, INT64_MAX, &f->source), 0);
	fixture_read(f);
	f->status_length = 100;
	f->history = history_new(f->state);
	f->overview = (struct overview){
		.history = f->history,
		.diary = &f->diary,
		.decision = &f->decision,
		.status = fixture_status,
		.balancers = fixture_balancers,
		.snapshot = fixture_snapshot,
		.context = f,
	};
	f->about = (struct about){.id = "lab", .version = "1", .overview = &f->overview};
	the_loop = &f->loop;
	configure(f, "listen", "[::1]:0, 127.0.0.1:0");
	configure(f, "allow", "");
	configure(f, "proxy_protocol", "off");
	*state = f;
	return 0;
}

static int fixture_tear_down(void **state)
{
	struct fixture *f = *state;

	http_notifier.module.close(f->self);
	http_notifier.module.close(f->self); /* twice is harmless */
	assert_int_equal(count_watches(&f->loop), 0);
	for (size_t i = 0; i < TIMERS; i++)
		assert_false(f->loop.timers[i].used);
	history_free(f->history);
	state_free(f->state);
	free(f->conf);
	free(f->self);
	free(f);
	return 0;
}

static inline void publish_about(struct fixture *f)
{
	const struct report report = {.kind = REPORT_ABOUT, .about = &f->about};

	assert_int_equal(http_notifier.publish(f->self, &report), 0);
}

static inline void publish_decision(struct fixture *f)
{
	const struct report report = {.kind = REPORT_DECISION, .decision = &f->decision};

	assert_int_equal(http_notifier.publish(f->self, &report), 0);
}

/* Open and accepting. */
static inline void open_notifier(struct fixture *f)
{
	assert_int_equal(http_notifier.module.open(f->self, f->conf, &f->env), 0);
	read_ports(&http_notifier, f->self, f->ports);
	publish_about(f);
	publish_decision(f);
}

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* A whole connection: what is said, all of what is answered, the end. The answer is in f->answer. */
static inline const char *ask(struct fixture *f, const char *text)
{
	int fd = dial(&f->ports[0], text);

	read_all(&f->loop, fd, f->answer, sizeof(f->answer));
	close(fd);
	run_once(&f->loop, 10);
	return f->answer;
}

/* The answer to GET of a path with HTTP/1.0. */
static inline const char *get(struct fixture *f, const char *path)
{
	char text[256];

	snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\n\r\n", path);
	return ask(f, text);
}

/* Reads one answer of a connection that stays open; its body must have at least one byte. */
static inline const char *read_one(struct fixture *f, int fd)
{
	size_t used = 0;

	f->answer[0] = '\0';
	for (int waited_ms = 0; waited_ms < DEADLINE_MS; waited_ms += 10) {
		const char *body = strstr(f->answer, "\r\n\r\n");
		const char *length = strstr(f->answer, "Content-Length: ");

		if (body && length &&
		    used == (size_t)(body + 4 - f->answer) + strtoul(length + 16, NULL, 10))
			return f->answer;
		ssize_t n = recv(fd, f->answer + used, sizeof(f->answer) - 1 - used, MSG_DONTWAIT);
		assert_int_not_equal(n, 0);
		if (n > 0)
			used += (size_t)n;
		else
			run_once(&f->loop, 10);
		f->answer[used] = '\0';
	}
	fail_msg("no answer");
	return NULL;
}

static inline bool begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static inline bool is_closed(struct fixture *f, int fd)
{
	char byte;

	run_once(&f->loop, 0);
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

#endif
