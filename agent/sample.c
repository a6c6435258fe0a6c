/* SPDX-License-Identifier: MIT */
/*
 * Batches have a fixed size: a module that hands in more than fits is a bug of that module, which is
 * kept in batch.overflow and told by the core, instead of an allocation on the sampling path.
 */
#include "agent/sample.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const severity_words[] = {
	[SEVERITY_INFO] = "info",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_CRITICAL] = "critical",
	NULL,
};

void batch_reset(struct batch *batch)
{
	batch->sample_count = 0;
	batch->event_count = 0;
	batch->overflow = false;
	batch->stamp_ns = 0;
}

static void batch_add(struct batch *batch, struct sample sample)
{
	if (batch->sample_count == BATCH_SAMPLES) {
		batch->overflow = true;
		return;
	}
	batch->samples[batch->sample_count++] = sample;
}

void batch_value(struct batch *batch, unsigned metric, int64_t value)
{
	batch_add(batch, (struct sample){
				 .metric = (uint16_t)metric, .kind = SAMPLE_VALUE, .value = value});
}

void batch_text(struct batch *batch, unsigned metric, const char *text)
{
	batch_add(batch,
		  (struct sample){.metric = (uint16_t)metric, .kind = SAMPLE_TEXT, .text = text});
}

void batch_unknown(struct batch *batch, unsigned metric, const char *reason)
{
	batch_add(batch, (struct sample){.metric = (uint16_t)metric,
					 .kind = SAMPLE_UNKNOWN,
					 .text = reason});
}

struct event *batch_event(struct batch *batch, const char *kind, enum severity severity,
			  const char *format, ...)
{
	if (batch->event_count == BATCH_EVENTS) {
		batch->overflow = true;
		return NULL;
	}

	/* Long enough that text_copy() sees whether it must cut. */
	char text[2 * EVENT_TEXT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	struct event *event = &batch->events[batch->event_count++];
	memset(event, 0, sizeof(*event));
	event->severity = severity;
	text_copy(event->kind, sizeof(event->kind), kind);
	text_copy(event->text, sizeof(event->text), text);
	return event;
}

void event_put(struct event *event, const char *name, int64_t value)
{
	if (!event)
		return;
	for (size_t i = 0; i < EVENT_VALUES; i++) {
		if (event->values[i].name)
			continue;
		event->values[i] = (struct event_value){.name = name, .value = value};
		return;
	}
}

bool text_copy(char *target, size_t size, const char *text)
{
	size_t length = strlen(text);
	if (length < size) {
		memcpy(target, text, length + 1);
		return false;
	}

	size_t keep = size - sizeof("...");
	/* A continuation byte is never the first one of a character. */
	while (keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80)
		keep--;
	memcpy(target, text, keep);
	memcpy(target + keep, "...", sizeof("..."));
	return true;
}
