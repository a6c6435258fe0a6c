/* SPDX-License-Identifier: MIT */
/*
 * The thread dials round after round: read the credentials, look the name up, try each address, and
 * have a session with the one that answers (mqtt_session.c). Between rounds it pauses (mqtt_dial.h).
 *
 * The resolver cannot be interrupted. So the loop never waits for the thread for long, and the memory
 * belongs to whoever of the two leaves last. The ring is the loop's alone: it is taken away before the
 * thread is left to itself, because what comes after a reload opens the same file.
 */
#include "notifiers/mqtt_worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/env.h"
#include "agent/log.h"
#include "agent/sample.h"
#include "notifiers/mqtt_reason.h"
#include "notifiers/mqtt_session.h"

/*
 * 16 to 24 KiB of it are ever touched (x86-64, glibc 2.36, OpenSSL 3.0: lookups that fail and
 * succeed, TLS handshakes with RSA chains); the rest is for name service modules that are not ours
 * and costs nothing while untouched.
 */
#define STACK_SIZE (256 * 1024)
/*
 * A full flight of messages as the library holds them, document, topic and headers: 34 KiB with all readings of a
 * Pi 4. In pieces, because what is as large as M_MMAP_THRESHOLD (main.c) is mapped by itself, and gone when freed.
 */
#define HEAP_PIECES 10
#define HEAP_PIECE 4096
/* A connection that stood for that long was a good one: the pauses begin anew. */
#define GOOD_NS (30 * NS_PER_S)
#define JOIN_NS (200 * NS_PER_MS)
/* A file of our own is worth a look more often than a broker is worth a call. */
#define FILE_PAUSE_MS 60000

struct mqtt_worker {
	struct mqtt_mail mail;
	atomic_int holders; /* the loop and the thread */
	pthread_t thread;
	struct mqtt_worker_conf conf; /* constant while the thread runs */

	/* Of the thread alone. */
	struct mqtt_session session;
	bool lacks_login; /* the file is no good */
	unsigned failed;  /* rounds in a row */
	uint64_t random;
};

static void worker_release(struct mqtt_worker *worker)
{
	if (atomic_fetch_sub(&worker->holders, 1) > 1)
		return;
	mqtt_mail_close(&worker->mail);
	mqtt_login_forget(&worker->session.login);
	free(worker);
}

/* A connection that stood came to an end: what that means, for people and for the next pause. */
static void judge_end(struct mqtt_worker *worker, int64_t stood_ns)
{
	struct mqtt_session *session = &worker->session;
	struct mqtt_suspect *suspect = &session->suspect;
	const char *error = session->link.error;
	bool taken_over = session->link.farewell == MQTT_REASON_TAKEN_OVER;
	char text[2 * MQTT_TROUBLE_SIZE], trouble[MQTT_TROUBLE_SIZE];

	if (session->link.guard.broken)
		mqtt_suspect_excuse(suspect);
	else if (error[0] &&
		 mqtt_suspect_ended(suspect, session->link.hung_up, stood_ns, mqtt_clock_ns()))
		log_warning(
			"mqtt: the broker ends the connection when it gets a message for topic "
			"%s: nothing of %zu bytes and more is sent for an hour; raise the limit "
			"there (mosquitto: max_packet_size, message_size_limit), or allow the topic",
			suspect->blamed_topic == MQTT_DISCOVERY
				? "discovery"
				: mqtt_topic_kinds[suspect->blamed_topic].leaf,
			suspect->limit);
	text_copy(text, sizeof(text), error);
	if (taken_over)
		snprintf(text, sizeof(text),
			 "another client with the name %s takes over the connection: [agent] id "
			 "must be unique",
			 worker->conf.client_id);
	else if (error[0] && mqtt_suspect_has_double(suspect)) /* without: we ended it */
		snprintf(text, sizeof(text),
			 "%s again and again; if another client has the name %s, set another "
			 "[agent] id",
			 error, worker->conf.client_id);
	/* Two that fight for a name would go on for ever at full speed. */
	if (taken_over || mqtt_suspect_has_double(suspect))
		worker->failed++;
	else
		worker->failed = stood_ns >= GOOD_NS ? 1 : worker->failed + 1;
	text_copy(trouble, sizeof(trouble), text);
	mqtt_mail_tell(&worker->mail, MQTT_STAGE_PAUSE, "", trouble);
}

/* Tries each address once, and has a session with the first that answers. */
static void dial_all(struct mqtt_worker *worker)
{
	const struct mqtt_conf *settings = &worker->conf.settings;
	struct mqtt_session *session = &worker->session;
	struct mqtt_mail *mail = &worker->mail;
	struct mqtt_failures failures = {0};
	struct mqtt_address_list list;
	char trouble[MQTT_TROUBLE_SIZE];
	int result;

	mqtt_mail_tell(mail, MQTT_STAGE_LOOKUP, "", NULL);
	result = mqtt_login_read(&session->login, settings->credential_file, settings->psk, trouble,
				 sizeof(trouble));
	worker->lacks_login = result < 0;
	if (result == 0)
		result = mqtt_dial_find(settings->host, session->link_conf.port,
					mqtt_conf_tls(settings), &list, trouble, sizeof(trouble));
	for (size_t i = 0; result == 0 && i < list.count && !mqtt_mail_ends(mail); i++) {
		const char *address = list.addresses[i].text;
		int64_t stood_ns;

		mqtt_mail_tell(mail, MQTT_STAGE_CALLING, address, NULL);
		stood_ns = mqtt_session_run(session, &list.addresses[i]);
		if (stood_ns) {
			judge_end(worker, stood_ns);
			return;
		}
		if (mqtt_mail_ends(mail))
			return;
		log_debug("mqtt: %s: %s", address, session->link.error);
		mqtt_failures_add(&failures, address, session->link.error);
	}
	if (mqtt_mail_ends(mail))
		return;
	if (result == 0)
		mqtt_failures_text(&failures, trouble, sizeof(trouble));
	worker->failed++;
	mqtt_suspect_excuse(&session->suspect);
	mqtt_mail_tell(mail, MQTT_STAGE_PAUSE, "", trouble);
}

static void pause_for(struct mqtt_worker *worker, int64_t pause_ms)
{
	int64_t until_ns = mqtt_clock_ns() + pause_ms * NS_PER_MS, left_ms;

	while (!mqtt_mail_ends(&worker->mail)) {
		left_ms = (until_ns - mqtt_clock_ns() + NS_PER_MS - 1) / NS_PER_MS;
		if (left_ms <= 0)
			return;
		if (atomic_exchange(&worker->mail.hasten, false)) {
			worker->failed = 0;
			mqtt_suspect_lift(&worker->session.suspect, 0, true);
			mqtt_assistant_hearken(&worker->session.assistant);
			return;
		}
		mqtt_wait(&worker->mail, -1, 0, left_ms);
	}
}

/*
 * The library allocates for each message. Memory that this thread has touched once stays in its arena
 * and, locked, in RAM: so last words need none from a kernel that has none left.
 */
static void touch_heap(void)
{
	void *pieces[HEAP_PIECES];

	for (size_t i = 0; i < HEAP_PIECES; i++) {
		volatile char *piece = pieces[i] = malloc(HEAP_PIECE);
		if (piece)
			piece[0] = 0;
	}
	for (size_t i = 0; i < HEAP_PIECES; i++)
		free(pieces[i]);
}

static void *worker_main(void *context)
{
	struct mqtt_worker *worker = context;
	const struct mqtt_conf *settings = &worker->conf.settings;

	touch_heap();
	while (!mqtt_mail_ends(&worker->mail)) {
		int64_t first_ms = settings->reconnect_min / NS_PER_MS;
		int64_t longest_ms = settings->reconnect_max / NS_PER_MS, pause_ms;

		dial_all(worker);
		if (worker->lacks_login && longest_ms > FILE_PAUSE_MS)
			longest_ms = FILE_PAUSE_MS;
		pause_ms = mqtt_pause_ms(worker->failed, first_ms, longest_ms,
					 mqtt_random(&worker->random));
		if (!mqtt_mail_ends(&worker->mail))
			log_debug("mqtt: next attempt in %lld ms", (long long)pause_ms);
		pause_for(worker, pause_ms);
	}
	atomic_store(&worker->mail.goodbye, true);
	worker_release(worker);
	return NULL;
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

int mqtt_worker_start(const struct mqtt_worker_conf *conf, struct mqtt_ring *ring,
		      struct mqtt_worker **ret_worker)
{
	struct mqtt_worker *worker = calloc(1, sizeof(*worker));
	int result;

	if (!worker)
		return -ENOMEM;
	result = mqtt_mail_open(&worker->mail, ring, conf->settings.history_rate);
	if (result < 0) {
		free(worker);
		return result;
	}
	worker->conf = *conf;
	worker->random = conf->seed ? conf->seed : 1;
	mqtt_session_init(&worker->session, &worker->conf, &worker->mail);
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

size_t mqtt_worker_discovery_count(const struct mqtt_worker *worker, const struct about *about)
{
	const struct mqtt_discovery discovery = mqtt_session_discovery(&worker->conf, about);

	return mqtt_assistant_count((enum mqtt_conf_discovery)worker->conf.settings.discovery,
				    &discovery);
}

struct mqtt_mail *mqtt_worker_mail(struct mqtt_worker *worker)
{
	return &worker->mail;
}

bool mqtt_worker_finish(struct mqtt_worker *worker, bool discreet)
{
	mqtt_mail_finish(&worker->mail, discreet);
	/* Without a connection there is nobody to tell, and the flag keeps a new one from being made. Of one that
	 * comes up just now the broker sends the will, but for a hand-over. */
	return atomic_load(&worker->mail.goodbye) ||
	       atomic_load(&worker->mail.stage) != MQTT_STAGE_CONNECTED;
}

/* Returns true if the thread has ended. */
static bool join(struct mqtt_worker *worker)
{
	int64_t until_ns = mqtt_clock_ns() + JOIN_NS;
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
	bool ended;

	if (!worker)
		return;
	mqtt_mail_quit(&worker->mail);
	ended = join(worker);
	mqtt_mail_detach(&worker->mail);
	if (ended) {
		mqtt_link_library_close();
	} else {
		/* The library counts who opened it, so this one keeps it open. */
		log_debug("mqtt: its thread is left behind until it ends by itself");
		pthread_detach(worker->thread);
	}
	worker_release(worker);
}
