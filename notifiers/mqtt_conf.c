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

const struct conf_item mqtt_conf_items[] = {
	CONF_ROW(struct mqtt_conf, host, CONF_TEXT, "",
		 .help = "MQTT broker, a name or an address; empty: no MQTT"),
	CONF_ROW(struct mqtt_conf, port, CONF_INT, "0", .min = 0, .max = 65535,
		 .help = "TCP port of the broker; 0: 8883 with ca_file, 1883 without"),
	CONF_ROW(struct mqtt_conf, prefix, CONF_TEXT, "hostingpi", .min = 1,
		 .help = "first levels of all topics: PREFIX/ID/state and so on"),
	CONF_ROW(struct mqtt_conf, keepalive, CONF_DURATION, "30s", .min = KEEPALIVE_LEAST,
		 .max = KEEPALIVE_MOST,
		 .help = "how soon a silent connection is checked, whole seconds"),
	CONF_ROW(struct mqtt_conf, ca_file, CONF_PATH, "",
		 .help = "certificates (PEM) that may sign the broker's; switches TLS on"),
	CONF_ROW(struct mqtt_conf, cert_file, CONF_PATH, "",
		 .help = "client certificate (PEM), with key_file"),
	CONF_ROW(struct mqtt_conf, key_file, CONF_PATH, "",
		 .help = "key of the client certificate (PEM)"),
	CONF_ROW(struct mqtt_conf, credential_file, CONF_PATH, "",
		 .help = "file with the lines username = ... and password = ..., mode 0600"),
	CONF_ROW(struct mqtt_conf, reconnect_max, CONF_DURATION, "2m", .min = NS_PER_S,
		 .max = 3600 * NS_PER_S, .help = "longest pause between two attempts to connect"),
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
static int check_prefix(const char *prefix, char *ret_error, size_t size)
{
	size_t length = strlen(prefix);

	if (length == 0)
		return sentence_refuse(ret_error, size, "prefix must not be empty");
	if (prefix[0] == '/' || prefix[length - 1] == '/' || strstr(prefix, "//"))
		return sentence_refuse(
			ret_error, size,
			"prefix must not begin or end with '/' nor have an empty level");
	if (strpbrk(prefix, "+#"))
		return sentence_refuse(ret_error, size,
				       "prefix must not contain '+' or '#': they are wildcards");
	if (strchr(prefix, '$'))
		return sentence_refuse(
			ret_error, size,
			"prefix must not contain '$': such topics belong to the broker");
	for (const char *c = prefix; *c; c++) {
		if (*c <= ' ' || *c > '~')
			return sentence_refuse(ret_error, size,
					       "prefix must be printable ASCII without spaces");
	}
	return 0;
}

int mqtt_conf_check(const void *conf, char *ret_error, size_t size)
{
	const struct mqtt_conf *c = conf;
	int result = check_host(c->host, ret_error, size);

	if (result == 0)
		result = check_prefix(c->prefix, ret_error, size);
	if (result < 0)
		return result;
	if (c->keepalive % NS_PER_S)
		return sentence_refuse(ret_error, size,
				       "keepalive must be whole seconds, such as 30s");
	if (!c->cert_file[0] != !c->key_file[0])
		return sentence_refuse(ret_error, size,
				       "%s must be set, too: certificate and key go together",
				       c->cert_file[0] ? "key_file" : "cert_file");
	if (c->cert_file[0] && !c->ca_file[0])
		return sentence_refuse(ret_error, size,
				       "cert_file needs ca_file: without it there is no TLS");
	return 0;
}

bool mqtt_conf_tls(const struct mqtt_conf *conf)
{
	return conf->ca_file[0] != '\0';
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
