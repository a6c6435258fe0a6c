/* SPDX-License-Identifier: MIT */
/* One simulated agent: its samples, its connection, what it still has to tell. */
#ifndef HOSTINGPI_BENCH_FLEET_AGENT_H
#define HOSTINGPI_BENCH_FLEET_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "notifiers/mqtt_link.h"
#include "notifiers/mqtt_queue.h"
#include "tests/bench/fleet.h"

/* Samples that an agent remembers: an hour and a bit. */
#define FLEET_WINDOW 4096
#define FLEET_DOCUMENTS 8
#define FLEET_TOPIC_SIZE 128
/* The longest document is the one for Home Assistant. */
#define FLEET_DOCUMENT_SIZE 65536

/* A recorded message. */
struct fleet_document {
	char topic[FLEET_TOPIC_SIZE];
	char *text;
	int length;
};

/* What all agents have in common. */
struct fleet {
	struct mqtt_address address;
	int port;
	unsigned count;
	bool fixed;    /* pauses as libmosquitto makes them */
	bool together; /* all sample at the same moment */
	int64_t history_step_ns;
	int64_t wall_ns; /* wall clock minus monotonic clock */
	int epoll_fd;
	FILE *records;
	struct fleet_document state; /* its text begins behind the value of seq */
	struct fleet_document documents[FLEET_DOCUMENTS];
	size_t document_count;
	struct fleet_agent *agents;
};

/* A message of QoS 1 that waits for its PUBACK. */
struct fleet_flight {
	int number;
	uint32_t told;	  /* the newest sample that went out live before it */
	uint32_t history; /* the sample that it carries; 0: none */
};

struct fleet_agent {
	const struct fleet *fleet;
	char id[FLEET_ID_SIZE];
	uint16_t index;
	struct mqtt_link_conf conf;
	struct mqtt_link link;
	char will_topic[FLEET_TOPIC_SIZE];
	uint32_t interest; /* what epoll watches its descriptor for */
	unsigned failed;
	uint64_t random;
	int64_t up_ns; /* since when; 0: not connected */
	int64_t dial_ns, link_ns, sample_ns, history_ns;
	size_t documents;     /* sent on this connection */
	uint32_t seq;	      /* the newest sample */
	uint32_t oldest;      /* the first that the broker is not known to have */
	uint32_t told;	      /* the newest that went out live on this connection */
	uint32_t unconfirmed; /* from here to told: live, and nothing acknowledged since */
	uint32_t backlog;     /* samples to replay */
	bool waits;	      /* the newest sample was not told yet */
	unsigned flying;
	struct fleet_flight flights[MQTT_IN_FLIGHT];
	uint8_t marks[FLEET_WINDOW];
};

void fleet_agent_init(struct fleet_agent *agent, const struct fleet *fleet, unsigned index,
		      int64_t now_ns);
/* When it wants to be called. */
int64_t fleet_agent_next_ns(const struct fleet_agent *agent);
/* That moment has come. */
void fleet_agent_tick(struct fleet_agent *agent, int64_t now_ns);
/* epoll says something about its connection. */
void fleet_agent_step(struct fleet_agent *agent, uint32_t events, int64_t now_ns);

int64_t fleet_clock_ns(clockid_t clock);
/* Says what failed, with errno, and ends the program. */
_Noreturn void fleet_die(const char *what);

#endif
