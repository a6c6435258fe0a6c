/* SPDX-License-Identifier: MIT */
/*
 * The phases of one connection. Two habits of libmosquitto 2.0 shape them. Its write side counts as
 * wanted during the whole TLS handshake while the socket can be written, so polling for that would
 * spin: until we are greeted only reading is waited for, in short steps. And a refused TCP connection
 * is invisible to it with TLS, so the end of connect() is watched here.
 */
#include "notifiers/mqtt_link.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/env.h"
#include "notifiers/mqtt_client.h"
#include "notifiers/mqtt_fail.h"

/* For TCP, TLS and MQTT together; a broker that needs longer is not one to wait for. */
#define GREETING_NS (10 * NS_PER_S)
#define GREETING_STEP_MS 250
/* libmosquitto wants to be called about once a second for its keepalive. */
#define MISC_NS NS_PER_S
#define UP_STEP_MS 2000
/* Less than the loop waits for the thread (mqtt_worker.c). */
#define LINGER_NS (150 * NS_PER_MS)

int64_t mqtt_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

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

/*
 * Closing while something is unread is a reset (RFC 2525, 2.17), and a broker that is just writing to us sees that
 * before the DISCONNECT that it has not read yet. So what comes is read until the broker has closed, for a moment.
 */
static void await_end(int fd)
{
	int64_t now_ns = mqtt_clock_ns(), end_ns = now_ns + LINGER_NS;
	struct pollfd end = {.fd = fd, .events = POLLIN};
	char ignored[1024];

	shutdown(fd, SHUT_WR);
	for (; now_ns < end_ns; now_ns = mqtt_clock_ns()) {
		if (poll(&end, 1, (int)((end_ns - now_ns) / NS_PER_MS) + 1) <= 0)
			continue;
		ssize_t got = recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return;
	}
}

void mqtt_link_goodbye(struct mqtt_link *link)
{
	/* A CONNECT that has not left may have to wait for a proof; without it there is no will either. */
	bool left = link->phase != MQTT_LINK_CLOSED && !mqtt_client_wants_write(link);
	int fd;

	if (link->phase != MQTT_LINK_UP && !left)
		return;
	fd = fcntl(link->fd, F_DUPFD_CLOEXEC, 0); /* the library closes its own at once */
	mqtt_client_goodbye(link);
	if (fd >= 0) {
		await_end(fd);
		close(fd);
	}
}

void mqtt_link_close(struct mqtt_link *link)
{
	mqtt_client_close(link);
	link->phase = MQTT_LINK_CLOSED;
}
