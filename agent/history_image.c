/* SPDX-License-Identifier: MIT */
/*
 * A head with the names of the series and the running steps, then all points as they stand in memory. Every
 * number is looked at before anything is taken over: a file can be anything.
 */
#include "agent/history_image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/history_self.h"

#define BOOT_SIZE 40
#define NAME_SIZE 64
/* Another layout gets another one. */
static const char magic[8] = "hpihist1";

struct head {
	char magic[sizeof(magic)];
	char boot[BOOT_SIZE];
	char names[HISTORY_SERIES][NAME_SIZE];
	int64_t number[HISTORY_SPANS];
	struct running running[HISTORY_SERIES][HISTORY_SPANS];
};

static size_t points_of(const struct history *history)
{
	return history->count * STEPS_OF_ALL;
}

size_t history_image_size(const struct history *history)
{
	return sizeof(struct head) + points_of(history) * sizeof(history->points[0]);
}

/* What makes an image fit this history in this boot. */
static void head_begin(const struct history *history, const char *boot, struct head *ret_head)
{
	*ret_head = (struct head){0};
	memcpy(ret_head->magic, magic, sizeof(magic));
	snprintf(ret_head->boot, sizeof(ret_head->boot), "%s", boot);
	for (size_t i = 0; i < history->count; i++) {
		const struct metric *metric = history->series[i].metric;

		snprintf(ret_head->names[i], NAME_SIZE, "%s.%s", metric->group,
			 history->series[i].rate ? metric->rate_name : metric->name);
	}
}

void history_save(const struct history *history, const char *boot, void *bytes)
{
	struct head head;

	head_begin(history, boot, &head);
	memcpy(head.number, history->number, sizeof(head.number));
	for (size_t i = 0; i < history->count; i++)
		memcpy(head.running[i], history->series[i].running, sizeof(head.running[i]));
	memcpy(bytes, &head, sizeof(head));
	memcpy((char *)bytes + sizeof(head), history->points,
	       points_of(history) * sizeof(history->points[0]));
}

/* A sum of so many numbers between least and most. */
static bool running_valid(const struct running *running)
{
	int64_t low, high;

	if (running->count == 0)
		return running->sum == 0;
	return running->count > 0 && running->least >= -NUMBER_MOST &&
	       running->most <= NUMBER_MOST && running->least <= running->most &&
	       !__builtin_mul_overflow(running->least, running->count, &low) &&
	       !__builtin_mul_overflow(running->most, running->count, &high) &&
	       running->sum >= low && running->sum <= high;
}

static bool head_valid(const struct history *history, const struct head *head, const char *boot,
		       int64_t now_ns)
{
	struct head expected;

	head_begin(history, boot, &expected);
	if (memcmp(head, &expected, offsetof(struct head, number)) != 0)
		return false;
	for (enum history_span span = 0; span < HISTORY_SPANS; span++) {
		if (head->number[span] < 0 || head->number[span] > history_number(span, now_ns))
			return false;
		for (size_t i = 0; i < history->count; i++)
			if (!running_valid(&head->running[i][span]))
				return false;
	}
	return true;
}

static bool point_valid(const struct point *point)
{
	if (point->least == GAP || point->mean == GAP || point->most == GAP)
		return point->least == GAP && point->mean == GAP && point->most == GAP;
	return history_unpack(point->least) <= history_unpack(point->mean) &&
	       history_unpack(point->mean) <= history_unpack(point->most);
}

static bool points_valid(const char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct point point;

		memcpy(&point, bytes + i * sizeof(point), sizeof(point));
		if (!point_valid(&point))
			return false;
	}
	return true;
}

int history_load(struct history *history, const char *boot, int64_t now_ns, const void *bytes,
		 size_t length)
{
	const char *points = (const char *)bytes + sizeof(struct head);
	struct head head;

	if (length != history_image_size(history))
		return -EINVAL;
	memcpy(&head, bytes, sizeof(head));
	if (!head_valid(history, &head, boot, now_ns) || !points_valid(points, points_of(history)))
		return -EINVAL;
	memcpy(history->number, head.number, sizeof(head.number));
	for (size_t i = 0; i < history->count; i++)
		memcpy(history->series[i].running, head.running[i], sizeof(head.running[i]));
	memcpy(history->points, points, length - sizeof(head));
	history->started = true;
	return 0;
}
