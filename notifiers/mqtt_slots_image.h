/* SPDX-License-Identifier: MIT */
/* How the slots look in memory; for mqtt_slots.c and mqtt_slots_open.c alone. */
#ifndef HOSTINGPI_MQTT_SLOTS_IMAGE_H
#define HOSTINGPI_MQTT_SLOTS_IMAGE_H

#include <stdatomic.h>

#include "notifiers/mqtt_slots.h"

#define SLOTS_PAGE 4096
#define SLOTS_MAGIC 0x52495048u /* HPIR */
/* Another one whenever records are written in another way, contents included. */
#define SLOTS_VERSION 1
#define SLOTS_STAMP_UNIT_NS INT64_C(100000000)
#define SLOTS_NUMBER_MAX (UINT64_C(1) << 62)
/* What is found must leave room for what is to come. */
#define SLOTS_NUMBER_FOUND_MAX (SLOTS_NUMBER_MAX / 2)

struct slots_directory {
	uint32_t magic, version;
	uint32_t slot_size;
	uint32_t used;	 /* bits */
	uint64_t number; /* no record that ever was in a slot not in use had a higher one */
};

struct slots_head {
	uint32_t used; /* bytes of records */
	uint32_t padding;
	uint64_t first; /* number below the first record's */
};

#define SLOTS_HEAD_SIZE (sizeof(struct slots_directory) + sizeof(struct slots_head))
#define SLOTS_STATE_AT 2
#define SLOTS_CHECK_AT 3
#define SLOTS_FIXED_SIZE 5

static inline struct slots_directory *slots_directory(const struct mqtt_slots *slots)
{
	return (struct slots_directory *)(slots->memory.bytes + slots->offset);
}

static inline char *slots_bytes(const struct mqtt_slots *slots, unsigned slot)
{
	return slots->memory.bytes + slots->offset + slot * slots->slot_size;
}

static inline struct slots_head *slots_head(const struct mqtt_slots *slots, unsigned slot)
{
	return (struct slots_head *)(slots_bytes(slots, slot) + sizeof(struct slots_directory));
}

static inline uint8_t *slots_records(const struct mqtt_slots *slots, unsigned slot)
{
	return (uint8_t *)slots_bytes(slots, slot) + SLOTS_HEAD_SIZE;
}

static inline void slots_publish(uint32_t *place, uint32_t value)
{
	atomic_signal_fence(memory_order_seq_cst);
	*(volatile uint32_t *)place = value;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline uint16_t slots_read_16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* Over all of a record but its state and the check. Finds damage, not malice. FNV-1a, folded. */
static inline uint16_t slots_check(const uint8_t *record)
{
	size_t end = SLOTS_FIXED_SIZE + slots_read_16(record);
	uint32_t sum = (2166136261u ^ slots_read_16(record)) * 16777619u;

	for (size_t i = SLOTS_FIXED_SIZE; i < end; i++)
		sum = (sum ^ record[i]) * 16777619u;
	return (uint16_t)(sum >> 16 ^ sum);
}

/* Whether memory may be written, offset as in the slots. 0 or -ENOSPC. */
int slots_reserve(const struct mqtt_slots *slots, size_t offset, size_t length);
/* Gives the memory of a slot back, but for the directory's page. */
void slots_release(struct mqtt_slots *slots, unsigned slot);
/* Makes the memory one in which nothing is. */
void slots_format(struct mqtt_slots *slots);

#endif
