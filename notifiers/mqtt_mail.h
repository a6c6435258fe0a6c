/* SPDX-License-Identifier: MIT */
/*
 * What the loop and the worker's thread share: the queue towards the broker, the news back, two
 * requests, and a descriptor to wake each side. The loop's functions never wait: where the thread
 * holds the lock just now, the answer is -EAGAIN.
 */
#ifndef HOSTINGPI_MQTT_MAIL_H
#define HOSTINGPI_MQTT_MAIL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"
#include "notifiers/mqtt_queue.h"

#define MQTT_TROUBLE_SIZE 192

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
	uint64_t dropped;		 /* events displaced */
	uint64_t overwritten;		 /* states never sent */
	unsigned waiting;		 /* messages not sent or not acknowledged */
};

struct mqtt_mail {
	pthread_mutex_t lock; /* for the next three */
	struct mqtt_queue queue;
	struct mqtt_news news;
	bool rung;	     /* news_fd is readable */
	atomic_int stage;    /* the same as in news, to be read without the lock */
	atomic_bool finish;  /* the loop asks for goodbye */
	atomic_bool quit;    /* the loop asks for the end at once */
	atomic_bool goodbye; /* the thread has said goodbye, or there was nobody to hear it */
	int wake_fd;	     /* wakes the thread */
	int news_fd;	     /* wakes the loop */
};

/* mail is zeroed. 0 or negative errno. */
int mqtt_mail_open(struct mqtt_mail *mail);
void mqtt_mail_close(struct mqtt_mail *mail);

/* The loop's side. 0, -EAGAIN (try later), or -EMSGSIZE (never). */
int mqtt_mail_put(struct mqtt_mail *mail, enum mqtt_topic topic, const char *data, size_t length);
/* Gets the news and makes news_fd quiet again. 0 or -EAGAIN. */
int mqtt_mail_news(struct mqtt_mail *mail, struct mqtt_news *ret_news);
void mqtt_mail_finish(struct mqtt_mail *mail);
void mqtt_mail_quit(struct mqtt_mail *mail);

/* The thread's side. trouble NULL: as before. */
void mqtt_mail_tell(struct mqtt_mail *mail, enum mqtt_stage stage, const char *address,
		    const char *trouble);
bool mqtt_mail_ends(const struct mqtt_mail *mail);
/* A connection stands: all documents are to be sent again. */
void mqtt_mail_restart(struct mqtt_mail *mail);
/* As mqtt_queue_next(); *ret_flying: messages in flight before it. */
bool mqtt_mail_take(struct mqtt_mail *mail, struct mqtt_message *ret_message, char *buffer,
		    unsigned *ret_flying);
void mqtt_mail_sent(struct mqtt_mail *mail, const struct mqtt_message *message, int number);
bool mqtt_mail_acknowledged(struct mqtt_mail *mail, int number);
/*
 * One step of the way out: sends "offline" as soon as nothing else waits, or now if hurry. Returns
 * true when it was acknowledged.
 */
bool mqtt_mail_sign_off(struct mqtt_mail *mail, bool hurry);
/* Makes a descriptor of the mail quiet. */
void mqtt_mail_hush(int fd);

#endif
