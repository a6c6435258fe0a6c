/* SPDX-License-Identifier: MIT */
/*
 * What waits for the broker longer than a moment: samples, packed, and events, each in a part of one
 * fixed piece of memory that may outlive the process (mqtt_ring_memory.h). Neither part ever takes
 * room from the other. No lock, no clock, no descriptor; the worker guards it.
 *
 * A sample stays until the broker is known to have it: told live and confirmed by an acknowledgement
 * of something that was sent after it, or told as history and acknowledged itself.
 */
#ifndef HOSTINGPI_MQTT_RING_H
#define HOSTINGPI_MQTT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "notifiers/mqtt_ring_memory.h"

struct mqtt_ring;

/* The longest event. */
#define MQTT_RING_EVENT_SIZE 4000

/*
 * Makes a ring over memory (which must outlive it) and takes over what an earlier process left there;
 * whatever of that does not make sense is dropped and counted as lost. Everything that was left counts
 * as not told yet. NULL without memory.
 */
struct mqtt_ring *mqtt_ring_new(const struct mqtt_ring_memory *memory);
void mqtt_ring_free(struct mqtt_ring *ring);

/*
 * Takes a sample over: a JSON object as render_report() writes it. When there is no room, older samples are thinned:
 * every other one of the two neighbouring stretches that are densest goes, but none of the last minute
 * before stamp_ns (CLOCK_MONOTONIC) unless nothing else is left. Numbers count up from 1 over the life
 * of the memory. Without any memory (a full tmpfs) it is counted as thinned at once. Returns 0 or -EMSGSIZE (never taken).
 */
int mqtt_ring_put(struct mqtt_ring *ring, int64_t stamp_ns, const char *data, size_t length,
		  uint64_t *ret_number);
/* It went out live, but nobody knows yet whether it arrived. */
void mqtt_ring_told(struct mqtt_ring *ring, uint64_t number);
/* Everything that was told live, up to this number, has reached the broker. */
void mqtt_ring_confirm(struct mqtt_ring *ring, uint64_t number);
/*
 * The oldest sample with a number below `below` that was neither told nor returned here since the last
 * mqtt_ring_restart(). Copies its text, byte for byte what was put in, to buffer. False if there is none.
 */
bool mqtt_ring_next(struct mqtt_ring *ring, uint64_t below, char *buffer, size_t size,
		    uint64_t *ret_number, size_t *ret_length);
/* Its PUBACK came. */
void mqtt_ring_done(struct mqtt_ring *ring, uint64_t number);

/*
 * Takes an event over, any text of up to MQTT_RING_EVENT_SIZE bytes. When there is no room the oldest
 * events go and are counted. Numbers of their own, from 1 up. Returns 0 or -EMSGSIZE.
 */
int mqtt_ring_put_event(struct mqtt_ring *ring, const char *data, size_t length);
/* As for samples: the oldest event that was not returned since the last restart. */
bool mqtt_ring_next_event(struct mqtt_ring *ring, char *buffer, size_t size, uint64_t *ret_number,
			  size_t *ret_length);
void mqtt_ring_done_event(struct mqtt_ring *ring, uint64_t number);

/* A connection begins: what was told or returned, but neither confirmed nor done, is to be told again. */
void mqtt_ring_restart(struct mqtt_ring *ring);
/* The memory was lost: everything in it counts so, and the ring begins anew. */
void mqtt_ring_scrap(struct mqtt_ring *ring);

struct mqtt_ring_counts {
	size_t samples;	    /* in the ring, told ones that are not confirmed included */
	size_t untold;	    /* of these never told nor returned */
	size_t events;	    /* that wait for their acknowledgement */
	size_t bytes;	    /* of the memory in use, in slots of 16 and 4 KiB */
	uint64_t thinned;   /* samples that went to make room, in this process */
	uint64_t displaced; /* events, likewise */
	uint64_t lost;	    /* what an earlier process left and what made no sense, at least */
};

/* Costs no walk over the ring. */
struct mqtt_ring_counts mqtt_ring_counts(const struct mqtt_ring *ring);

#endif
