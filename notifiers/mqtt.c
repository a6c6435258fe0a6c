/* SPDX-License-Identifier: MIT */
/*
 * The notifier on the loop's side: reports become documents and go into the worker's mail; what the
 * worker tells about the connection comes back through a descriptor and is kept for status, metrics
 * and the log. Everything that could wait happens in the worker's thread.
 *
 * A lost connection is told once, and again only if the reason changes. Its end is told when the next
 * connection has stood for some seconds, and for twice as long each time that it comes back soon, so
 * that a broker which throws us out again and again (a second client with our name does that) does not
 * fill the log.
 *
 * A guard must not be lost because of its dashboard: whatever keeps the thread from starting is told
 * and tried again later, and the agent goes on without MQTT. Reports wait in the core until then.
 */
#include "notifiers/notifiers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "agent/render.h"
#include "agent/sentence.h"
#include "notifiers/mqtt_inspect.h"
#include "notifiers/mqtt_probe.h"
#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_ring.h"
#include "notifiers/mqtt_status.h"
#include "notifiers/mqtt_worker.h"

#define STEADY_NS (5 * NS_PER_S)
#define STEADY_MOST_NS (900 * NS_PER_S)
#define RETRY_NS (60 * NS_PER_S)

enum {
	METRIC_RING_USED,
	METRIC_RING_DROPPED,
	METRICS,
};

static const struct metric metrics[METRICS] = {
	[METRIC_RING_USED] = {.group = "self",
			      .name = "ring_used",
			      .kind = METRIC_GAUGE,
			      .unit = UNIT_COUNT,
			      .help = "messages that wait for the MQTT broker"},
	[METRIC_RING_DROPPED] = {.group = "self",
				 .name = "ring_dropped",
				 .kind = METRIC_COUNTER,
				 .unit = UNIT_COUNT,
				 .help = "samples and events that never reached the MQTT broker, "
					 "for want of room"},
};

static const enum mqtt_topic report_topics[REPORT_KINDS] = {
	[REPORT_ABOUT] = MQTT_ABOUT,
	[REPORT_SAMPLE] = MQTT_STATE,
	[REPORT_DECISION] = MQTT_WEIGHT,
	[REPORT_EVENT] = MQTT_EVENT,
};

/* "[" + host + "]:" + port */
#define BROKER_SIZE (MQTT_HOST_SIZE + 16)
#define RING_REASON_SIZE 128

struct mqtt {
	const struct mqtt_conf *conf;
	const struct env *env;
	struct mqtt_ring_file *file;
	struct mqtt_ring *ring;
	char ring_reason[RING_REASON_SIZE]; /* why the ring is not in a file; empty: it is */
	struct mqtt_worker *worker;	    /* NULL: switched off, or it could not be started */
	struct watch *watch;
	char broker[BROKER_SIZE];
	struct mqtt_news news;		      /* the newest we know */
	char last_trouble[MQTT_TROUBLE_SIZE]; /* stays after it is over, for status */
	int64_t since_ns; /* when it changed last; monotonic, the calendar may be set */
	int64_t connected_ns;
	int64_t steady_ns; /* how long a connection must stand for the trouble to be over */
	int64_t retry_ns;  /* when to try again to start the thread */
	bool leaving;	   /* nothing is started any more */
	uint64_t too_long; /* events that are longer than their place */
	struct complaint connection, length;
	char document[RENDER_SIZE];
};

static bool is_connected(const struct mqtt *self)
{
	return self->news.stage == MQTT_STAGE_CONNECTED;
}

/* The trouble is over if this connection stands. */
static void settle(struct mqtt *self, int64_t now_ns)
{
	char subject[sizeof(self->broker) + 16];
	int64_t stood_ns = now_ns - self->connected_ns;

	if (!is_connected(self) || stood_ns < self->steady_ns)
		return;
	snprintf(subject, sizeof(subject), "mqtt: broker %s", self->broker);
	if (complaint_clear(&self->connection, subject) && self->steady_ns < STEADY_MOST_NS)
		self->steady_ns *= 2;
	else if (stood_ns >= STEADY_MOST_NS)
		self->steady_ns = STEADY_NS;
}

/* A trouble is kept for status and goes into the log when it is another one than before. */
static void take_trouble(struct mqtt *self, const char *trouble)
{
	text_copy(self->last_trouble, sizeof(self->last_trouble), trouble);
	complaint_raise(&self->connection, "mqtt: broker %s: %s", self->broker, trouble);
}

/* Takes in what the worker tells. If it holds the lock just now, the descriptor stays readable. */
static void hear(struct mqtt *self)
{
	bool was_connected = is_connected(self);
	uint64_t connections = self->news.connections;

	if (mqtt_mail_news(mqtt_worker_mail(self->worker), &self->news) < 0)
		return;
	if (is_connected(self) != was_connected)
		self->since_ns = env_now_ns(self->env);
	/* One that is over again already has nothing but its trouble to be told. */
	if (self->news.connections != connections && is_connected(self)) {
		self->connected_ns = env_now_ns(self->env);
		if (self->connection.text[0])
			log_debug("mqtt: connected to %s", self->news.address);
		else
			log_info("mqtt: connected to %s at %s", self->broker, self->news.address);
	}
	if (self->news.trouble[0])
		take_trouble(self, self->news.trouble);
}

static void on_news(void *context, unsigned events)
{
	(void)events;
	hear(context);
}

/* On failure writes one sentence that says what to do. */
static int describe_worker(const struct mqtt *self, struct mqtt_worker_conf *conf, char *ret_error,
			   size_t size)
{
	const char *id = self->env->id;
	int length = snprintf(conf->client_id, sizeof(conf->client_id), "hostingpi-%s", id);

	if (length >= (int)sizeof(conf->client_id))
		return sentence_fail(-ENAMETOOLONG, ret_error, size,
				     "the id of this Pi is too long: set another one in [agent]");
	for (enum mqtt_topic topic = 0; topic < MQTT_TOPICS; topic++) {
		const char *leaf = mqtt_topic_kinds[topic].leaf;
		if (leaf && mqtt_topic_build(self->conf->prefix, id, leaf, conf->topics[topic],
					     sizeof(conf->topics[topic])) < 0)
			return sentence_fail(-ENAMETOOLONG, ret_error, size,
					     "prefix and id are too long together: shorten prefix");
	}
	conf->settings = *self->conf;
	conf->seed = (uint64_t)env_entropy(self->env) << 32 | env_entropy(self->env);
	return 0;
}

/* What waits there from an earlier life is told first. */
static int open_ring(struct mqtt *self)
{
	/* Who only has a look must not take the file from the daemon; nothing can be made in "". */
	const char *run_dir = self->env->passing ? "" : self->env->run_dir;
	struct mqtt_ring_counts counts;
	int result;

	if (self->ring)
		return 0;
	result = mqtt_ring_file_open(&self->file, run_dir, self->ring_reason,
				     sizeof(self->ring_reason));
	if (result < 0)
		return result;
	self->ring = mqtt_ring_new(mqtt_ring_file_memory(self->file));
	if (!self->ring) {
		mqtt_ring_file_close(self->file);
		self->file = NULL;
		return -ENOMEM;
	}
	counts = mqtt_ring_counts(self->ring);
	if (counts.samples || counts.events)
		log_notice("mqtt: %zu samples and %zu events wait from before", counts.samples,
			   counts.events);
	if (counts.lost)
		log_warning("mqtt: %llu samples and events from before cannot be read",
			    (unsigned long long)counts.lost);
	return 0;
}

static void start_worker(struct mqtt *self)
{
	struct mqtt_worker_conf conf = {0};
	char error[MQTT_TROUBLE_SIZE];
	int result = describe_worker(self, &conf, error, sizeof(error));

	if (result == 0) {
		result = open_ring(self);
		if (result == 0)
			result = mqtt_worker_start(&conf, self->ring, &self->worker);
		if (result < 0)
			sentence_fail(result, error, sizeof(error),
				      "cannot start the thread: %s; the next attempt is in 60 s",
				      strerrordesc_np(-result));
	}
	if (result < 0) {
		self->retry_ns = env_now_ns(self->env) + RETRY_NS;
		take_trouble(self, error);
		return;
	}
	/* Without a loop, and if it has no place left, read() asks for the news each second. */
	self->watch = env_watch(self->env, mqtt_worker_mail(self->worker)->news_fd, WATCH_READ,
				on_news, self);
}

/* Whoever listens on the way reads it. */
static void warn_of_clear_password(const struct mqtt *self)
{
	static const char *const own[] = {"localhost", "::1", "127.0.0.1"};

	if (!self->conf->credential_file[0] || mqtt_conf_tls(self->conf))
		return;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(self->conf->host, own[i]) == 0)
			return;
	}
	log_warning("mqtt: the password goes to %s without encryption: set ca_file", self->broker);
}

static int mqtt_open(void *context, const void *settings, const struct env *env)
{
	struct mqtt *self = context;

	self->conf = settings;
	self->env = env;
	self->since_ns = env_now_ns(env);
	self->steady_ns = STEADY_NS;
	if (!self->conf->host[0])
		return 0;
	snprintf(self->broker, sizeof(self->broker),
		 strchr(self->conf->host, ':') ? "[%s]:%d" : "%s:%d", self->conf->host,
		 mqtt_conf_port(self->conf));
	warn_of_clear_password(self);
	start_worker(self);
	return 0;
}

static int mqtt_read(void *context, int64_t now_ns, struct batch *ret_batch)
{
	struct mqtt *self = context;

	if (!self->worker && self->conf->host[0] && !self->leaving && now_ns >= self->retry_ns)
		start_worker(self);
	if (!self->worker) {
		const char *off = self->conf->host[0]
					  ? "MQTT could not be started: see the log"
					  : "MQTT is switched off: set host in section [mqtt]";
		batch_unknown(ret_batch, METRIC_RING_USED, off);
		batch_unknown(ret_batch, METRIC_RING_DROPPED, off);
		return 0;
	}
	if (mqtt_ring_file_was_cut(self->file, self->ring_reason, sizeof(self->ring_reason))) {
		mqtt_ring_scrap(self->ring);
		log_warning("mqtt: %s: what waited is lost", self->ring_reason);
	}
	hear(self);
	settle(self, now_ns);
	batch_value(ret_batch, METRIC_RING_USED, (int64_t)mqtt_news_waiting(&self->news));
	batch_value(ret_batch, METRIC_RING_DROPPED,
		    (int64_t)(mqtt_news_thinned(&self->news) + self->news.ring.displaced +
			      self->too_long));
	return 0;
}

/* Puts the document of length bytes into the mail. */
static int put(struct mqtt *self, const struct report *report, size_t length)
{
	struct mqtt_mail *mail = mqtt_worker_mail(self->worker);

	switch (report->kind) {
	case REPORT_ABOUT:
		return mqtt_mail_put_about(mail, report->about,
					   mqtt_worker_discovery_count(self->worker, report->about),
					   self->document, length);
	case REPORT_SAMPLE:
		return mqtt_mail_put_sample(mail, report->snapshot->now_ns, self->document, length);
	case REPORT_DECISION:
	case REPORT_EVENT:
	case REPORT_MESSAGE: /* not wanted */
	case REPORT_KINDS:
		break;
	}
	return mqtt_mail_put(mail, report_topics[report->kind], self->document, length);
}

static int mqtt_publish(void *context, const struct report *report)
{
	struct mqtt *self = context;
	int length, result;

	if (!self->worker)
		return self->conf->host[0] ? NOTIFIER_BUSY : 0;
	/* Balancers may follow the weight: in a dry run they must stay as they are. */
	if (report->kind == REPORT_DECISION && self->env->dry_run)
		return 0;
	length = render_report(self->document, sizeof(self->document), report);
	result = length < 0 ? length : put(self, report, (size_t)length);
	if (result == -EAGAIN)
		return NOTIFIER_BUSY;
	if (result < 0) {
		if (report->kind == REPORT_EVENT)
			self->too_long++;
		complaint_raise(&self->length, "mqtt: a message for topic %s is too long",
				mqtt_topic_kinds[report_topics[report->kind]].leaf);
	}
	return result;
}

static bool mqtt_stop(void *context)
{
	struct mqtt *self = context;

	self->leaving = true;
	return !self->worker || mqtt_worker_finish(self->worker, self->env->leaving != LEAVING_NOT);
}

static void mqtt_close(void *context)
{
	struct mqtt *self = context;

	watch_end(self->watch);
	self->watch = NULL;
	mqtt_worker_close(self->worker);
	self->worker = NULL;
	mqtt_ring_free(self->ring);
	self->ring = NULL;
	mqtt_ring_file_close(self->file);
	self->file = NULL;
}

static void mqtt_status(const void *context, struct json *json)
{
	const struct mqtt *self = context;
	int64_t ago_ms = (env_now_ns(self->env) - self->since_ns) / NS_PER_MS;
	const struct mqtt_status status = {
		.conf = self->conf,
		.news = &self->news,
		.broker = self->broker,
		.trouble = self->last_trouble,
		.ring_reason = self->ring_reason,
		.started = self->worker != NULL,
		.since_ms = env_wall_ms(self->env) - ago_ms,
		.too_long = self->too_long,
	};

	mqtt_status_write(json, &status);
}

const struct notifier mqtt_notifier = {
	.module =
		{
			.name = "mqtt",
			.metrics = metrics,
			.metric_count = METRICS,
			.conf = mqtt_conf_items,
			.conf_size = sizeof(struct mqtt_conf),
			.self_size = sizeof(struct mqtt),
			.period_ns = NS_PER_S,
			.library = mqtt_link_library,
			.check = mqtt_conf_check,
			.inspect = mqtt_inspect,
			.probe = mqtt_probe,
			.open = mqtt_open,
			.read = mqtt_read,
			.close = mqtt_close,
		},
	.wants = 1u << REPORT_ABOUT | 1u << REPORT_SAMPLE | 1u << REPORT_DECISION |
		 1u << REPORT_EVENT,
	.publish = mqtt_publish,
	.stop = mqtt_stop,
	.status = mqtt_status,
};
