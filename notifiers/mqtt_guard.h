/* SPDX-License-Identifier: MIT */
/* Bounds on what a broker may make the kernel and the library hold. The worker's thread. */
#ifndef HOSTINGPI_MQTT_GUARD_H
#define HOSTINGPI_MQTT_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed is a valid start. */
struct mqtt_guard {
	int fd;
	uint64_t incoming_bytes_s; /* what subscriptions bring in the long run */
	uint64_t burst;		   /* what may come in one go */
	uint64_t received;	   /* at the last look */
	uint64_t allowed; /* what the broker has reason to send, since the connection began */
	bool broken;
};

/* fd is a TCP socket that connects. */
void mqtt_guard_start(struct mqtt_guard *guard, int fd, uint64_t incoming_bytes_s);
/* A packet went out that has an answer of its own. */
void mqtt_guard_expect(struct mqtt_guard *guard, bool v5);
/* Time passed. */
void mqtt_guard_allow(struct mqtt_guard *guard, int64_t seconds);
/* Looks. False, from then on, when more came in than that. */
bool mqtt_guard_holds(struct mqtt_guard *guard);

/* After a connect() that failed without saying why: whether the other side ever took it. */
bool mqtt_guard_was_taken(int fd);

#endif
