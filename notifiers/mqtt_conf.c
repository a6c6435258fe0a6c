/* SPDX-License-Identifier: MIT */
/*
 * The rows of section [mqtt] and the checks that one row cannot make alone. No broker is assumed: an
 * empty host switches the module off.
 */
#include "notifiers/mqtt_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/env.h"
#include "agent/sentence.h"

#define PORT_PLAIN 1883 /* registered at IANA: mqtt and secure-mqtt */
#define PORT_TLS 8883
/* libmosquitto takes no less than 5 s; the protocol has 16 bits for it. */
#define KEEPALIVE_LEAST (5 * NS_PER_S)
#define KEEPALIVE_MOST (65535 * NS_PER_S)

/* MQTT 5 has 32 bits of seconds for it; a year is more than anybody waits for a sample. */
#define EXPIRY_MOST (365 * 86400 * NS_PER_S)

/* In the order of the enums. */
static const char *const protocol_words[] = {"3.1.1", "5", NULL};
static const char *const tls_version_words[] = {"1.2", "1.3", NULL};
static const char *const discovery_words[] = {"device", "components", "off", NULL};

const struct conf_item mqtt_conf_items[] = {
	CONF_ROW(struct mqtt_conf, host, CONF_TEXT, "",
		 .help = "MQTT broker, a name or an address; empty: no MQTT"),
	CONF_ROW(struct mqtt_conf, port, CONF_INT, "0", .min = 0, .max = 65535,
		 .help = "TCP port of the broker; 0: 8883 with TLS, 1883 without"),
	CONF_ROW(struct mqtt_conf, protocol, CONF_WORD, "3.1.1", .words = protocol_words,
		 .help = "version of MQTT: 3.1.1 or 5"),
	CONF_ROW(struct mqtt_conf, prefix, CONF_TEXT, "hostingpi", .min = 1,
		 .help = "first levels of all topics: PREFIX/ID/state and so on"),
	CONF_ROW(struct mqtt_conf, keepalive, CONF_DURATION, "30s", .min = KEEPALIVE_LEAST,
		 .max = KEEPALIVE_MOST,
		 .help = "how soon a silent connection is checked, whole seconds"),
	CONF_ROW(struct mqtt_conf, ca_file, CONF_FILE, "",
		 .help = "certificates (PEM) that may sign the broker's; switches TLS on"),
	CONF_ROW(struct mqtt_conf, ca_path, CONF_PATH, "",
		 .help = "directory of such certificates, for openssl rehash; switches TLS on"),
	CONF_ROW(struct mqtt_conf, cert_file, CONF_FILE, "",
		 .help = "client certificate (PEM), with key_file"),
	CONF_ROW(struct mqtt_conf, key_file, CONF_FILE, "",
		 .help = "key of the client certificate (PEM)"),
	CONF_ROW(struct mqtt_conf, psk, CONF_BOOL, "no",
		 .help = "TLS with a pre-shared key: psk_identity and psk in credential_file"),
	CONF_ROW(struct mqtt_conf, tls_version, CONF_WORD, "1.2", .words = tls_version_words,
		 .help = "the least version of TLS: 1.2 or 1.3"),
	CONF_ROW(struct mqtt_conf, credential_file, CONF_FILE, "",
		 .help = "file with the lines username = ... and password = ..., mode 0600"),
	CONF_ROW(struct mqtt_conf, reconnect_min, CONF_DURATION, "1s", .min = NS_PER_S / 10,
		 .max = 3600 * NS_PER_S,
		 .help = "longest pause before the second attempt to connect; then it doubles"),
	CONF_ROW(struct mqtt_conf, reconnect_max, CONF_DURATION, "2m", .min = NS_PER_S,
		 .max = 3600 * NS_PER_S, .help = "longest pause between two attempts to connect"),
	CONF_ROW(struct mqtt_conf, message_expiry, CONF_DURATION, "0s", .min = 0,
		 .max = EXPIRY_MOST,
		 .help = "MQTT 5: how long the broker keeps a message for an absent reader; 0s: "
			 "no end"),
	CONF_ROW(struct mqtt_conf, history_rate, CONF_INT, "10", .min = 1, .max = 100,
		 .help = "samples per second that are told later, after a time without broker"),
	CONF_ROW(struct mqtt_conf, discovery, CONF_WORD, "device", .words = discovery_words,
		 .help = "for Home Assistant: device, components (before 2024.11) or off"),
	CONF_ROW(struct mqtt_conf, discovery_prefix, CONF_TEXT, "homeassistant", .min = 1,
		 .help = "first levels of the topics of Home Assistant's discovery"),
	{0},
};

static int check_host(const char *host, char *ret_error, size_t size)
{
	char address[MQTT_HOST_SIZE];
	struct in6_addr parsed;

	if (strstr(host, "://"))
		return sentence_refuse(ret_error, size,
				       "host must be a name or an address without scheme, such as "
				       "broker.example.org (TLS is switched on by ca_file)");
	if (host[0] == '[')
		return sentence_refuse(
			ret_error, size,
			"host must be an IPv6 address without brackets; the port has a key "
			"of its own");
	if (strpbrk(host, "\"'"))
		return sentence_refuse(ret_error, size, "host must be written without quotes");
	if (strpbrk(host, " \t/"))
		return sentence_refuse(ret_error, size,
				       "host must be a name or an address, nothing else");
	if (strchr(host, ':')) {
		snprintf(address, sizeof(address), "%.*s", (int)strcspn(host, "%"), host);
		if (inet_pton(AF_INET6, address, &parsed) != 1)
			return sentence_refuse(
				ret_error, size,
				"host must be a name or an address; the port has a key of "
				"its own");
	}
	return 0;
}

/* Topic names: MQTT 3.1.1, section 4.7. What that allows but surprises people is refused, too. */
static int check_prefix(const char *key, const char *prefix, char *ret_error, size_t size)
{
	size_t length = strlen(prefix);

	if (length == 0)
		return sentence_refuse(ret_error, size, "%s must not be empty", key);
	if (prefix[0] == '/' || prefix[length - 1] == '/' || strstr(prefix, "//"))
		return sentence_refuse(ret_error, size,
				       "%s must not begin or end with '/' nor have an empty level",
				       key);
	if (strpbrk(prefix, "+#"))
		return sentence_refuse(ret_error, size,
				       "%s must not contain '+' or '#': they are wildcards", key);
	if (strchr(prefix, '$'))
		return sentence_refuse(ret_error, size,
				       "%s must not contain '$': such topics belong to the broker",
				       key);
	for (const char *c = prefix; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return sentence_refuse(ret_error, size,
					       "%s must be printable ASCII without spaces", key);
	}
	return 0;
}

static int check_tls(const struct mqtt_conf *c, char *ret_error, size_t size)
{
	bool ca = c->ca_file[0] || c->ca_path[0];

	if (!c->cert_file[0] != !c->key_file[0])
		return sentence_refuse(ret_error, size,
				       "%s must be set, too: certificate and key go together",
				       c->cert_file[0] ? "key_file" : "cert_file");
	if (c->psk && (ca || c->cert_file[0]))
		return sentence_refuse(
			ret_error, size,
			"psk = yes excludes %s: TLS has either a pre-shared key or certificates",
			c->ca_file[0]	? "ca_file"
			: c->ca_path[0] ? "ca_path"
					: "cert_file");
	/* libmosquitto switches TLS 1.3 off for them since 2.0.12. */
	if (c->psk && c->tls_version != MQTT_CONF_TLS_1_2)
		return sentence_refuse(
			ret_error, size,
			"tls_version = 1.3 excludes psk: pre-shared keys go with TLS "
			"1.2 here");
	if (c->psk && !c->credential_file[0])
		return sentence_refuse(ret_error, size,
				       "psk needs credential_file, with the lines psk_identity = "
				       "... and psk = ...");
	if (c->cert_file[0] && !ca)
		return sentence_refuse(
			ret_error, size,
			"cert_file needs ca_file or ca_path: without one there is no TLS");
	if (c->tls_version != MQTT_CONF_TLS_1_2 && !mqtt_conf_tls(c))
		return sentence_refuse(
			ret_error, size,
			"tls_version needs ca_file, ca_path or psk: without one there is no TLS");
	return 0;
}

int mqtt_conf_check(const void *conf, char *ret_error, size_t size)
{
	const struct mqtt_conf *c = conf;
	int result = check_host(c->host, ret_error, size);

	if (result == 0)
		result = check_prefix("prefix", c->prefix, ret_error, size);
	if (result == 0)
		result = check_prefix("discovery_prefix", c->discovery_prefix, ret_error, size);
	if (result == 0)
		result = check_tls(c, ret_error, size);
	if (result < 0)
		return result;
	if (c->keepalive % NS_PER_S)
		return sentence_refuse(ret_error, size,
				       "keepalive must be whole seconds, such as 30s");
	if (c->message_expiry % NS_PER_S)
		return sentence_refuse(ret_error, size,
				       "message_expiry must be whole seconds, such as 300s");
	if (c->message_expiry && c->protocol != MQTT_CONF_PROTOCOL_5)
		return sentence_refuse(
			ret_error, size,
			"message_expiry needs protocol = 5: MQTT 3.1.1 has no expiry");
	if (c->reconnect_min > c->reconnect_max)
		return sentence_refuse(ret_error, size,
				       "reconnect_min must not be longer than reconnect_max");
	return 0;
}

bool mqtt_conf_tls(const struct mqtt_conf *conf)
{
	return conf->ca_file[0] || conf->ca_path[0] || conf->psk;
}

int mqtt_conf_port(const struct mqtt_conf *conf)
{
	if (conf->port)
		return (int)conf->port;
	return mqtt_conf_tls(conf) ? PORT_TLS : PORT_PLAIN;
}

int mqtt_topic_build(const char *prefix, const char *id, const char *leaf, char *ret_topic,
		     size_t size)
{
	char topic[MQTT_TOPIC_SIZE];
	int length = snprintf(topic, sizeof(topic), "%s/%s/%s", prefix, id, leaf);

	if (length >= (int)sizeof(topic) || length >= (int)size)
		return -ENAMETOOLONG;
	memcpy(ret_topic, topic, (size_t)length + 1);
	return 0;
}
