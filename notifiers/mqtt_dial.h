/* SPDX-License-Identifier: MIT */
/*
 * Whom to call, in which order, after which pause, and what to say when nobody answered. Only
 * mqtt_dial_find() blocks: it belongs to the worker's thread.
 */
#ifndef HOSTINGPI_MQTT_DIAL_H
#define HOSTINGPI_MQTT_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/addr.h"

/* More addresses than that for one name are a farm of brokers; eight tries of it are enough. */
#define MQTT_ADDRESSES 8
/* The longest reason of ours has 130 characters. */
#define MQTT_REASON_SIZE 160

struct mqtt_address {
	int family;
	char literal[64];	   /* for libmosquitto: 46 + "%" + 15 */
	char text[ADDR_TEXT_SIZE]; /* for people, with the port */
};

struct mqtt_address_list {
	size_t count;
	struct mqtt_address addresses[MQTT_ADDRESSES];
};

/*
 * Looks host up, in the resolver's order of preference. With one_per_family only the first address of
 * each family is kept. Blocks as long as the resolver likes. Returns 0, or -EHOSTUNREACH with one
 * sentence in ret_error.
 */
int mqtt_dial_find(const char *host, int port, bool one_per_family,
		   struct mqtt_address_list *ret_list, char *ret_error, size_t size);

/* Why each address of one round failed. Zeroed is a valid start. */
struct mqtt_failures {
	size_t count;
	char addresses[MQTT_ADDRESSES][ADDR_TEXT_SIZE];
	char reasons[MQTT_ADDRESSES][MQTT_REASON_SIZE];
};

void mqtt_failures_add(struct mqtt_failures *failures, const char *address, const char *reason);
/* One sentence for all of them: a common reason once, different ones each with its address. */
void mqtt_failures_text(const struct mqtt_failures *failures, char *ret_text, size_t size);

/*
 * The pause before the next round: anything up to a ceiling that doubles from first_ms with each failed
 * round up to longest_ms. The whole of it is random ("full jitter"), so that a fleet does not come
 * back in step; 100 ms is the least.
 */
int64_t mqtt_pause_ms(unsigned failed_rounds, int64_t first_ms, int64_t longest_ms,
		      uint64_t random);

/* A small generator for that (xorshift64*, Vigna 2016); state must not be 0. */
uint64_t mqtt_random(uint64_t *state);

#endif
