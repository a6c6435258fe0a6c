/* SPDX-License-Identifier: MIT */
/* Lines of the kernel into a tally, and what comes out of it. To be included by one test program each. */
#ifndef HOSTINGPI_TEST_KERNEL_LOG_FIXTURE_H
#define HOSTINGPI_TEST_KERNEL_LOG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/units.h"
#include "collectors/kernel_log_tally.h"

/* A Pi with its root on mmcblk0, swap on a USB disk and a radio chip on mmc1. */
static inline struct klog_tally *pi_new(void)
{
	struct klog_tally *tally = calloc(1, sizeof(*tally));
	assert_non_null(tally);
	tally->disks = (struct klog_disks){
		.root = "mmcblk0p2",
		.hosts_known = true,
		.mmc_hosts = 1,
		.own_count = 2,
		.root_count = 1,
		.own = {"mmcblk0", "sda"},
		.number_count = 4,
		.numbers = {{179, 0, "mmcblk0"}, {179, 2, "mmcblk0"}, {8, 0, "sda"}, {254, 0, ""}},
	};
	return tally;
}

/* A record of the kernel's own, with the next sequence number. */
static inline bool say_level(struct klog_tally *tally, unsigned level, const char *text, int64_t ns)
{
	char record[1024];
	int length = snprintf(record, sizeof(record), "%u,%llu,1,-;%s", level,
			      (unsigned long long)tally->next_sequence, text);
	assert_true(length > 0 && (size_t)length < sizeof(record));
	return klog_tally_record(tally, record, (size_t)length, ns);
}

static inline bool say(struct klog_tally *tally, const char *text, int64_t ns)
{
	return say_level(tally, 3, text, ns);
}

/* The events that are due. */
static inline const struct batch *events(struct klog_tally *tally, int64_t ns)
{
	static struct batch batch;
	batch_reset(&batch);
	klog_incidents_tell(&tally->incidents, ns, &batch);
	assert_false(batch.overflow);
	return &batch;
}

static inline void expect_event(const struct batch *batch, size_t index, const char *kind,
				enum severity severity, const char *text)
{
	assert_true(index < batch->event_count);
	assert_string_equal(batch->events[index].kind, kind);
	assert_int_equal(batch->events[index].severity, severity);
	assert_string_equal(batch->events[index].text, text);
}

/* A number of an event; -1 if it has none by that name. */
static inline int64_t event_value(const struct event *event, const char *name)
{
	for (size_t i = 0; i < EVENT_VALUES && event->values[i].name; i++)
		if (strcmp(event->values[i].name, name) == 0)
			return event->values[i].value;
	return -1;
}

#endif
