/* SPDX-License-Identifier: MIT */
/*
 * Each connection gets a client of its own: destroying it is the one way to be sure that nothing of
 * libmosquitto's state (packets half sent, messages in flight, TLS) lives on. Every return code that
 * is not success ends the connection, whatever it says; the worker dials again.
 *
 * libmosquitto reads on as long as TLS holds bytes back, so the guard also looks from inside, whenever
 * the library has a packet to log. Its on_disconnect gets the reason codes of MQTT 5 and codes of its
 * own in one number; they do not overlap from 128 on.
 */
#include "notifiers/mqtt_client.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/sample.h"
#include "notifiers/mqtt_fail.h"
#include "notifiers/mqtt_reason.h"
#include "notifiers/mqtt_tls.h"

int mqtt_link_library_open(void)
{
	return mosquitto_lib_init() == MOSQ_ERR_SUCCESS ? 0 : -ENOMEM;
}

void mqtt_link_library_close(void)
{
	mosquitto_lib_cleanup();
}

const char *mqtt_link_library(void)
{
	static char text[48];
	int major, minor, revision;

	if (!text[0]) {
		mosquitto_lib_version(&major, &minor, &revision);
		snprintf(text, sizeof(text), "libmosquitto %d.%d.%d", major, minor, revision);
	}
	return text;
}

/* Turns a return code into the reason. error is errno right after the call. */
static int fail_code(struct mqtt_link *link, int code, int error)
{
	if (link->refusal || link->farewell)
		return mqtt_fail_said(link);
	if (link->guard.broken)
		return mqtt_fail_guard(link);
	if (code == MOSQ_ERR_TLS || (link->conf->tls && link->library_said[0]) ||
	    (code == MOSQ_ERR_ERRNO && error == EPROTO))
		return mqtt_fail_tls(link);
	if (code == MOSQ_ERR_ERRNO && error)
		return mqtt_fail_errno(link, error);
	/* Without errno it is an end as well, only that the library did not notice whose. */
	if (code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_ERRNO)
		return mqtt_fail_hung_up(link);
	if (code == MOSQ_ERR_KEEPALIVE)
		return mqtt_fail(link, "the broker does not answer any more");
	if (code == MOSQ_ERR_PROTOCOL || code == MOSQ_ERR_MALFORMED_PACKET ||
	    code == MOSQ_ERR_MALFORMED_UTF8)
		return mqtt_fail_not_mqtt(link);
	if (code == MOSQ_ERR_QOS_NOT_SUPPORTED)
		return mqtt_fail(link, mqtt_reason_words(MQTT_RC_QOS_NOT_SUPPORTED));
	return mqtt_fail(link, mosquitto_strerror(code));
}

/* The broker's own values are taken over by the library, apart from this one, which it keeps. */
static void on_connect(struct mosquitto *client, void *context, int code, int flags,
		       const mosquitto_property *properties)
{
	struct mqtt_link *link = context;

	(void)client;
	(void)flags;
	link->refusal = code;
	link->greeted = code == 0;
	mosquitto_property_read_int32(properties, MQTT_PROP_MAXIMUM_PACKET_SIZE,
				      &link->packet_limit, false);
}

static void on_disconnect(struct mosquitto *client, void *context, int code,
			  const mosquitto_property *properties)
{
	struct mqtt_link *link = context;

	(void)client;
	(void)properties;
	if (code >= MQTT_REASON_REFUSED)
		link->farewell = code;
}

/* For QoS 0 this only says that it was written; nobody waits for that number. */
static void on_publish(struct mosquitto *client, void *context, int number, int code,
		       const mosquitto_property *properties)
{
	struct mqtt_link *link = context;

	(void)client;
	(void)properties;
	if (code >= MQTT_REASON_REFUSED && link->refused)
		link->refused(link->context, number, mqtt_reason_words(code));
	link->acknowledged(link->context, number);
}

static void on_subscribe(struct mosquitto *client, void *context, int number, int count,
			 const int *granted)
{
	struct mqtt_link *link = context;

	(void)client;
	(void)number;
	/* One filter at a time is asked for. */
	if (count > 0 && granted[0] >= MQTT_REASON_REFUSED && link->refused)
		link->refused(link->context, 0, mqtt_reason_words(granted[0]));
}

static void on_message(struct mosquitto *client, void *context,
		       const struct mosquitto_message *message)
{
	struct mqtt_link *link = context;

	(void)client;
	if (link->received)
		link->received(link->context, message->topic,
			       message->payload ? message->payload : "",
			       (size_t)message->payloadlen, message->retain);
}

/* Keeps the complaints: the first one and its consequences. */
static void on_log(struct mosquitto *client, void *context, int level, const char *text)
{
	struct mqtt_link *link = context;
	size_t used = strlen(link->library_said);

	/* Its next read finds the end. */
	if (link->phase == MQTT_LINK_UP && mosquitto_socket(client) == link->fd &&
	    !mqtt_guard_holds(&link->guard))
		shutdown(link->fd, SHUT_RDWR);
	if (level != MOSQ_LOG_ERR)
		return;
	/* The verdict on the certificate is gone with the connection, which may end within this call. */
	if (mosquitto_ssl_get(client))
		link->verify_result = mqtt_tls_verify_result(mosquitto_ssl_get(client));
	if (used + 2 < sizeof(link->library_said))
		snprintf(link->library_said + used, sizeof(link->library_said) - used, "%s%s",
			 used ? "; " : "", text);
}

/* OpenSSL would ask at the terminal. 0: there is no password. */
static int on_key_password(char *buffer, int size, int writing, void *client)
{
	struct mqtt_link *link = mosquitto_userdata(client);

	(void)buffer;
	(void)size;
	(void)writing;
	link->key_locked = true;
	return 0;
}

/* Empty settings are none to the library. */
static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

/* The library only says that one of them is no good. */
static int check_files(struct mqtt_link *link)
{
	const struct mqtt_link_conf *conf = link->conf;
	const char *const names[] = {"ca_file", "cert_file", "key_file"};
	const char *const paths[] = {conf->ca_file, conf->cert_file, conf->key_file};
	char text[MQTT_REASON_SIZE];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!paths[i][0] || access(paths[i], R_OK) == 0)
			continue;
		snprintf(text, sizeof(text), "%s: %s", names[i], strerrordesc_np(errno));
		return mqtt_fail(link, text);
	}
	return 0;
}

/* Returns a code of libmosquitto. There is no way through here that leaves TLS off. */
static int set_up_tls(struct mqtt_link *link)
{
	const struct mqtt_link_conf *conf = link->conf;
	int code;

	/* 1: the broker's certificate is verified. The version is the least: 2.0 takes later ones. */
	code = mosquitto_tls_opts_set(link->client, 1,
				      conf->tls_version_minor == 3 ? "tlsv1.3" : "tlsv1.2", NULL);
	if (code != MOSQ_ERR_SUCCESS)
		return code;
	if (conf->psk[0])
		return mosquitto_tls_psk_set(link->client, conf->psk, conf->psk_identity,
					     MQTT_TLS_PSK_CIPHERS);
	return mosquitto_tls_set(link->client, or_null(conf->ca_file), or_null(conf->ca_path),
				 or_null(conf->cert_file), or_null(conf->key_file),
				 on_key_password);
}

/* Returns a code of libmosquitto. */
static int set_up(struct mqtt_link *link)
{
	const struct mqtt_link_conf *conf = link->conf;
	int code = MOSQ_ERR_SUCCESS;

	mosquitto_connect_v5_callback_set(link->client, on_connect);
	mosquitto_disconnect_v5_callback_set(link->client, on_disconnect);
	mosquitto_publish_v5_callback_set(link->client, on_publish);
	mosquitto_subscribe_callback_set(link->client, on_subscribe);
	mosquitto_message_callback_set(link->client, on_message);
	mosquitto_log_callback_set(link->client, on_log);
	mosquitto_int_option(link->client, MOSQ_OPT_PROTOCOL_VERSION,
			     conf->v5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	mosquitto_int_option(link->client, MOSQ_OPT_TCP_NODELAY, 1);
	if (conf->will_topic != NULL)
		code = mosquitto_will_set(link->client, conf->will_topic, (int)strlen(conf->will),
					  conf->will, 1, true);
	if (code == MOSQ_ERR_SUCCESS && conf->username[0])
		code = mosquitto_username_pw_set(link->client, conf->username,
						 or_null(conf->password));
	if (code == MOSQ_ERR_SUCCESS && conf->tls)
		code = set_up_tls(link);
	return code;
}

int mqtt_client_open(struct mqtt_link *link, const struct mqtt_address *address)
{
	const struct mqtt_link_conf *conf = link->conf;
	int code, error;

	link->client = mosquitto_new(conf->client_id, true, link);
	if (!link->client)
		return mqtt_fail(link, strerrordesc_np(errno));
	if (check_files(link) < 0)
		return -ECONNABORTED;
	code = set_up(link);
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, errno);
	/* As if another thread did the writing: else CONNECT, with the password, would leave from in
	 * here when a handshake is through at once, whoever it was with. */
	if (conf->psk[0])
		mosquitto_threaded_set(link->client, true);
	errno = 0;
	if (conf->tls) /* binding to the wildcard of a family leaves it no other one */
		code = mosquitto_connect_bind_async(link->client, conf->host, conf->port,
						    conf->keepalive_s,
						    address->family == AF_INET6 ? "::" : "0.0.0.0");
	else
		code = mosquitto_connect_async(link->client, address->literal, conf->port,
					       conf->keepalive_s);
	error = errno;
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, error);
	link->fd = mosquitto_socket(link->client);
	return link->fd < 0 ? mqtt_fail(link, "no socket") : 0;
}

int mqtt_client_lost(struct mqtt_link *link)
{
	return fail_code(link, MOSQ_ERR_CONN_LOST, 0);
}

/* Nothing is written before a broker has proven that it knows the pre-shared key. */
static int check_proof(struct mqtt_link *link)
{
	switch (mqtt_tls_psk_proof(mosquitto_ssl_get(link->client))) {
	case MQTT_TLS_PENDING:
		break;
	case MQTT_TLS_STRANGER:
		return mqtt_fail(link,
				 "TLS: the broker does not know the pre-shared key; it shows a "
				 "certificate instead: set ca_file");
	case MQTT_TLS_PROVEN:
		link->trusted = true;
		mosquitto_threaded_set(link->client, false);
		break;
	}
	return 0;
}

int mqtt_client_work(struct mqtt_link *link, bool readable, bool writable)
{
	int code = MOSQ_ERR_SUCCESS, error;

	errno = 0;
	if (readable) {
		code = mosquitto_loop_read(link->client, 1);
		/* Behind it, so that one and the same impostor always fails for the same reason. */
		if (code == MOSQ_ERR_SUCCESS && !mqtt_guard_holds(&link->guard))
			return mqtt_fail_guard(link);
	}
	if (code == MOSQ_ERR_SUCCESS && link->conf->psk[0] && !link->trusted) {
		if (check_proof(link) < 0)
			return -ECONNABORTED;
		writable = writable && link->trusted;
	}
	if (code == MOSQ_ERR_SUCCESS && writable)
		code = mosquitto_loop_write(link->client, 1);
	error = errno;
	if (code != MOSQ_ERR_SUCCESS || link->refusal)
		return fail_code(link, code, error);
	return mosquitto_socket(link->client) < 0 ? mqtt_client_lost(link) : 0;
}

int mqtt_client_misc(struct mqtt_link *link)
{
	int code, error;

	errno = 0;
	code = mosquitto_loop_misc(link->client);
	error = errno;
	return code == MOSQ_ERR_SUCCESS ? 0 : fail_code(link, code, error);
}

bool mqtt_client_wants_write(const struct mqtt_link *link)
{
	return mosquitto_want_write(link->client);
}

/* Returns a code of libmosquitto; ret_properties is to be freed in any case. */
static int describe(const struct mqtt_post *post, mosquitto_property **ret_properties)
{
	int code = MOSQ_ERR_SUCCESS;

	if (post->expiry_s)
		code = mosquitto_property_add_int32(
			ret_properties, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, post->expiry_s);
	if (code == MOSQ_ERR_SUCCESS && post->json)
		code = mosquitto_property_add_string(ret_properties, MQTT_PROP_CONTENT_TYPE,
						     "application/json");
	return code;
}

int mqtt_client_publish(struct mqtt_link *link, const struct mqtt_post *post, int *ret_number)
{
	mosquitto_property *properties = NULL;
	int code = MOSQ_ERR_SUCCESS, error, number = 0;

	errno = 0;
	if (link->conf->v5)
		code = describe(post, &properties);
	if (code == MOSQ_ERR_SUCCESS)
		code = mosquitto_publish_v5(link->client, &number, post->topic, post->length,
					    post->data, post->qos, post->retain, properties);
	error = errno;
	mosquitto_property_free_all(&properties);
	if (code == MOSQ_ERR_OVERSIZE_PACKET || code == MOSQ_ERR_PAYLOAD_SIZE)
		return -EMSGSIZE;
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, error);
	*ret_number = number;
	return 0;
}

int mqtt_client_subscribe(struct mqtt_link *link, const char *filter, int qos)
{
	int code, error;

	errno = 0;
	code = mosquitto_subscribe(link->client, NULL, filter, qos);
	error = errno;
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, error);
	return 0;
}

void mqtt_client_goodbye(struct mqtt_link *link)
{
	mosquitto_disconnect(link->client);
}

void mqtt_client_close(struct mqtt_link *link)
{
	if (link->client)
		mosquitto_destroy(link->client);
	link->client = NULL;
	link->fd = -1;
}
