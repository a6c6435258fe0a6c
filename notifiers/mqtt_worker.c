/* SPDX-License-Identifier: MIT */
/*
 * The thread dials round after round: read the credentials, look the name up, try each address, and
 * as long as a connection stands carry messages from the mail to the library, which is given one only
 * when it has got rid of the last. So nothing piles up there, neither while disconnected nor while
 * the broker does not read. Between rounds it pauses (mqtt_dial.h).
 *
 * The resolver cannot be interrupted. So the loop never waits for the thread for long, and the memory
 * belongs to whoever of the two leaves last.
 */
#include "notifiers/mqtt_worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/env.h"
#include "agent/log.h"
#include "agent/sample.h"
#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_login.h"

/*
 * 16 to 24 KiB of it are ever touched (x86-64, glibc 2.36, OpenSSL 3.0: lookups that fail and
 * succeed, TLS handshakes with RSA chains); the rest is for name service modules that are not ours
 * and costs nothing while untouched.
 */
#define STACK_SIZE (256 * 1024)
/* A full flight of messages as the library holds them: document, topic and headers. */
#define HEAP_BYTES (32 * 1024)
/* A connection that stood for that long was a good one: the pauses begin anew. */
#define GOOD_NS (30 * NS_PER_S)
/* A broker that takes messages but does not acknowledge one for that long is left. */
#define SILENCE_NS (60 * NS_PER_S)
/* At the end: for messages that still wait; the rest of the caller's 3 s is for "offline". */
#define FLUSH_NS (NS_PER_S / 2)
#define FLUSH_STEP_MS 50
#define JOIN_NS (200 * NS_PER_MS)
/* A file of our own is worth a look more often than a broker is worth a call. */
#define FILE_PAUSE_MS 60000

struct mqtt_worker {
	struct mqtt_mail mail;
	atomic_int holders; /* the loop and the thread */
	pthread_t thread;

	/* Of the thread alone. */
	struct mqtt_worker_conf conf;
	struct mqtt_link_conf link_conf;
	struct mqtt_link link;
	struct mqtt_login login;
	bool lacks_login; /* the file is no good */
	uint64_t random;
	int64_t answered_ns; /* the last PUBACK, or when the first message left that waits for one */
	int64_t finish_ns;   /* when the request for goodbye was seen; 0: not yet */
	char buffer[MQTT_DOCUMENT_SIZE];
};

static int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void worker_release(struct mqtt_worker *worker)
{
	if (atomic_fetch_sub(&worker->holders, 1) > 1)
		return;
	mqtt_mail_close(&worker->mail);
	mqtt_login_forget(&worker->login);
	free(worker);
}

static void on_acknowledged(void *context, int number)
{
	struct mqtt_worker *worker = context;

	if (mqtt_mail_acknowledged(&worker->mail, number))
		worker->answered_ns = clock_ns();
}

/* Waits for the loop's call, and for fd (negative: none). Returns what poll() said of fd. */
static short wait_for(struct mqtt_worker *worker, int fd, short events, int timeout_ms)
{
	struct pollfd fds[] = {
		{.fd = worker->mail.wake_fd, .events = POLLIN},
		{.fd = fd, .events = events},
	};

	if (poll(fds, 2, timeout_ms) <= 0)
		return 0;
	if (fds[0].revents)
		mqtt_mail_hush(worker->mail.wake_fd);
	return fds[1].revents;
}

/* Carries messages to the library as long as it gets rid of them. */
static int carry(struct mqtt_worker *worker, int64_t now_ns)
{
	unsigned flying = 0;

	while (mqtt_link_idle(&worker->link)) {
		const struct mqtt_topic_kind *kind;
		struct mqtt_message message;
		struct mqtt_post post;
		int number;

		if (!mqtt_mail_take(&worker->mail, &message, worker->buffer, &flying))
			break;
		kind = &mqtt_topic_kinds[message.topic];
		post = (struct mqtt_post){.topic = worker->conf.topics[message.topic],
					  .data = worker->buffer,
					  .length = message.length,
					  .qos = kind->qos,
					  .retain = kind->retain};
		if (mqtt_link_publish(&worker->link, &post, &number) < 0)
			return -ECONNABORTED;
		if (!flying)
			worker->answered_ns = now_ns;
		mqtt_mail_sent(&worker->mail, &message, number);
	}
	if (flying && now_ns - worker->answered_ns >= SILENCE_NS) {
		text_copy(worker->link.error, sizeof(worker->link.error),
			  "the broker does not acknowledge messages");
		return -ECONNABORTED;
	}
	return 0;
}

/* The way out: what waits, for a moment, then "offline", then DISCONNECT. True when all is done. */
static bool say_goodbye(struct mqtt_worker *worker, int64_t now_ns)
{
	if (!worker->finish_ns)
		worker->finish_ns = now_ns;
	if (!mqtt_mail_sign_off(&worker->mail, now_ns - worker->finish_ns >= FLUSH_NS))
		return false;
	mqtt_link_goodbye(&worker->link);
	return true;
}

/*
 * One connection, to its end. Returns how long it stood in nanoseconds, 0 if it never came up; the
 * reason stands in link.error, empty if we ended it ourselves.
 */
static int64_t session(struct mqtt_worker *worker, const struct mqtt_address *address)
{
	struct mqtt_link *link = &worker->link;
	int64_t now_ns = clock_ns(), since_ns = 0;
	int result = mqtt_link_open(link, &worker->link_conf, address, now_ns);

	while (result == 0 && !atomic_load(&worker->mail.quit)) {
		int timeout_ms;
		short events = mqtt_link_events(link, now_ns, &timeout_ms), revents;

		if (worker->finish_ns && timeout_ms > FLUSH_STEP_MS)
			timeout_ms = FLUSH_STEP_MS;
		revents = wait_for(worker, link->fd, events, timeout_ms);
		now_ns = clock_ns();
		result = mqtt_link_step(link, revents, now_ns);
		if (result < 0)
			break;
		if (link->phase != MQTT_LINK_UP) {
			if (atomic_load(&worker->mail.finish))
				break;
			continue;
		}
		if (!since_ns) {
			since_ns = worker->answered_ns = now_ns;
			mqtt_mail_restart(&worker->mail);
			mqtt_mail_tell(&worker->mail, MQTT_STAGE_CONNECTED, address->text, "");
		}
		if (atomic_load(&worker->mail.finish) && say_goodbye(worker, now_ns))
			break;
		result = carry(worker, now_ns);
	}
	if (result == 0)
		link->error[0] = '\0';
	mqtt_link_close(link);
	return since_ns ? now_ns - since_ns + 1 : 0;
}

/* Tries each address once. Returns how long the connection stood. */
static int64_t dial_all(struct mqtt_worker *worker)
{
	const struct mqtt_conf *settings = &worker->conf.settings;
	struct mqtt_mail *mail = &worker->mail;
	struct mqtt_failures failures = {0};
	struct mqtt_address_list list;
	char trouble[MQTT_TROUBLE_SIZE];
	int result;

	mqtt_mail_tell(mail, MQTT_STAGE_LOOKUP, "", NULL);
	result = mqtt_login_read(&worker->login, settings->credential_file, settings->psk, trouble,
				 sizeof(trouble));
	worker->lacks_login = result < 0;
	if (result == 0)
		result = mqtt_dial_find(settings->host, worker->link_conf.port,
					mqtt_conf_tls(settings), &list, trouble, sizeof(trouble));
	if (mqtt_mail_ends(mail))
		return 0;
	for (size_t i = 0; result == 0 && i < list.count; i++) {
		const char *address = list.addresses[i].text;
		int64_t stood_ns;

		mqtt_mail_tell(mail, MQTT_STAGE_CALLING, address, NULL);
		stood_ns = session(worker, &list.addresses[i]);
		if (stood_ns) {
			mqtt_mail_tell(mail, MQTT_STAGE_PAUSE, "", worker->link.error);
			return stood_ns;
		}
		if (mqtt_mail_ends(mail))
			return 0;
		log_debug("mqtt: %s: %s", address, worker->link.error);
		mqtt_failures_add(&failures, address, worker->link.error);
	}
	if (result == 0)
		mqtt_failures_text(&failures, trouble, sizeof(trouble));
	mqtt_mail_tell(mail, MQTT_STAGE_PAUSE, "", trouble);
	return 0;
}

static void pause_for(struct mqtt_worker *worker, int64_t pause_ms)
{
	int64_t until_ns = clock_ns() + pause_ms * NS_PER_MS, left_ms;

	while (!mqtt_mail_ends(&worker->mail)) {
		left_ms = (until_ns - clock_ns() + NS_PER_MS - 1) / NS_PER_MS;
		if (left_ms <= 0)
			return;
		wait_for(worker, -1, 0, (int)left_ms);
	}
}

/*
 * The library allocates for each message. Memory that this thread has touched once stays in its arena
 * and, locked, in RAM: so last words need none from a kernel that has none left.
 */
static void touch_heap(void)
{
	volatile char *memory = malloc(HEAP_BYTES);

	for (size_t i = 0; memory && i < HEAP_BYTES; i += 4096)
		memory[i] = 0;
	free((void *)memory);
}

static void *worker_main(void *context)
{
	struct mqtt_worker *worker = context;
	unsigned failed = 0;

	touch_heap();
	while (!mqtt_mail_ends(&worker->mail)) {
		const struct mqtt_conf *settings = &worker->conf.settings;
		int64_t longest_ms = settings->reconnect_max / NS_PER_MS, pause_ms;

		failed = dial_all(worker) >= GOOD_NS ? 1 : failed + 1;
		if (worker->lacks_login && longest_ms > FILE_PAUSE_MS)
			longest_ms = FILE_PAUSE_MS;
		pause_ms = mqtt_pause_ms(failed, settings->reconnect_min / NS_PER_MS, longest_ms,
					 mqtt_random(&worker->random));
		if (!mqtt_mail_ends(&worker->mail))
			log_debug("mqtt: next attempt in %lld ms", (long long)pause_ms);
		pause_for(worker, pause_ms);
	}
	atomic_store(&worker->mail.goodbye, true);
	worker_release(worker);
	return NULL;
}

static void describe_link(struct mqtt_worker *worker)
{
	struct mqtt_worker_conf *conf = &worker->conf;

	worker->link_conf = (struct mqtt_link_conf){
		.host = conf->settings.host,
		.port = mqtt_conf_port(&conf->settings),
		.keepalive_s = (int)(conf->settings.keepalive / NS_PER_S),
		.client_id = conf->client_id,
		.will_topic = conf->topics[MQTT_AVAILABILITY],
		.will = MQTT_OFFLINE,
		.username = worker->login.username,
		.password = worker->login.password,
		.v5 = conf->settings.protocol == MQTT_CONF_PROTOCOL_5,
		.tls = mqtt_conf_tls(&conf->settings),
		.ca_file = conf->settings.ca_file,
		.ca_path = conf->settings.ca_path,
		.cert_file = conf->settings.cert_file,
		.key_file = conf->settings.key_file,
		.psk_identity = worker->login.psk_identity,
		.psk = worker->login.psk,
		.tls_version_minor = conf->settings.tls_version == MQTT_CONF_TLS_1_3 ? 3 : 2,
	};
	worker->link.acknowledged = on_acknowledged;
	worker->link.context = worker;
}

/* Signals belong to the loop: the thread is born with all of them blocked. */
static int start_thread(struct mqtt_worker *worker)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int error = pthread_attr_init(&attributes);

	if (error)
		return -error;
	sigfillset(&all);
	error = pthread_attr_setstacksize(&attributes, STACK_SIZE);
	if (!error)
		error = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!error) {
		atomic_store(&worker->holders, 2);
		error = pthread_create(&worker->thread, &attributes, worker_main, worker);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attributes);
	if (error)
		atomic_store(&worker->holders, 1);
	else
		pthread_setname_np(worker->thread, "mqtt");
	return -error;
}

int mqtt_worker_start(const struct mqtt_worker_conf *conf, struct mqtt_worker **ret_worker)
{
	struct mqtt_worker *worker = calloc(1, sizeof(*worker));
	int result;

	if (!worker)
		return -ENOMEM;
	result = mqtt_mail_open(&worker->mail);
	if (result < 0) {
		free(worker);
		return result;
	}
	worker->conf = *conf;
	worker->random = conf->seed ? conf->seed : 1;
	describe_link(worker);
	atomic_store(&worker->holders, 1);
	result = mqtt_link_library_open();
	if (result == 0) {
		result = start_thread(worker);
		if (result < 0)
			mqtt_link_library_close();
	}
	if (result < 0) {
		worker_release(worker);
		return result;
	}
	*ret_worker = worker;
	return 0;
}

struct mqtt_mail *mqtt_worker_mail(struct mqtt_worker *worker)
{
	return &worker->mail;
}

bool mqtt_worker_finish(struct mqtt_worker *worker)
{
	mqtt_mail_finish(&worker->mail);
	/* Without a connection there is nobody to tell, and the flag keeps a new one from being made.
	 * A connection that comes up just now ends with close(), and the broker sends the will. */
	return atomic_load(&worker->mail.goodbye) ||
	       atomic_load(&worker->mail.stage) != MQTT_STAGE_CONNECTED;
}

/* Returns true if the thread has ended. */
static bool join(struct mqtt_worker *worker)
{
	int64_t until_ns = clock_ns() + JOIN_NS;
	const struct timespec until = {
		.tv_sec = (time_t)(until_ns / NS_PER_S),
		.tv_nsec = (long)(until_ns % NS_PER_S),
	};

	/* The loop goes on after a reload, and its callers must not feel it. */
	if (!atomic_load(&worker->mail.finish))
		return pthread_tryjoin_np(worker->thread, NULL) == 0;
	return pthread_clockjoin_np(worker->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
}

void mqtt_worker_close(struct mqtt_worker *worker)
{
	if (!worker)
		return;
	mqtt_mail_quit(&worker->mail);
	if (join(worker)) {
		mqtt_link_library_close();
	} else {
		/* The library counts who opened it, so this one keeps it open. */
		log_debug("mqtt: its thread is left behind until it ends by itself");
		pthread_detach(worker->thread);
	}
	worker_release(worker);
}
