/* SPDX-License-Identifier: MIT */
/*
 * Records of the kernel log, one per line of the input, through parser, catalogue, disks and incidents.
 * Whatever comes, user space counts nothing, counters only grow, numbers that are missing are counted,
 * and every record that counts is told. The same bytes also stand for the file with the position and for
 * /proc/swaps.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"
#include "collectors/kernel_log_position.h"
#include "collectors/kernel_log_record.h"
#include "collectors/kernel_log_tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
}

/* Bytes as a line of the kernel, to spare the fuzzer the head of a record. */
static void take_text(struct klog_tally *tally, const char *bytes, size_t length, int64_t now_ns)
{
	struct klog_match match;
	struct klog_place place;
	char text[KLOG_TEXT_SIZE];
	size_t kept = length < sizeof(text) - 1 ? length : sizeof(text) - 1;
	memcpy(text, bytes, kept);
	text[kept] = '\0';
	if (!klog_classify(text, 3, &match))
		return;
	expect(match.class < KLOG_LOST && match.site < KLOG_SITES);
	expect(match.count >= 0 && match.count <= 1000000000);
	expect(strlen(match.device) < sizeof(match.device));
	if (klog_disks_place(&tally->disks, &match, &place)) {
		expect(strlen(place.disk) < sizeof(place.disk));
		if (match.class != KLOG_NOTHING)
			klog_incidents_add(&tally->incidents, match.class, 1, &place, text, now_ns);
	}
}

/* Copies a record to memory of its own, so that a read behind its end is seen. */
static void take(struct klog_tally *tally, const char *record, size_t length, int64_t now_ns)
{
	char *copy = malloc(length ? length : 1);
	expect(copy != NULL);
	memcpy(copy, record, length);

	int64_t before[KLOG_COUNTERS];
	memcpy(before, tally->counters, sizeof(before));
	struct klog_record parsed;
	bool kernel = klog_parse(copy, length, &parsed) == 0 && parsed.facility == 0;
	klog_tally_record(tally, copy, length, now_ns);
	for (size_t i = 0; i < KLOG_COUNTERS; i++) {
		expect(tally->counters[i] >= before[i]);
		expect(kernel || i == KLOG_COUNT_LOST || tally->counters[i] == before[i]);
	}
	take_text(tally, copy, length, now_ns);
	free(copy);
}

/* The first number is a count of records in all events of the storm. */
static int64_t told_by(const struct batch *batch)
{
	int64_t told = 0;
	for (size_t i = 0; i < batch->event_count; i++) {
		const struct event *event = &batch->events[i];
		expect(event->kind[0] && event->text[0] && event->values[0].name);
		told += event->values[0].value;
	}
	return told;
}

static void take_files(const char *text, size_t size)
{
	static const char id[] = "7bee0392-aceb-44f2-9b3b-0f9ece9bb141";
	char device[DISK_NAME_SIZE], disk[DISK_NAME_SIZE];
	uint64_t next;
	char *copy = malloc(size + 1);
	expect(copy != NULL);
	memcpy(copy, text, size);
	copy[size] = '\0';
	klog_position_parse(copy, size, id, &next);
	for (const char *at = copy; klog_swaps_next(&at, device, sizeof(device));) {
		klog_disk_of(device, disk);
		expect(strncmp(device, disk, strlen(disk)) == 0);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct klog_tally tally;
	struct batch batch;
	int64_t now_ns = NS_PER_S, told = 0;
	const char *at = (const char *)data, *end = at + size;

	memset(&tally, 0, sizeof(tally));
	tally.disks.own_count = tally.disks.root_count = 1;
	strcpy(tally.disks.own[0], "mmcblk0");
	if (size > 0 && *at == '>')
		klog_tally_resume(&tally, size);
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);
		if (length == 1 && *at == '!')
			klog_tally_overrun(&tally);
		else if (length == 1 && *at == '=')
			klog_tally_caught_up(&tally);
		else
			take(&tally, at, length, now_ns);
		now_ns += 100 * NS_PER_MS;
		at += length + 1;
	}
	take_files((const char *)data, size);

	/* Everything is told within a few batches, and then nothing is open. */
	now_ns += 60 * NS_PER_S;
	bool more = true, any = false;
	for (size_t i = 0; i < KLOG_INCIDENTS; i++)
		any |= tally.incidents.all[i].open;
	for (int i = 0; i < 8 && more; i++) {
		batch_reset(&batch);
		more = klog_incidents_tell(&tally.incidents, now_ns, &batch);
		expect(!batch.overflow);
		told += told_by(&batch);
	}
	expect(!more && (told > 0) == any);
	for (size_t i = 0; i < KLOG_INCIDENTS; i++)
		expect(!tally.incidents.all[i].open);
	return 0;
}
