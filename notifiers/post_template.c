/* SPDX-License-Identifier: MIT */
/*
 * One table of placeholders: its name, the kinds of messages that know it, and the function that writes
 * it. What machines said (names, reasons, events) is defused; what the operator wrote around it is not.
 */
#include "notifiers/post_template.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/sample.h"
#include "agent/sentence.h"
#include "notifiers/post_words.h"

/* The longest value: the text of an event, with every dot of it two bytes. */
#define VALUE_SIZE (2 * EVENT_TEXT_SIZE)

typedef void value_fn(const struct post_values *values, char value[static VALUE_SIZE]);

#define ALL_KINDS ((1u << POST_KINDS) - 1)

static void put_unknown(char value[static VALUE_SIZE])
{
	strcpy(value, "unknown");
}

static void put_number(const struct post_number *number,
		       void (*fn)(char text[static POST_WORDS_SIZE], int64_t number),
		       char value[static VALUE_SIZE])
{
	if (number->known)
		fn(value, number->value);
	else
		put_unknown(value);
}

static void put_id(const struct post_values *values, char value[static VALUE_SIZE])
{
	post_words_defuse(value, VALUE_SIZE, values->id);
}

static void put_time(const struct post_values *values, char value[static VALUE_SIZE])
{
	post_words_time(value, values->wall_ms);
}

static void put_state(const struct post_values *values, char value[static VALUE_SIZE])
{
	if (values->decision)
		strcpy(value, control_state_words[values->decision->state]);
	else
		put_unknown(value);
}

static void put_reason(const struct post_values *values, char value[static VALUE_SIZE])
{
	if (values->decision && values->decision->reason[0])
		post_words_defuse(value, VALUE_SIZE, values->decision->reason);
	else
		put_unknown(value);
}

static void put_weight(const struct post_values *values, char value[static VALUE_SIZE])
{
	if (values->decision)
		snprintf(value, VALUE_SIZE, "%d", values->decision->weight_pct);
	else
		put_unknown(value);
}

static void put_maxconn(const struct post_values *values, char value[static VALUE_SIZE])
{
	if (values->decision && values->decision->maxconn_known)
		snprintf(value, VALUE_SIZE, "%d", values->decision->maxconn);
	else
		put_unknown(value);
}

static void put_headroom(const struct post_values *values, char value[static VALUE_SIZE])
{
	if (values->decision && values->decision->headroom_known)
		post_words_bytes(value, values->decision->headroom_bytes);
	else
		put_unknown(value);
}

static void put_temp(const struct post_values *values, char value[static VALUE_SIZE])
{
	put_number(&values->temp, post_words_celsius, value);
}

static void put_requests(const struct post_values *values, char value[static VALUE_SIZE])
{
	put_number(&values->requests, post_words_milli, value);
}

static void put_duration(const struct post_values *values, char value[static VALUE_SIZE])
{
	put_number(&values->duration_s, post_words_span, value);
}

static void put_uptime(const struct post_values *values, char value[static VALUE_SIZE])
{
	put_number(&values->uptime_s, post_words_span, value);
}

static void put_event(const struct post_values *values, char value[static VALUE_SIZE])
{
	if (values->event)
		post_words_defuse(value, VALUE_SIZE, values->event);
	else
		put_unknown(value);
}

/* Fewer than 23 hours (a day of DST) are no day, and said to be fewer. */
static void put_day_requests(const struct post_values *values, char value[static VALUE_SIZE])
{
	char span[POST_WORDS_SIZE];
	size_t used;

	put_number(&values->day_requests, post_words_count, value);
	if (!values->day_requests.known || !values->day_s.known || values->day_s.value >= 23 * 3600)
		return;
	post_words_span(span, values->day_s.value);
	used = strlen(value);
	snprintf(value + used, VALUE_SIZE - used, " (of %s)", span);
}

static void put_day_temp_max(const struct post_values *values, char value[static VALUE_SIZE])
{
	put_number(&values->day_temp_max, post_words_celsius, value);
}

static void put_day_headroom_min(const struct post_values *values, char value[static VALUE_SIZE])
{
	put_number(&values->day_headroom_min, post_words_bytes, value);
}

static const struct placeholder {
	const char *name;
	unsigned kinds; /* mask of 1u << enum post_kind */
	value_fn *put;
} placeholders[] = {
	{"id", ALL_KINDS, put_id},
	{"time", ALL_KINDS, put_time},
	{"state", ALL_KINDS, put_state},
	{"reason", ALL_KINDS, put_reason},
	{"weight", ALL_KINDS, put_weight},
	{"maxconn", ALL_KINDS, put_maxconn},
	{"headroom", ALL_KINDS, put_headroom},
	{"temp", ALL_KINDS, put_temp},
	{"requests_s", ALL_KINDS, put_requests},
	{"uptime", ALL_KINDS, put_uptime},
	{"duration", 1u << POST_NORMAL, put_duration},
	{"event", 1u << POST_INCIDENT, put_event},
	{"day_requests", 1u << POST_DAILY, put_day_requests},
	{"day_temp_max", 1u << POST_DAILY, put_day_temp_max},
	{"day_headroom_min", 1u << POST_DAILY, put_day_headroom_min},
};

#define PLACEHOLDERS (sizeof(placeholders) / sizeof(placeholders[0]))

static const struct placeholder *find(const char *name, size_t length)
{
	for (size_t i = 0; i < PLACEHOLDERS; i++) {
		if (strlen(placeholders[i].name) == length &&
		    memcmp(placeholders[i].name, name, length) == 0)
			return &placeholders[i];
	}
	return NULL;
}

/* The names that a kind knows: "{id}, {time}". */
static void list_names(enum post_kind kind, char *ret_text, size_t size)
{
	size_t used = 0;

	ret_text[0] = '\0';
	for (size_t i = 0; i < PLACEHOLDERS && used < size; i++) {
		if (placeholders[i].kinds & 1u << kind)
			used += (size_t)snprintf(ret_text + used, size - used, "%s{%s}",
						 used ? ", " : "", placeholders[i].name);
	}
}

int post_template_check(const char *key, enum post_kind kind, const char *template_text,
			char *ret_error, size_t size)
{
	for (const char *at = template_text; *at; at++) {
		const struct placeholder *placeholder;
		size_t length;
		char names[256];

		if (*at != '{' && *at != '}')
			continue;
		if (at[1] == *at) {
			at++;
			continue;
		}
		length = strcspn(at + 1, "{}");
		if (*at == '}' || at[1 + length] != '}')
			return sentence_refuse(ret_error, size,
					       "%s: '%c' without its other half; write %c%c for "
					       "the brace itself",
					       key, *at, *at, *at);
		placeholder = find(at + 1, length);
		if (!placeholder || !(placeholder->kinds & 1u << kind)) {
			list_names(kind, names, sizeof(names));
			return sentence_refuse(ret_error, size,
					       "%s: {%.*s} is unknown here; there are %s", key,
					       (int)(length < 32 ? length : 32), at + 1, names);
		}
		at += length + 1;
	}
	return 0;
}

void post_template_render(const char *template_text, const struct post_values *values,
			  char *ret_text, size_t size)
{
	char text[POST_RENDERED_SIZE + VALUE_SIZE], value[VALUE_SIZE];
	size_t used = 0;

	for (const char *at = template_text; *at && used < POST_RENDERED_SIZE; at++) {
		size_t length = strcspn(at + 1, "{}");
		const struct placeholder *placeholder = find(at + 1, length);

		if (*at == '{' && at[1] != '{' && placeholder) {
			placeholder->put(values, value);
			memcpy(text + used, value, strlen(value));
			used += strlen(value);
			at += length + 1;
			continue;
		}
		text[used++] = *at;
		if ((*at == '{' || *at == '}') && at[1] == *at)
			at++;
	}
	text[used] = '\0';
	text_copy(ret_text, size, text);
}
