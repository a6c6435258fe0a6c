/* SPDX-License-Identifier: MIT */
/*
 * The phases of one connection. Two habits of libmosquitto 2.0 shape them. Its write side counts as
 * wanted during the whole TLS handshake while the socket can be written, so polling for that would
 * spin: until we are greeted only reading is waited for, in short steps. And a refused TCP connection
 * is invisible to it with TLS, so the end of connect() is watched here.
 */
#include "notifiers/mqtt_link.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "agent/env.h"
#include "notifiers/mqtt_client.h"
#include "notifiers/mqtt_fail.h"

/* For TCP, TLS and MQTT together; a broker that needs longer is not one to wait for. */
#define GREETING_NS (10 * NS_PER_S)
#define GREETING_STEP_MS 250
/* libmosquitto wants to be called about once a second for its keepalive. */
#define MISC_NS NS_PER_S
#define UP_STEP_MS 2000

struct mqtt_link_conf mqtt_link_describe(const struct mqtt_conf *settings,
					 const struct mqtt_login *login)
{
	return (struct mqtt_link_conf){
		.host = settings->host,
		.port = mqtt_conf_port(settings),
		.keepalive_s = (int)(settings->keepalive / NS_PER_S),
		.username = login->username,
		.password = login->password,
		.v5 = settings->protocol == MQTT_CONF_PROTOCOL_5,
		.tls = mqtt_conf_tls(settings),
		.ca_file = settings->ca_file,
		.ca_path = settings->ca_path,
		.cert_file = settings->cert_file,
		.key_file = settings->key_file,
		.psk_identity = login->psk_identity,
		.psk = login->psk,
		.tls_version_minor = settings->tls_version == MQTT_CONF_TLS_1_3 ? 3 : 2,
	};
}

int mqtt_link_open(struct mqtt_link *link, const struct mqtt_link_conf *conf,
		   const struct mqtt_address *address, int64_t now_ns)
{
	const struct mqtt_link callbacks = *link;
	int result;

	*link = (struct mqtt_link){
		.conf = conf,
		.acknowledged = callbacks.acknowledged,
		.refused = callbacks.refused,
		.received = callbacks.received,
		.context = callbacks.context,
		.fd = -1,
		.deadline_ns = now_ns + GREETING_NS,
	};
	result = mqtt_client_open(link, address);
	if (result < 0)
		return result;
	mqtt_guard_start(&link->guard, link->fd, conf->incoming_bytes_s);
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
		return mqtt_client_wants_write(link) ? POLLIN | POLLOUT : POLLIN;
	}
	*ret_timeout_ms = 0;
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
		error = mqtt_guard_was_taken(link->fd) ? ECONNRESET : ECONNREFUSED;
	if (error)
		return mqtt_fail_errno(link, error);
	link->phase = MQTT_LINK_GREETING;
	return mqtt_client_work(link, true, true);
}

static int step_greeting(struct mqtt_link *link, short revents, int64_t now_ns)
{
	/* With a hang-up everything that came before it is read first, a few packets or records. */
	int tries = revents & (POLLHUP | POLLERR | POLLRDHUP) ? 4 : 1;

	for (int i = 0; i < tries && !link->greeted; i++) {
		int result = mqtt_client_work(link, true, true);
		if (result < 0)
			return result;
	}
	if (!link->greeted)
		return tries > 1 ? mqtt_client_lost(link) : 0;
	link->phase = MQTT_LINK_UP;
	link->misc_ns = now_ns;
	return 0;
}

static int step_up(struct mqtt_link *link, short revents, int64_t now_ns)
{
	if (now_ns - link->misc_ns >= MISC_NS) {
		mqtt_guard_allow(&link->guard, (now_ns - link->misc_ns) / NS_PER_S);
		link->misc_ns = now_ns;
		if (mqtt_client_misc(link) < 0)
			return -ECONNABORTED;
	}
	if (!revents)
		return 0;
	/* An error or a hang-up shows itself in the next read. */
	return mqtt_client_work(link, revents & ~POLLOUT, revents & POLLOUT);
}

int mqtt_link_step(struct mqtt_link *link, short revents, int64_t now_ns)
{
	if (link->phase != MQTT_LINK_UP && now_ns >= link->deadline_ns)
		return mqtt_fail(link, link->phase == MQTT_LINK_CALLING
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
	return mqtt_fail(link, "closed");
}

bool mqtt_link_idle(const struct mqtt_link *link)
{
	return link->phase == MQTT_LINK_UP && !mqtt_client_wants_write(link);
}

int mqtt_link_publish(struct mqtt_link *link, const struct mqtt_post *post, int *ret_number)
{
	int result = mqtt_client_publish(link, post, ret_number);

	if (result == 0 && post->qos)
		mqtt_guard_expect(&link->guard, link->conf->v5);
	return result;
}

int mqtt_link_subscribe(struct mqtt_link *link, const char *filter, int qos)
{
	int result = mqtt_client_subscribe(link, filter, qos);

	if (result == 0)
		mqtt_guard_expect(&link->guard, link->conf->v5);
	return result;
}

uint32_t mqtt_link_packet_limit(const struct mqtt_link *link)
{
	return link->packet_limit;
}

void mqtt_link_goodbye(struct mqtt_link *link)
{
	if (link->phase == MQTT_LINK_UP)
		mqtt_client_goodbye(link);
}

void mqtt_link_close(struct mqtt_link *link)
{
	mqtt_client_close(link);
	link->phase = MQTT_LINK_CLOSED;
}
