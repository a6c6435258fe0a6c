/* SPDX-License-Identifier: MIT */
/* The settings of section [mqtt], checked, and what follows from them. */
#ifndef HOSTINGPI_MQTT_CONF_H
#define HOSTINGPI_MQTT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/conf.h"

/* 253 is the longest DNS name (RFC 1035). */
#define MQTT_HOST_SIZE 256
#define MQTT_PREFIX_SIZE 96
#define MQTT_PATH_SIZE 256
/* prefix, "/", the id of this Pi (at most 95 of these), "/", the longest leaf */
#define MQTT_TOPIC_SIZE 256

enum mqtt_conf_protocol {
	MQTT_CONF_PROTOCOL_3_1_1,
	MQTT_CONF_PROTOCOL_5,
};

/* The least version of TLS. */
enum mqtt_conf_tls_version {
	MQTT_CONF_TLS_1_2,
	MQTT_CONF_TLS_1_3,
};

enum mqtt_conf_discovery {
	MQTT_CONF_DISCOVERY_DEVICE,	/* one document for all */
	MQTT_CONF_DISCOVERY_COMPONENTS, /* one for each reading, for older versions */
	MQTT_CONF_DISCOVERY_OFF,
};

struct mqtt_conf {
	char host[MQTT_HOST_SIZE]; /* empty: switched off */
	int64_t port;		   /* 0: the usual one */
	char prefix[MQTT_PREFIX_SIZE];
	int64_t keepalive; /* ns, whole seconds */
	char ca_file[MQTT_PATH_SIZE];
	char cert_file[MQTT_PATH_SIZE];
	char key_file[MQTT_PATH_SIZE];
	char credential_file[MQTT_PATH_SIZE];
	int64_t reconnect_min, reconnect_max; /* ns */
	int protocol;			      /* enum mqtt_conf_protocol */
	int64_t message_expiry;		      /* ns, whole seconds; 0: none */
	char ca_path[MQTT_PATH_SIZE];
	bool psk;
	int tls_version; /* enum mqtt_conf_tls_version */
	int discovery;	 /* enum mqtt_conf_discovery */
	char discovery_prefix[MQTT_PREFIX_SIZE];
	int64_t history_rate; /* messages per second */
};

extern const struct conf_item mqtt_conf_items[];

/* For struct module: 0 or -EINVAL with one sentence that starts with the key. */
int mqtt_conf_check(const void *conf, char *ret_error, size_t size);

bool mqtt_conf_tls(const struct mqtt_conf *conf);
/* The port to call: the configured one, 8883 with TLS, 1883 without. */
int mqtt_conf_port(const struct mqtt_conf *conf);

/* Builds PREFIX/ID/LEAF. Returns 0 or -ENAMETOOLONG. */
int mqtt_topic_build(const char *prefix, const char *id, const char *leaf, char *ret_topic,
		     size_t size);

#endif
