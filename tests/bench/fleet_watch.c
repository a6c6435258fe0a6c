/* SPDX-License-Identifier: MIT */
/*
 * One subscriber to everything that a fleet says:
 *
 *   fleet_watch PORT FILE
 *
 * Subscribes at [::1] to state and history of all with QoS 0, and appends a record (fleet.h) for each
 * message: when it came, and how old the sample in it was then; and one whenever it is subscribed. It
 * speaks just enough MQTT 3.1.1 for that, so that what is measured is the broker and not a library. When
 * the broker goes it calls again a thousand times a second, to be the first one back. SIGTERM ends it.
 */
#include "tests/bench/fleet.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PREFIX "hostingpi/" FLEET_ID
/* A hundred packets of the longest document. */
#define BUFFER_SIZE (2 << 20)
#define CALL_STEP_NS 1000000
#define READ_STEP_US 100000
#define US_PER_S 1000000

/* MQTT 3.1.1, sections 3.1 and 3.8: clean session, no keepalive, client "watch"; two filters. */
static const char hello[] = "\x10\x11\0\x04MQTT\x04\x02\0\0\0\x05watch";
static const char subscribe[] = "\x82\x2c\0\x01"
				"\0\x11hostingpi/+/state\0"
				"\0\x13hostingpi/+/history\0";

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

/* Appends a record of now; since_us: when its sample was taken, 0 if it has none. */
static void put(FILE *records, struct fleet_record one, int64_t since_us)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	one.at_us = (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
	if (since_us)
		one.value_us = (int32_t)(one.at_us - since_us);
	if (fwrite(&one, sizeof(one), 1, records) != 1)
		ended = 1;
}

/* Takes down one PUBLISH of QoS 0: topic and payload. */
static void take(FILE *records, const unsigned char *body, size_t size)
{
	size_t topic_size = size >= 2 ? (size_t)body[0] << 8 | body[1] : size;
	const char *topic = (const char *)body + 2;
	char head[64] = "";
	long long ts_ms;
	unsigned seq;
	struct fleet_record one = {0};

	if (topic_size + 2 > size || topic_size < sizeof(PREFIX "0000/state") - 1 ||
	    memcmp(topic, PREFIX, sizeof(PREFIX) - 1) != 0)
		return;
	one.size = (uint32_t)(size - 2 - topic_size);
	memcpy(head, topic + topic_size, one.size < sizeof(head) ? one.size : sizeof(head) - 1);
	if (sscanf(head, "{\"ts\":%lld,\"seq\":%u,", &ts_ms, &seq) != 2)
		return;
	one.seq = seq;
	one.agent = (uint16_t)atoi(topic + sizeof(PREFIX) - 1);
	one.kind = topic[topic_size - 1] == 'y' ? FLEET_HISTORY : FLEET_STATE;
	put(records, one, ts_ms * 1000);
}

/* Takes all packets that are there as a whole; returns how many bytes that were. */
static size_t take_all(FILE *records, const unsigned char *data, size_t size)
{
	size_t used = 0;

	for (;;) {
		size_t at = used + 1, length = 0;
		bool more = true;

		for (unsigned shift = 0; more && at < size && shift < 28; shift += 7) {
			length |= (size_t)(data[at] & 0x7f) << shift;
			more = data[at++] & 0x80;
		}
		if (more || length > size - at)
			return used;
		if ((data[used] & 0xf6) == 0x30) /* PUBLISH of QoS 0 */
			take(records, data + at, length);
		if (data[used] == 0x90) /* SUBACK */
			put(records, (struct fleet_record){.kind = FLEET_UP}, 0);
		used = at + length;
	}
}

static int call(unsigned short port)
{
	const struct sockaddr_in6 address = {.sin6_family = AF_INET6,
					     .sin6_port = htons(port),
					     .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct timeval step = {.tv_usec = READ_STEP_US};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* The answers are known: what else comes is only looked at as packets. */
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &step, sizeof(step)) == 0 &&
	    send(fd, hello, sizeof(hello) - 1, MSG_NOSIGNAL) > 0 &&
	    send(fd, subscribe, sizeof(subscribe) - 1, MSG_NOSIGNAL) > 0)
		return fd;
	close(fd);
	return -1;
}

int main(int argc, char **argv)
{
	const struct timespec step = {.tv_nsec = CALL_STEP_NS};
	const struct sigaction action = {.sa_handler = end}; /* interrupts calls */
	static unsigned char buffer[BUFFER_SIZE];
	FILE *records = argc == 3 ? fopen(argv[2], "we") : NULL;
	size_t size = 0;
	int fd = -1;

	if (!records) {
		fputs("fleet_watch PORT FILE\n", stderr);
		return 2;
	}
	sigaction(SIGTERM, &action, NULL);
	while (!ended) {
		ssize_t count;

		if (fd < 0 && (fd = call((unsigned short)atoi(argv[1]))) < 0) {
			nanosleep(&step, NULL);
			continue;
		}
		count = recv(fd, buffer + size, BUFFER_SIZE - size, 0);
		if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
			close(fd);
			fd = -1;
			size = 0;
			continue;
		}
		if (count > 0) {
			size_t used;

			size += (size_t)count;
			used = take_all(records, buffer, size);
			size -= used;
			memmove(buffer, buffer + used, size);
			fflush(records); /* fleet.py follows it */
		}
	}
	return fclose(records) ? 1 : 0;
}
