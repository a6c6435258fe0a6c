/* SPDX-License-Identifier: MIT */
/*
 * Texts of messages with placeholders: "{id}, {time}: back to normal after {duration}". "{{" and "}}"
 * stand for the braces themselves. Pure.
 */
#ifndef HOSTINGPI_POST_TEMPLATE_H
#define HOSTINGPI_POST_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"
#include "notifiers/post_conf.h"

/*
 * The longest that comes of a template: one event and one reason in the 198 bytes of a line, and a few
 * numbers. What is longer is cut at a character; services take less anyway.
 */
#define POST_RENDERED_SIZE 1024

/* A number that may be unknown. */
struct post_number {
	bool known;
	int64_t value;
};

/* What is known when a message is written. Unknown values are written as the word "unknown". */
struct post_values {
	const char *id;
	int64_t wall_ms;		 /* when it happened */
	const struct decision *decision; /* NULL: none yet */
	const char *event;		 /* text of an incident; NULL: it is none */
	struct post_number duration_s;	 /* of the trouble that is over */
	struct post_number uptime_s;	 /* of the machine */
	struct post_number temp;	 /* thousandths of a degree */
	struct post_number requests;	 /* per second, thousandths */
	struct post_number day_s;	 /* how long the figures of the day were taken */
	struct post_number day_requests, day_temp_max, day_headroom_min;
};

/*
 * Checks the template of a kind. Returns 0, or -EINVAL with one sentence that starts with key: an unknown
 * placeholder, one that this kind knows nothing for, a brace without its other half.
 */
int post_template_check(const char *key, enum post_kind kind, const char *template_text,
			char *ret_error, size_t size);

/* Writes the text (at least 64 bytes of room), for a template that was checked. */
void post_template_render(const char *template_text, const struct post_values *values,
			  char *ret_text, size_t size);

#endif
