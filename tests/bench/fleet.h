/* SPDX-License-Identifier: MIT */
/* What the simulated agents (fleet.c) and the subscriber (fleet_watch.c) write down; fleet.py reads it. */
#ifndef HOSTINGPI_BENCH_FLEET_H
#define HOSTINGPI_BENCH_FLEET_H

#include <stdint.h>

/* Ids are this and four digits; all of one length, so that one document serves for all. */
#define FLEET_ID "fleet-"
#define FLEET_ID_SIZE sizeof(FLEET_ID "0000")
#define FLEET_MOST 10000

enum fleet_kind {
	FLEET_STATE,   /* fleet: handed to the library; watch: arrived */
	FLEET_HISTORY, /* the same */
	FLEET_DIAL,    /* the call of a broker begins */
	FLEET_UP,      /* fleet: the broker greeted; watch: subscribed */
	FLEET_LOST,    /* a connection that stood has ended */
};

/* 24 bytes, no padding inside, this machine's byte order. */
struct fleet_record {
	int64_t at_us;	  /* wall clock, unix microseconds */
	int32_t value_us; /* STATE, HISTORY: since the sample was due */
	uint32_t seq;	  /* of the sample */
	uint32_t size;	  /* of the document */
	uint16_t agent;
	uint8_t kind;
	uint8_t spare;
};

_Static_assert(sizeof(struct fleet_record) == 24, "fleet.py unpacks it");

#endif
