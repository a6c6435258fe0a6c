/* SPDX-License-Identifier: MIT */
/*
 * What a module hands in: samples (value, text or "unknown, because ...") and events, in a batch of
 * fixed size. "Unknown" is a kind of its own and always carries a reason; it is never a number.
 */
#ifndef HOSTINGPI_SAMPLE_H
#define HOSTINGPI_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sample_kind {
	SAMPLE_VALUE,
	SAMPLE_TEXT,
	SAMPLE_UNKNOWN,
};

struct sample {
	uint16_t metric;  /* index into the metrics of the module that hands it in */
	uint8_t kind;	  /* enum sample_kind */
	int64_t value;	  /* SAMPLE_VALUE: in the unit of the metric */
	const char *text; /* SAMPLE_TEXT, or the reason of SAMPLE_UNKNOWN */
};

enum severity {
	SEVERITY_INFO,
	SEVERITY_WARNING,
	SEVERITY_CRITICAL,
};

/* The names of enum severity, null-terminated. */
extern const char *const severity_words[];

#define EVENT_KIND_SIZE 32
#define EVENT_TEXT_SIZE 192
#define EVENT_VALUES 6

/* One named number in an event. The name is static. */
struct event_value {
	const char *name;
	int64_t value;
};

/*
 * Something that happened. The module fills kind, severity, text and values; the core stamps ts_ms
 * and id when it takes the event over.
 */
struct event {
	uint64_t id;   /* counts up from 1 since the agent's start */
	int64_t ts_ms; /* wall clock, unix milliseconds */
	enum severity severity;
	char kind[EVENT_KIND_SIZE]; /* e.g. "sd-write-error", "state" */
	char text
		[EVENT_TEXT_SIZE]; /* one sentence for people; cut at a character, marked by "..." */
	struct event_value values[EVENT_VALUES]; /* unused ones have no name */
};

/* 40: the module with the most metrics (memory) has 26; all of one module come in one batch. */
#define BATCH_SAMPLES 40
/* 8: one kernel log read hands in at most 8 incidents, the rest at its next read. */
#define BATCH_EVENTS 8

struct batch {
	struct sample samples[BATCH_SAMPLES];
	size_t sample_count;
	struct event events[BATCH_EVENTS];
	size_t event_count;
	bool overflow; /* a module handed in more than fits: a bug of that module */
	/*
	 * When all samples of the batch were measured, where that was earlier than the read (a poll
	 * that runs between two reads); 0: at the read. Rates and staleness follow it.
	 */
	int64_t stamp_ns;
};

/* Empties a batch. Cheap: it does not clear the arrays. */
void batch_reset(struct batch *batch);

/* Hands in a value, in the unit of the metric. */
void batch_value(struct batch *batch, unsigned metric, int64_t value);

/* Hands in a text for a metric of UNIT_TEXT. It must live until the batch has been taken over. */
void batch_text(struct batch *batch, unsigned metric, const char *text);

/*
 * How a reason begins where this machine cannot have the reading, and nothing is wrong with that (a
 * root file system without NFS has no NFS server): the doctor does not report it.
 */
#define NOT_APPLICABLE "not applicable: "

/*
 * Says that there is no value and why. The reason must live until the module is closed: it is
 * static or stands in the module's own memory.
 */
void batch_unknown(struct batch *batch, unsigned metric, const char *reason);

/*
 * Adds an event with a printf-like text and returns it, so that values can be attached with
 * event_put(); NULL if the batch is full (then batch.overflow is set).
 */
struct event *batch_event(struct batch *batch, const char *kind, enum severity severity,
			  const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Attaches a named number; name must be static. More than EVENT_VALUES are ignored. NULL is fine. */
void event_put(struct event *event, const char *name, int64_t value);

/*
 * Copies text cut to size at a character boundary (UTF-8), marking a cut with "...". Returns true if
 * it was cut. size is at least 4.
 */
bool text_copy(char *target, size_t size, const char *text);

#endif
