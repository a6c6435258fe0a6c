/* SPDX-License-Identifier: MIT */
/*
 * Records of the kernel log, one per line of the input, through parser, table and incidents. Whatever
 * comes, user space counts nothing, counters only grow and no event is lost for want of room.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/units.h"
#include "collectors/kernel_log_tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
	if (!condition)
		abort();
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
	int r = klog_parse(copy, length, &parsed);
	klog_tally_record(tally, copy, length, now_ns);
	for (size_t i = 0; i < KLOG_COUNTERS; i++) {
		expect(tally->counters[i] >= before[i]);
		expect((r == 0 && parsed.facility == 0) || tally->counters[i] == before[i]);
	}

	/* The same bytes as text of the kernel, to spare the fuzzer the head of a record. */
	struct klog_context context = {0};
	struct klog_match match;
	char text[KLOG_TEXT_SIZE];
	size_t kept = length < sizeof(text) - 1 ? length : sizeof(text) - 1;
	memcpy(text, copy, kept);
	text[kept] = '\0';
	if (klog_classify(&context, text, &match)) {
		expect(match.class > KLOG_NOTHING && match.class < KLOG_LOST);
		expect(match.count > 0 && match.count <= 1000000000);
		expect(strlen(match.device) < sizeof(match.device));
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct klog_tally tally = {0};
	struct batch batch;
	int64_t now_ns = NS_PER_S;
	const char *at = (const char *)data, *end = at + size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((stop ? stop : end) - at);
		if (length == 1 && *at == '!')
			klog_tally_overrun(&tally);
		else
			take(&tally, at, length, now_ns);
		now_ns += 100 * NS_PER_MS;
		at += length + 1;
	}

	/* Everything is told within three batches, 6 s later, and then nothing is open. */
	now_ns += 6 * NS_PER_S;
	bool more = true;
	for (int i = 0; i < 6 && more; i++) {
		batch_reset(&batch);
		more = klog_tally_events(&tally, now_ns, &batch);
		expect(!batch.overflow);
	}
	expect(!more);
	for (size_t i = 0; i < KLOG_CLASSES; i++)
		expect(!tally.incidents[i].open);
	return 0;
}
