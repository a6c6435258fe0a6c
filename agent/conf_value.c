/* SPDX-License-Identifier: MIT */
/*
 * One value of the configuration: text in, typed setting out. Every number is a whole number with a
 * unit from a short table, multiplied with an overflow check; there are no floats and no locale. A
 * refusal is one sentence that says what the row takes, so that it stays true when a row changes its
 * limits.
 */
#include "agent/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/addr.h"
#include "agent/credential.h"
#include "agent/env.h"
#include "agent/procfs.h"
#include "agent/sentence.h"

/* "-9223372036854775808" and a unit of at most two characters. */
#define NUMBER_SIZE 24
/* ", from X to Y" with two of these. */
#define RANGE_SIZE 64

/* Units in rising order; the table ends with a row without name. */
struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};
static const struct unit percent_units[] = {{"%", 1}, {NULL, 0}};
static const struct unit size_units[] = {
	{"", 1},   {"K", INT64_C(1) << 10}, {"M", INT64_C(1) << 20}, {"G", INT64_C(1) << 30},
	{NULL, 0},
};
static const struct unit duration_units[] = {
	{"ms", NS_PER_MS},	{"s", NS_PER_S},	 {"m", 60 * NS_PER_S},
	{"h", 3600 * NS_PER_S}, {"d", 86400 * NS_PER_S}, {NULL, 0},
};

#define TIME_FORM "a whole number of ms, s, m, h or d"
static const char PERCENT_FORM[] = "a whole percentage such as 20%";
static const char SIZE_FORM[] = "a size in bytes, K, M or G, such as 64M";

union setting {
	int64_t number;
	bool truth;
	int word;
	struct conf_share share;
	struct addr_list listen;
	struct addr_allow allow;
};

/* A whole number and a unit with nothing between, before or behind. */
static int parse_number(const char *text, const struct unit *units, int64_t *ret_value)
{
	bool negative = text[0] == '-';
	const char *end;
	int64_t value;
	int error = procfs_number(text + negative, &end, &value);

	if (error < 0)
		return error;
	while (units->name && strcmp(units->name, end) != 0)
		units++;
	if (!units->name)
		return -EINVAL;
	if (__builtin_mul_overflow(negative ? -value : value, units->factor, &value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

/* The number in the largest unit that divides it. */
static void format_number(int64_t value, const struct unit *units, char text[NUMBER_SIZE])
{
	const struct unit *best = units;

	for (; units->name; units++)
		if (value != 0 && value % units->factor == 0)
			best = units;
	snprintf(text, NUMBER_SIZE, "%lld%s", (long long)(value / best->factor), best->name);
}

static void format_range(int64_t min, int64_t max, const struct unit *units, char text[RANGE_SIZE])
{
	char first[NUMBER_SIZE], last[NUMBER_SIZE];

	format_number(min, units, first);
	format_number(max, units, last);
	if (min == INT64_MIN && max == INT64_MAX)
		text[0] = '\0';
	else if (max == INT64_MAX)
		snprintf(text, RANGE_SIZE, " of at least %s", first);
	else
		snprintf(text, RANGE_SIZE, " from %s to %s", first, last);
}

/* Only a plain integer may be negative: there is no such duration or size. */
static void limits_of(const struct conf_item *item, int64_t *ret_min, int64_t *ret_max)
{
	bool limited = item->min != 0 || item->max != 0;

	*ret_min = limited ? item->min : item->type == CONF_INT ? INT64_MIN : 0;
	*ret_max = limited ? item->max : INT64_MAX;
}

/* The most likely mistake: "5", and nobody knows of what. Few digits, so that the sentence stays short. */
static bool is_bare_number(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= 9 && strspn(text, "0123456789") == length;
}

static int set_number(const struct conf_item *item, const char *text, const struct unit *units,
		      const char *form, union setting *setting, char *ret_error, size_t size)
{
	char range[RANGE_SIZE];
	int64_t min, max, value;

	limits_of(item, &min, &max);
	if (parse_number(text, units, &value) < 0 || value < min || value > max) {
		format_range(min, max, units, range);
		if (units == duration_units && is_bare_number(text))
			return sentence_refuse(ret_error, size,
					       "needs a unit, such as %ss: must be " TIME_FORM
					       "%s%s",
					       text, *range ? "," : "", range);
		return sentence_refuse(ret_error, size, "must be %s%s%s", form,
				       units != plain_units && *range ? "," : "", range);
	}
	setting->number = value;
	return 0;
}

/*
 * A percentage within the limits of the row, or a size. A bare number up to 100 is neither: it is a
 * percentage whose sign was forgotten.
 */
static int set_share(const struct conf_item *item, const char *text, union setting *setting,
		     char *ret_error, size_t size)
{
	int64_t min = item->min, max = item->max == 0 ? 100 : item->max, value;

	if (parse_number(text, percent_units, &value) == 0) {
		if (value >= min && value <= max) {
			setting->share.relative = true;
			setting->share.value = value;
			return 0;
		}
	} else if (parse_number(text, size_units, &value) == 0 &&
		   (value > 100 || (value == 0 && min == 0))) {
		setting->share.value = value;
		return 0;
	}
	return sentence_refuse(ret_error, size, "must be %s, from %lld%% to %lld%%, or %s",
			       PERCENT_FORM, (long long)min, (long long)max, SIZE_FORM);
}

static int set_bool(const char *text, union setting *setting, char *ret_error, size_t size)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(words[i], text) == 0) {
			setting->truth = i % 2;
			return 0;
		}
	return sentence_refuse(ret_error, size,
			       "must be yes or no (or on, off, true, false, 1, 0)");
}

static int set_word(const struct conf_item *item, const char *text, union setting *setting,
		    char *ret_error, size_t size)
{
	size_t used;

	for (int i = 0; item->words[i]; i++)
		if (strcmp(item->words[i], text) == 0) {
			setting->word = i;
			return 0;
		}
	used = (size_t)snprintf(ret_error, size, "must be one of");
	for (int i = 0; item->words[i] && used < size; i++)
		used += (size_t)snprintf(ret_error + used, size - used, "%s %s", i ? "," : "",
					 item->words[i]);
	return -EINVAL;
}

/* Those that are stored as characters; anything else is a number or a structure. */
static bool is_text(enum conf_type type)
{
	return type == CONF_TEXT || type == CONF_NAME || type == CONF_PATH || type == CONF_FILE;
}

/* A path is left alone, a name becomes the path of the credential. */
static int set_file(const struct conf_item *item, const char *text, char *member, char *ret_error,
		    size_t size)
{
	char path[512];
	int error =
		credential_path(text, path, item->size < sizeof(path) ? item->size : sizeof(path));

	if (error == -EINVAL)
		return sentence_refuse(ret_error, size,
				       "must be an absolute path, one that starts with '/', or the "
				       "name of a credential of the service");
	if (error < 0)
		return sentence_refuse(ret_error, size, "must be a shorter name of a credential");
	strncpy(member, path, item->size);
	return 0;
}

static int check_text(const struct conf_item *item, const char *text, char *ret_error, size_t size)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_";
	size_t length = strlen(text);

	if (length == 0 && item->min > 0)
		return sentence_refuse(ret_error, size, "must not be empty");
	if (item->type == CONF_NAME && text[strspn(text, letters)])
		return sentence_refuse(ret_error, size,
				       "must be letters, digits, '-' and '_' only");
	if (item->type == CONF_PATH && length > 0 && text[0] != '/')
		return sentence_refuse(ret_error, size,
				       "must be an absolute path, one that starts with '/'");
	if (length >= item->size)
		return sentence_refuse(ret_error, size,
				       "must be at most %zu bytes long: it has %zu", item->size - 1,
				       length);
	return 0;
}

/* " 100ms to 1m", or nothing. */
static void form_number(const struct conf_item *item, const struct unit *units, const char *what,
			char *ret_form, size_t size)
{
	char first[NUMBER_SIZE], last[NUMBER_SIZE];
	int64_t min, max;

	limits_of(item, &min, &max);
	format_number(min, units, first);
	format_number(max, units, last);
	if (max == INT64_MAX)
		snprintf(ret_form, size, "%s", what);
	else
		snprintf(ret_form, size, "%s, %s to %s", what, first, last);
}

static void form_words(const struct conf_item *item, char *ret_form, size_t size)
{
	size_t used = (size_t)snprintf(ret_form, size, "one of");

	for (int i = 0; item->words[i] && used < size; i++)
		used += (size_t)snprintf(ret_form + used, size - used, "%s %s", i ? "," : "",
					 item->words[i]);
}

void conf_form(const struct conf_item *item, char *ret_form, size_t size)
{
	switch (item->type) {
	case CONF_INT:
		form_number(item, plain_units, "a number", ret_form, size);
		break;
	case CONF_DURATION:
		form_number(item, duration_units, "a time", ret_form, size);
		break;
	case CONF_SIZE:
		form_number(item, size_units, "a size", ret_form, size);
		break;
	case CONF_PERCENT:
		form_number(item, percent_units, "a percentage", ret_form, size);
		break;
	case CONF_SHARE:
		snprintf(ret_form, size, "a percentage, %lld%% to %lld%%, or a size",
			 (long long)item->min, (long long)(item->max ? item->max : 100));
		break;
	case CONF_BOOL:
		snprintf(ret_form, size, "yes or no");
		break;
	case CONF_WORD:
		form_words(item, ret_form, size);
		break;
	case CONF_LISTEN:
		snprintf(ret_form, size, "addresses with ports, at most %d", ADDR_LIST_MAX);
		break;
	case CONF_ALLOW:
		snprintf(ret_form, size, "addresses or networks, at most %d", ADDR_ALLOW_MAX);
		break;
	case CONF_NAME:
		snprintf(ret_form, size, "letters, digits, - and _, at most %zu", item->size - 1);
		break;
	case CONF_PATH:
		snprintf(ret_form, size, "an absolute path, at most %zu bytes", item->size - 1);
		break;
	case CONF_FILE:
		snprintf(ret_form, size, "an absolute path or a credential, at most %zu bytes",
			 item->size - 1);
		break;
	case CONF_TEXT:
		snprintf(ret_form, size, "a text, at most %zu bytes", item->size - 1);
		break;
	}
}

static int parse_setting(const struct conf_item *item, const char *text, union setting *setting,
			 char *ret_error, size_t size)
{
	switch (item->type) {
	case CONF_INT:
		return set_number(item, text, plain_units, "a whole number", setting, ret_error,
				  size);
	case CONF_DURATION:
		return set_number(item, text, duration_units, TIME_FORM ", such as 10s", setting,
				  ret_error, size);
	case CONF_SIZE:
		return set_number(item, text, size_units, SIZE_FORM, setting, ret_error, size);
	case CONF_PERCENT:
		return set_number(item, text, percent_units, PERCENT_FORM, setting, ret_error,
				  size);
	case CONF_SHARE:
		return set_share(item, text, setting, ret_error, size);
	case CONF_BOOL:
		return set_bool(text, setting, ret_error, size);
	case CONF_WORD:
		return set_word(item, text, setting, ret_error, size);
	case CONF_LISTEN:
		return addr_list_parse(text, &setting->listen, ret_error, size);
	case CONF_ALLOW:
		return addr_allow_parse(text, &setting->allow, ret_error, size);
	case CONF_TEXT:
	case CONF_NAME:
	case CONF_PATH:
	case CONF_FILE:
		break;
	}
	abort();
}

static size_t size_of_type(enum conf_type type)
{
	switch (type) {
	case CONF_BOOL:
		return sizeof(bool);
	case CONF_WORD:
		return sizeof(int);
	case CONF_SHARE:
		return sizeof(struct conf_share);
	case CONF_LISTEN:
		return sizeof(struct addr_list);
	case CONF_ALLOW:
		return sizeof(struct addr_allow);
	default:
		return sizeof(int64_t);
	}
}

int conf_value(const struct conf_item *item, const char *text, void *target, char *ret_error,
	       size_t size)
{
	char *member = (char *)target + item->offset;
	union setting setting;
	int error;

	/* Settings are compared and hashed byte by byte: what is not used, padding too, is zero. */
	memset(&setting, 0, sizeof(setting));
	if (item->type == CONF_FILE && text[0] && text[0] != '/')
		return set_file(item, text, member, ret_error, size);
	if (is_text(item->type)) {
		error = check_text(item, text, ret_error, size);
		if (error == 0)
			strncpy(member, text, item->size);
		return error;
	}
	/* A row whose member has another type than it says would overwrite its neighbours. */
	if (item->size != size_of_type(item->type)) {
		fprintf(stderr, "setting '%s': the row does not fit its member\n", item->key);
		abort();
	}
	error = parse_setting(item, text, &setting, ret_error, size);
	if (error == 0)
		memcpy(member, &setting, item->size);
	return error;
}
