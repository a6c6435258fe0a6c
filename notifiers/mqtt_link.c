/* SPDX-License-Identifier: MIT */
/*
 * Each connection gets a client of its own: destroying it is the one way to be sure that nothing of
 * libmosquitto's state (packets half sent, messages in flight, TLS) lives on. Every return code that
 * is not success ends the connection, whatever it says; the worker dials again.
 *
 * Three habits of libmosquitto 2.0 shape the rest. Its write side counts as wanted during the whole
 * TLS handshake while the socket can be written, so polling for that would spin: until we are greeted
 * only reading is waited for, in short steps. A refused TCP connection is invisible to it with TLS, so
 * the end of connect() is watched here. And it would take packets of any length up to 256 MiB into
 * memory, although a client that subscribes to nothing gets a handful of bytes per message.
 */
#include "notifiers/mqtt_link.h"

#include <errno.h>
#include <linux/tcp.h>
#include <mosquitto.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/env.h"
#include "agent/sample.h"

/* For TCP, TLS and MQTT together; a broker that needs longer is not one to wait for. */
#define GREETING_NS (10 * NS_PER_S)
#define GREETING_STEP_MS 250
/* libmosquitto wants to be called about once a second for its keepalive. */
#define MISC_NS NS_PER_S
#define UP_STEP_MS 2000
/* 32 KiB for the TLS handshake with a long chain; per message a PUBACK of 4 bytes or, with TLS, 4
 * and a record header and tag of 22..37; twice that per second for pings. */
#define BYTES_GREETING 32768
#define BYTES_MESSAGE 64
#define BYTES_SECOND 128
/* What the kernel holds back for a broker that does not read: a dozen states, not the megabytes to
 * which it would grow. The kernel doubles both. */
#define SEND_BUFFER 32768
#define RECEIVE_BUFFER 8192

static const char HUNG_UP[] = "the broker closed the connection";
static const char NO_MQTT[] = "what answers there does not speak MQTT";

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

static int fail(struct mqtt_link *link, const char *reason)
{
	text_copy(link->error, sizeof(link->error), reason);
	return -ECONNABORTED;
}

/*
 * A hang-up reaches us as one of several errors, whichever call meets it first. It gets one text, or
 * the log would tell each time that the reason changed.
 */
static int fail_errno(struct mqtt_link *link, int error)
{
	if (error == ECONNRESET || error == EPIPE)
		return fail(link, HUNG_UP);
	return fail(link, strerrordesc_np(error));
}

/* Says in words of a user why TLS failed; the library's own words else. */
static const char *explain_tls(const struct mqtt_link *link, char *text, size_t size)
{
	if (strstr(link->library_said, "host name verification"))
		snprintf(text, size, "TLS: the broker's certificate is for another name");
	else if (strstr(link->library_said, "certificate verify failed"))
		snprintf(text, size,
			 "TLS: the broker's certificate is not signed by ca_file, or "
			 "not valid now");
	else if (!link->library_said[0] || strstr(link->library_said, "unexpected eof"))
		snprintf(text, size, "%s", HUNG_UP);
	else
		snprintf(text, size, "TLS: %s", link->library_said);
	return text;
}

/* Turns a return code into the reason. error is errno right after the call. */
static int fail_code(struct mqtt_link *link, int code, int error)
{
	char text[2 * MQTT_REASON_SIZE];
	bool tls = link->conf->tls;

	if (link->refusal == 4 || link->refusal == 5) { /* MQTT 3.1.1, table 3.1 */
		snprintf(text, sizeof(text),
			 "the broker refuses the login: %.60s; look at credential_file",
			 mosquitto_connack_string(link->refusal));
		return fail(link, text);
	}
	if (link->refusal) {
		snprintf(text, sizeof(text), "the broker refuses: %s",
			 mosquitto_connack_string(link->refusal));
		return fail(link, text);
	}
	if (code == MOSQ_ERR_TLS || (tls && link->library_said[0]) ||
	    (code == MOSQ_ERR_ERRNO && error == EPROTO))
		return fail(link, explain_tls(link, text, sizeof(text)));
	if (code == MOSQ_ERR_ERRNO && error)
		return fail_errno(link, error);
	/* Without errno it is an end as well, only that the library did not notice whose. */
	if (code == MOSQ_ERR_CONN_LOST || code == MOSQ_ERR_ERRNO)
		return fail(link, HUNG_UP);
	if (code == MOSQ_ERR_KEEPALIVE)
		return fail(link, "the broker does not answer any more");
	if (code == MOSQ_ERR_PROTOCOL || code == MOSQ_ERR_MALFORMED_PACKET)
		return fail(link, NO_MQTT);
	return fail(link, mosquitto_strerror(code));
}

static void on_connect(struct mosquitto *client, void *context, int code)
{
	struct mqtt_link *link = context;

	(void)client;
	link->refusal = code;
	link->greeted = code == 0;
}

/* For QoS 0 this only says that it was written; nobody waits for that number. */
static void on_publish(struct mosquitto *client, void *context, int number)
{
	struct mqtt_link *link = context;

	(void)client;
	link->acknowledged(link->context, number);
}

/* Keeps the first complaint: what follows is its consequence. */
static void on_log(struct mosquitto *client, void *context, int level, const char *text)
{
	struct mqtt_link *link = context;

	(void)client;
	if (level == MOSQ_LOG_ERR && !link->library_said[0])
		text_copy(link->library_said, sizeof(link->library_said), text);
}

/* Returns a code of libmosquitto. */
static int set_up(struct mqtt_link *link)
{
	const struct mqtt_link_conf *conf = link->conf;
	int code;

	mosquitto_connect_callback_set(link->client, on_connect);
	mosquitto_publish_callback_set(link->client, on_publish);
	mosquitto_log_callback_set(link->client, on_log);
	mosquitto_int_option(link->client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V311);
	mosquitto_int_option(link->client, MOSQ_OPT_TCP_NODELAY, 1);
	code = mosquitto_will_set(link->client, conf->will_topic, (int)strlen(conf->will),
				  conf->will, 1, true);
	if (code == MOSQ_ERR_SUCCESS && conf->username[0])
		code = mosquitto_username_pw_set(link->client, conf->username,
						 conf->password[0] ? conf->password : NULL);
	if (code == MOSQ_ERR_SUCCESS && conf->ca_file[0]) {
		code = mosquitto_tls_set(link->client, conf->ca_file, NULL,
					 conf->cert_file[0] ? conf->cert_file : NULL,
					 conf->key_file[0] ? conf->key_file : NULL, NULL);
		if (code == MOSQ_ERR_INVAL)
			text_copy(link->library_said, sizeof(link->library_said),
				  "ca_file, cert_file or key_file cannot be read");
	}
	return code;
}

static void limit_buffers(int fd)
{
	int send = SEND_BUFFER, receive = RECEIVE_BUFFER;

	/* Without these limits it works as well, only with more memory in the kernel. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

int mqtt_link_open(struct mqtt_link *link, const struct mqtt_link_conf *conf,
		   const struct mqtt_address *address, int64_t now_ns)
{
	const struct mqtt_link callbacks = *link;
	int code, error;

	*link = (struct mqtt_link){
		.conf = conf,
		.acknowledged = callbacks.acknowledged,
		.refused = callbacks.refused,
		.received = callbacks.received,
		.context = callbacks.context,
		.fd = -1,
		.deadline_ns = now_ns + GREETING_NS,
		.bytes_allowed = BYTES_GREETING,
	};
	link->client = mosquitto_new(conf->client_id, true, link);
	if (!link->client)
		return fail(link, strerrordesc_np(errno));
	code = set_up(link);
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, errno);
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
	if (link->fd < 0)
		return fail(link, "no socket");
	limit_buffers(link->fd);
	link->phase = MQTT_LINK_CALLING;
	return 0;
}

short mqtt_link_events(const struct mqtt_link *link, int64_t now_ns, int *ret_timeout_ms)
{
	int64_t left_ms = (link->deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;

	if (left_ms < 0)
		left_ms = 0;
	switch (link->phase) {
	case MQTT_LINK_CLOSED:
		break;
	case MQTT_LINK_CALLING:
		*ret_timeout_ms = (int)left_ms;
		return POLLOUT;
	case MQTT_LINK_GREETING:
		*ret_timeout_ms = left_ms < GREETING_STEP_MS ? (int)left_ms : GREETING_STEP_MS;
		return POLLIN | POLLRDHUP;
	case MQTT_LINK_UP:
		*ret_timeout_ms = UP_STEP_MS;
		return mosquitto_want_write(link->client) ? POLLIN | POLLOUT : POLLIN;
	}
	*ret_timeout_ms = 0;
	return 0;
}

static struct tcp_info ask_tcp(const struct mqtt_link *link)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	(void)getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, &info, &length);
	return info;
}

/* Lets the library read and write. */
static int work(struct mqtt_link *link, bool readable, bool writable)
{
	int code = MOSQ_ERR_SUCCESS, error;

	errno = 0;
	if (readable) {
		if (ask_tcp(link).tcpi_bytes_received > link->bytes_allowed)
			return fail(link, NO_MQTT);
		code = mosquitto_loop_read(link->client, 1);
	}
	if (code == MOSQ_ERR_SUCCESS && writable)
		code = mosquitto_loop_write(link->client, 1);
	error = errno;
	if (code != MOSQ_ERR_SUCCESS || link->refusal)
		return fail_code(link, code, error);
	if (mosquitto_socket(link->client) < 0)
		return fail_code(link, MOSQ_ERR_CONN_LOST, 0);
	return 0;
}

/* connect() came to an end. */
static int step_calling(struct mqtt_link *link, short revents)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (!revents)
		return 0;
	if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0)
		error = errno;
	/* The first steps of TLS may already have fetched the error. */
	if (!error && (revents & (POLLHUP | POLLERR)))
		error = ask_tcp(link).tcpi_bytes_acked ? ECONNRESET : ECONNREFUSED;
	if (error)
		return fail_errno(link, error);
	link->phase = MQTT_LINK_GREETING;
	return work(link, true, true);
}

static int step_greeting(struct mqtt_link *link, short revents, int64_t now_ns)
{
	/* With a hang-up everything that came before it is read first, a few packets or records. */
	int tries = revents & (POLLHUP | POLLERR | POLLRDHUP) ? 4 : 1;

	for (int i = 0; i < tries && !link->greeted; i++) {
		int result = work(link, true, true);
		if (result < 0)
			return result;
	}
	if (!link->greeted)
		return tries > 1 ? fail_code(link, MOSQ_ERR_CONN_LOST, 0) : 0;
	link->phase = MQTT_LINK_UP;
	link->misc_ns = now_ns;
	return 0;
}

static int step_up(struct mqtt_link *link, short revents, int64_t now_ns)
{
	int code, error;

	if (now_ns - link->misc_ns >= MISC_NS) {
		link->bytes_allowed +=
			(uint64_t)((now_ns - link->misc_ns) / NS_PER_S) * BYTES_SECOND;
		link->misc_ns = now_ns;
		errno = 0;
		code = mosquitto_loop_misc(link->client);
		error = errno;
		if (code != MOSQ_ERR_SUCCESS)
			return fail_code(link, code, error);
	}
	if (!revents)
		return 0;
	/* An error or a hang-up shows itself in the next read. */
	return work(link, revents & ~POLLOUT, revents & POLLOUT);
}

int mqtt_link_step(struct mqtt_link *link, short revents, int64_t now_ns)
{
	if (link->phase != MQTT_LINK_UP && now_ns >= link->deadline_ns)
		return fail(link, link->phase == MQTT_LINK_CALLING
					  ? "no answer within 10 s"
					  : "connected, but no MQTT greeting within 10 s");
	switch (link->phase) {
	case MQTT_LINK_CLOSED:
		break;
	case MQTT_LINK_CALLING:
		return step_calling(link, revents);
	case MQTT_LINK_GREETING:
		return step_greeting(link, revents, now_ns);
	case MQTT_LINK_UP:
		return step_up(link, revents, now_ns);
	}
	return fail(link, "closed");
}

bool mqtt_link_idle(const struct mqtt_link *link)
{
	return link->phase == MQTT_LINK_UP && !mosquitto_want_write(link->client);
}

int mqtt_link_publish(struct mqtt_link *link, const struct mqtt_post *post, int *ret_number)
{
	int code, error, number = 0;

	errno = 0;
	code = mosquitto_publish(link->client, &number, post->topic, post->length, post->data,
				 post->qos, post->retain);
	error = errno;
	if (code == MOSQ_ERR_OVERSIZE_PACKET)
		return -EMSGSIZE;
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, error);
	link->bytes_allowed += BYTES_MESSAGE;
	*ret_number = number;
	return 0;
}

int mqtt_link_subscribe(struct mqtt_link *link, const char *filter, int qos)
{
	int code, error;

	errno = 0;
	code = mosquitto_subscribe(link->client, NULL, filter, qos);
	error = errno;
	if (code != MOSQ_ERR_SUCCESS)
		return fail_code(link, code, error);
	link->bytes_allowed += BYTES_MESSAGE;
	return 0;
}

uint32_t mqtt_link_packet_limit(const struct mqtt_link *link)
{
	return link->packet_limit;
}

void mqtt_link_goodbye(struct mqtt_link *link)
{
	if (link->phase == MQTT_LINK_UP)
		mosquitto_disconnect(link->client);
}

void mqtt_link_close(struct mqtt_link *link)
{
	if (link->client)
		mosquitto_destroy(link->client);
	link->client = NULL;
	link->phase = MQTT_LINK_CLOSED;
	link->fd = -1;
}
