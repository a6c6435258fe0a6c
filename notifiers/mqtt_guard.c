/* SPDX-License-Identifier: MIT */
/*
 * libmosquitto would take packets of any length up to 256 MiB into memory. The kernel counts what came
 * in on a connection, and that is compared with what the broker has reason to send: answers, pings,
 * and what subscriptions bring. Unused allowance does not add up beyond what one burst may be, or a
 * connection of a month would be one without bounds.
 */
#include "notifiers/mqtt_guard.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* For the TLS handshake with a long chain, and for a burst. */
#define BYTES_BURST 32768
/* What subscriptions bring in one go: what another form of discovery has left, with TLS records. */
#define BYTES_BURST_SUBSCRIBED (128 * 1024)
/* A PUBACK of 4 bytes or, with TLS, 4 and a record header and tag of 22..37. With MQTT 5 it may carry
 * a sentence about the reason (section 3.4.2.2). */
#define BYTES_ANSWER 64
#define BYTES_ANSWER_V5 512
/* Pings, twice what they can be. */
#define BYTES_SECOND 128
/* What the kernel holds back for a broker that does not read: a dozen states, not the megabytes to
 * which it would grow. The kernel doubles both. */
#define SEND_BUFFER 32768
#define RECEIVE_BUFFER 8192

static struct tcp_info ask_tcp(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	(void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
	return info;
}

void mqtt_guard_start(struct mqtt_guard *guard, int fd, uint64_t incoming_bytes_s)
{
	int send = SEND_BUFFER, receive = RECEIVE_BUFFER;

	*guard = (struct mqtt_guard){
		.fd = fd,
		.incoming_bytes_s = incoming_bytes_s,
		.burst = incoming_bytes_s ? BYTES_BURST_SUBSCRIBED : BYTES_BURST,
	};
	guard->allowed = guard->burst;
	/* Without these limits it works as well, only with more memory in the kernel. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send, sizeof(send));
	/* Who reads much: what is kept for it comes at once, and needs a window of the kernel's own size
	 * (where a segment has 64 KiB, as on loopback, a smaller one is filled once in 200 ms). */
	if (incoming_bytes_s > BYTES_BURST_SUBSCRIBED)
		guard->burst = guard->allowed = incoming_bytes_s;
	else
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
}

static void add(struct mqtt_guard *guard, uint64_t bytes)
{
	uint64_t most = guard->received + guard->burst;

	guard->allowed += bytes;
	if (guard->allowed > most)
		guard->allowed = most;
}

void mqtt_guard_expect(struct mqtt_guard *guard, bool v5)
{
	add(guard, v5 ? BYTES_ANSWER_V5 : BYTES_ANSWER);
}

void mqtt_guard_allow(struct mqtt_guard *guard, int64_t seconds)
{
	add(guard, (uint64_t)seconds * (BYTES_SECOND + guard->incoming_bytes_s));
}

bool mqtt_guard_holds(struct mqtt_guard *guard)
{
	guard->received = ask_tcp(guard->fd).tcpi_bytes_received;
	if (guard->received > guard->allowed)
		guard->broken = true;
	return !guard->broken;
}

bool mqtt_guard_was_taken(int fd)
{
	return ask_tcp(fd).tcpi_bytes_acked > 0;
}
