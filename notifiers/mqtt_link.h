/* SPDX-License-Identifier: MIT */
/*
 * One connection to the broker, from the call to the end. Everything here belongs to the worker's
 * thread, except for the two functions that open and close the library.
 */
#ifndef HOSTINGPI_MQTT_LINK_H
#define HOSTINGPI_MQTT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_conf.h"
#include "notifiers/mqtt_dial.h"
#include "notifiers/mqtt_guard.h"
#include "notifiers/mqtt_login.h"

struct mosquitto;

/* Whom the link calls and what it says of itself. Strings outlive the link. */
struct mqtt_link_conf {
	const char *host; /* as configured: what a certificate must be for */
	int port;
	int keepalive_s;
	const char *client_id;
	const char *will_topic, *will; /* retained, QoS 1; NULL: none */
	const char *username;	       /* empty: none */
	const char *password;	       /* empty: none */
	bool v5;		       /* MQTT 5, else 3.1.1 */
	bool tls;		       /* with one of: ca_file, ca_path, psk */
	const char *ca_file, *ca_path; /* empty: none */
	const char *cert_file, *key_file;
	const char *psk_identity, *psk; /* hexadecimal; empty: none */
	int tls_version_minor;		/* the least of TLS 1.x: 2 or 3 */
	/* What may come in besides acknowledgements, in the long run; 0: nothing is subscribed to. */
	uint64_t incoming_bytes_s;
};

/*
 * What the settings and the login say of a connection; the caller adds its name, its will and what it
 * subscribes to. Both must outlive the link.
 */
struct mqtt_link_conf mqtt_link_describe(const struct mqtt_conf *settings,
					 const struct mqtt_login *login);

/* A message of QoS 1 was acknowledged: nobody needs to wait for it any more. */
typedef void mqtt_link_acknowledged_fn(void *context, int number);
/*
 * MQTT 5: the broker said of a message of QoS 1 that it did not take it; it would not if it were sent
 * again either. acknowledged is called next with the same number. With number 0 a subscription was
 * refused (any version). reason is one clause, valid during the call. The connection goes on.
 */
typedef void mqtt_link_refused_fn(void *context, int number, const char *reason);
/* A message came in for a subscription. data is not terminated. None of these may call the link. */
typedef void mqtt_link_received_fn(void *context, const char *topic, const char *data,
				   size_t length, bool retained);

enum mqtt_link_phase {
	MQTT_LINK_CLOSED,
	MQTT_LINK_CALLING,  /* TCP connects */
	MQTT_LINK_GREETING, /* TLS and the MQTT greeting */
	MQTT_LINK_UP,
};

struct mqtt_link {
	enum mqtt_link_phase phase;
	const struct mqtt_link_conf *conf;
	mqtt_link_acknowledged_fn *acknowledged;
	mqtt_link_refused_fn *refused;	 /* may be NULL */
	mqtt_link_received_fn *received; /* NULL if nothing is subscribed to */
	void *context;
	struct mosquitto *client;
	int fd;
	bool greeted;	    /* the broker accepted us */
	int refusal;	    /* code of a CONNACK that did not */
	int farewell;	    /* code of the broker's DISCONNECT (MQTT 5) */
	bool hung_up;	    /* it closed the connection without a word */
	bool trusted;	    /* the broker knows the pre-shared key */
	bool key_locked;    /* key_file is encrypted */
	long verify_result; /* of the broker's certificate, at the last complaint of the library */
	uint32_t packet_limit;
	int64_t deadline_ns;
	int64_t misc_ns; /* when the library was last given time */
	struct mqtt_guard guard;
	/* Two sentences with a path of 255 characters. */
	char library_said[640];
	char error[MQTT_REASON_SIZE]; /* why the last call failed */
};

/* For the process, before the first and after the last link; not while another thread does it. */
int mqtt_link_library_open(void);
void mqtt_link_library_close(void);
/* "libmosquitto 2.0.11", static. Only in the loop's thread. */
const char *mqtt_link_library(void);

/*
 * Calls an address. With TLS libmosquitto must be given the name, because it compares the certificate
 * with that; it then looks the name up again, and only the family of the address is kept.
 * Returns 0 or -ECONNABORTED with the reason in link->error.
 */
int mqtt_link_open(struct mqtt_link *link, const struct mqtt_link_conf *conf,
		   const struct mqtt_address *address, int64_t now_ns);

/* What to wait for: poll() events for link->fd, and for how long at most. */
short mqtt_link_events(const struct mqtt_link *link, int64_t now_ns, int *ret_timeout_ms);

/*
 * Goes on, with what poll() returned (0: only time passed). Returns 0, or -ECONNABORTED with the
 * reason in link->error when the connection ended.
 */
int mqtt_link_step(struct mqtt_link *link, short revents, int64_t now_ns);

/* True when everything handed in so far has left for the kernel. */
bool mqtt_link_idle(const struct mqtt_link *link);

struct mqtt_post {
	const char *topic, *data;
	int length, qos;
	bool retain;
	uint32_t expiry_s; /* MQTT 5: how long the broker may keep it for somebody; 0: no end */
	bool json;	   /* MQTT 5: the content type is application/json */
};

/*
 * Sends one message, and only when idle. Returns 0 and its number; -EMSGSIZE if the broker takes no
 * message of this size (MQTT 5; the connection goes on, and nothing was sent); or -ECONNABORTED.
 */
int mqtt_link_publish(struct mqtt_link *link, const struct mqtt_post *post, int *ret_number);

/* Asks for messages. Returns 0 or -ECONNABORTED; a refusal comes later through refused(). */
int mqtt_link_subscribe(struct mqtt_link *link, const char *filter, int qos);

/* The longest packet that the broker takes, in bytes (MQTT 5); 0: it did not say. */
uint32_t mqtt_link_packet_limit(const struct mqtt_link *link);

/* CLOCK_MONOTONIC. */
int64_t mqtt_clock_ns(void);

/*
 * Says DISCONNECT where the CONNECT has left, so that the broker does not publish the will, and waits a
 * moment (150 ms at most) until the broker has closed. Nothing but mqtt_link_close() may follow.
 */
void mqtt_link_goodbye(struct mqtt_link *link);

/* Ends the connection at once and frees the client. A zeroed link is fine. */
void mqtt_link_close(struct mqtt_link *link);

#endif
