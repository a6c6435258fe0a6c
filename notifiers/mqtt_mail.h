/* SPDX-License-Identifier: MIT */
/*
 * What the loop and the worker's thread share: the queue towards the broker, the news back, some
 * requests, and a descriptor to wake each side. The loop's functions never wait: where the thread
 * holds the lock just now, the answer is -EAGAIN. Only a sample is always taken.
 */
#ifndef HOSTINGPI_MQTT_MAIL_H
#define HOSTINGPI_MQTT_MAIL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"
#include "agent/report.h"
#include "notifiers/mqtt_queue.h"

#define MQTT_TROUBLE_SIZE 192
/* Samples that were kept while the thread held the lock: at 1 Hz more than it takes in all reason. */
#define MQTT_MAIL_KEPT 4

enum mqtt_stage {
	MQTT_STAGE_LOOKUP,
	MQTT_STAGE_CALLING,
	MQTT_STAGE_CONNECTED,
	MQTT_STAGE_PAUSE,
};

/* What the thread tells. */
struct mqtt_news {
	enum mqtt_stage stage;
	char address[ADDR_TEXT_SIZE];	 /* being called or connected; may be empty */
	char trouble[MQTT_TROUBLE_SIZE]; /* why there is no connection; empty: none known */
	uint64_t connections;		 /* made so far */
	uint64_t published;		 /* messages handed to the library */
	uint64_t acknowledged;		 /* PUBACKs */
	uint64_t refused;		 /* of these with an error (MQTT 5) */
	uint64_t withheld;		 /* messages that were too large for the broker */
	int discovery_error;		 /* negative errno: the documents cannot be made */
	/* From the queue. */
	uint64_t history_sent;
	uint64_t untaken; /* samples that the ring never had */
	struct mqtt_waiting waiting;
	struct mqtt_ring_counts ring;
};

struct mqtt_kept {
	int64_t stamp_ns;
	size_t length;
	char data[MQTT_DOCUMENT_SIZE];
};

struct mqtt_mail {
	pthread_mutex_t lock; /* for the next five */
	struct mqtt_queue queue;
	struct mqtt_news news;
	struct about about;
	bool about_put;
	bool rung;	      /* news_fd is readable */
	atomic_int stage;     /* the same as in news, to be read without the lock */
	atomic_bool hasten;   /* the loop asks for an attempt now */
	atomic_bool finish;   /* the loop asks for goodbye */
	atomic_bool discreet; /* ... that does not say "offline": the next agent comes at once */
	atomic_bool quit;     /* the loop asks for the end at once */
	atomic_bool goodbye;  /* the thread has said goodbye, or there was nobody to hear it */
	int wake_fd;	      /* wakes the thread */
	int news_fd;	      /* wakes the loop */
	/* Of the loop alone. */
	struct mqtt_kept kept[MQTT_MAIL_KEPT];
	size_t kept_count;
	uint64_t kept_lost;
};

/*
 * mail is zeroed. The ring stays the caller's, who takes it back with mqtt_mail_detach();
 * history_rate in samples per second. 0 or negative errno.
 */
int mqtt_mail_open(struct mqtt_mail *mail, struct mqtt_ring *ring, int64_t history_rate);
void mqtt_mail_close(struct mqtt_mail *mail);

/* The loop's side. 0, -EAGAIN (try later), or -EMSGSIZE (never). */
int mqtt_mail_put(struct mqtt_mail *mail, enum mqtt_topic topic, const char *data, size_t length);
/* Keeps it for a moment where it must. 0 or -EMSGSIZE. */
int mqtt_mail_put_sample(struct mqtt_mail *mail, int64_t stamp_ns, const char *data, size_t length);
/*
 * With it discovery is sent anew, in that many messages; and if it comes of a reload, somebody looks, and the
 * thread hastens. Strings and metrics outlive the thread.
 */
int mqtt_mail_put_about(struct mqtt_mail *mail, const struct about *about, size_t discovery_count,
			const char *data, size_t length);
/* Gets the news and makes news_fd quiet again. 0 or -EAGAIN. */
int mqtt_mail_news(struct mqtt_mail *mail, struct mqtt_news *ret_news);
/* Ends the pause between two attempts, and what was held against the broker. */
void mqtt_mail_hasten(struct mqtt_mail *mail);
void mqtt_mail_finish(struct mqtt_mail *mail, bool discreet);
void mqtt_mail_quit(struct mqtt_mail *mail);
/*
 * Takes the ring away from the thread: afterwards nobody but the caller touches it. The one call that waits
 * for the lock: the thread has it for microseconds and never sleeps with it.
 */
void mqtt_mail_detach(struct mqtt_mail *mail);

/* The thread's side. trouble NULL: as before. */
void mqtt_mail_tell(struct mqtt_mail *mail, enum mqtt_stage stage, const char *address,
		    const char *trouble);
bool mqtt_mail_ends(const struct mqtt_mail *mail);
/* A connection ended, or all is to be said again: nothing counts as sent. */
void mqtt_mail_restart(struct mqtt_mail *mail);
void mqtt_mail_repeat(struct mqtt_mail *mail);
void mqtt_mail_delay_discovery(struct mqtt_mail *mail, int64_t now_ns);
/* As mqtt_queue_next(); *ret_due_ns as mqtt_queue_due_ns() after it. */
bool mqtt_mail_take(struct mqtt_mail *mail, int64_t now_ns, struct mqtt_message *ret_message,
		    char *buffer, int64_t *ret_due_ns);
void mqtt_mail_sent(struct mqtt_mail *mail, const struct mqtt_message *message, int number);
bool mqtt_mail_acknowledged(struct mqtt_mail *mail, int number);
/* Which topic it was about; MQTT_TOPICS: nobody waits for this number. */
enum mqtt_topic mqtt_mail_refused(struct mqtt_mail *mail, int number);
/* What was taken is not sent: it is too large for the broker. */
void mqtt_mail_withheld(struct mqtt_mail *mail, const struct mqtt_message *message);
struct about mqtt_mail_about(struct mqtt_mail *mail);
void mqtt_mail_discovery_failed(struct mqtt_mail *mail, int error);
/*
 * One step of the way out: sends "offline" as soon as nothing else waits, or now if hurry. Returns
 * true when it was acknowledged.
 */
bool mqtt_mail_sign_off(struct mqtt_mail *mail, bool hurry);
/* True if nothing waits and nothing is on its way. */
bool mqtt_mail_empty(struct mqtt_mail *mail);
/* Makes a descriptor of the mail quiet. */
void mqtt_mail_hush(int fd);

#endif
