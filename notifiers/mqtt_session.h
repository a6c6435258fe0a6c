/* SPDX-License-Identifier: MIT */
/* One connection after the other, seen from the worker's thread, to which all of this belongs. */
#ifndef HOSTINGPI_MQTT_SESSION_H
#define HOSTINGPI_MQTT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_assistant.h"
#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_login.h"
#include "notifiers/mqtt_mail.h"
#include "notifiers/mqtt_suspect.h"

/* "hostingpi-" and the id. */
#define MQTT_CLIENT_ID_SIZE 128

/* What the worker needs to know. It keeps a copy of its own. */
struct mqtt_worker_conf {
	struct mqtt_conf settings;		   /* host is not empty */
	char topics[MQTT_TOPICS][MQTT_TOPIC_SIZE]; /* that of discovery stays empty */
	char client_id[MQTT_CLIENT_ID_SIZE];
	uint64_t seed; /* random; for the pauses */
};

struct mqtt_session {
	const struct mqtt_worker_conf *conf;
	struct mqtt_mail *mail;
	struct mqtt_login login;
	struct mqtt_link_conf link_conf;
	struct mqtt_link link;
	struct mqtt_suspect suspect; /* knows more than one connection */
	struct mqtt_assistant assistant;
	unsigned flying;     /* messages that wait for their PUBACK */
	int64_t answered_ns; /* the last PUBACK, or when the first message left that waits for one */
	int64_t finish_ns;   /* when the request for goodbye was seen; 0: not yet */
	int64_t due_ns;	     /* when there is something to be sent again */
	int probe_number;
	/* The message that was taken out last, and waits here if it must go alone. */
	bool held;
	struct mqtt_message message;
	size_t limit_told;	/* the size that the log said last; 0: none on this connection */
	unsigned refusals_told; /* mask of topics; bit MQTT_TOPICS: the subscription */
	char buffer[MQTT_DOCUMENT_SIZE];
};

void mqtt_session_init(struct mqtt_session *session, const struct mqtt_worker_conf *conf,
		       struct mqtt_mail *mail);

/*
 * One connection to this address, to its end. Returns how long it stood in nanoseconds, 0 if it never
 * came up; the reason stands in link.error, empty if we ended it ourselves.
 */
int64_t mqtt_session_run(struct mqtt_session *session, const struct mqtt_address *address);

/* Waits for the loop's call, and for fd (negative: none). Returns what poll() said of fd. */
short mqtt_wait(struct mqtt_mail *mail, int fd, short events, int64_t timeout_ms);

/* What discovery is made of; strings are those of conf and about. */
struct mqtt_discovery mqtt_session_discovery(const struct mqtt_worker_conf *conf,
					     const struct about *about);

#endif
