/* SPDX-License-Identifier: MIT */
/*
 * One row of the catalogue after the other, from the first byte of the line to its last. Numbers and
 * names are taken as long as possible, so only the newest '*' ever has to be stretched and a line costs
 * at most its length times that of the pattern; nearly all rows fail at their first bytes.
 */
#include "collectors/kernel_log_match.h"

#include <string.h>

/* More than a billion of anything counts as a billion. */
#define NUMBER_MOST INT64_C(1000000000)

/* What the wildcards of a pattern stood for. */
struct captures {
	unsigned number_count;
	int64_t numbers[2]; /* the first ones */
	char device[DISK_NAME_SIZE];
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "I/O", "critical space allocation" */
static bool is_status(char c)
{
	return is_letter(c) || c == ' ' || c == '/';
}

/* The following return how many bytes they took, 0 if there is no such thing. */

static size_t take_number(const char *text, struct captures *captures)
{
	int64_t value = 0;
	size_t length = 0;
	for (; is_digit(text[length]); length++) {
		if (value < NUMBER_MOST)
			value = 10 * value + (text[length] - '0');
	}
	if (length && captures->number_count < 2)
		captures->numbers[captures->number_count++] =
			value < NUMBER_MOST ? value : NUMBER_MOST;
	return length;
}

static size_t take_hex(const char *text)
{
	size_t start = text[0] == '0' && text[1] == 'x' ? 2 : 0;
	size_t length = start;
	while (is_hex(text[length]))
		length++;
	return length > start ? length : 0;
}

static size_t take_device(const char *text, struct captures *captures)
{
	size_t length = 0;
	while (is_letter(text[length]) || is_digit(text[length]) ||
	       (text[length] && strchr("-_!", text[length])))
		length++;
	if (length >= sizeof(captures->device))
		return 0;
	memcpy(captures->device, text, length);
	captures->device[length] = '\0';
	return length;
}

static size_t take(char wildcard, const char *text, struct captures *captures)
{
	switch (wildcard) {
	case '#':
		return take_number(text, captures);
	case '$':
		return take_hex(text);
	case '@':
		return take_device(text, captures);
	case '?':
		return *text != '\0';
	default:
		return wildcard && wildcard == *text;
	}
}

static bool fits(const char *pattern, const char *text, struct captures *captures)
{
	const char *after = NULL, *stretch = NULL;
	bool status_only = false;

	for (;;) {
		if (*pattern == '*' || *pattern == '%') {
			status_only = *pattern == '%';
			after = ++pattern;
			stretch = text;
			continue;
		}
		size_t taken = take(*pattern, text, captures);
		if (taken) {
			pattern++;
			text += taken;
			continue;
		}
		if (!*pattern && !*text)
			return true;
		if (!after || !*stretch || (status_only && !is_status(*stretch)))
			return false;
		text = ++stretch;
		pattern = after;
	}
}

bool klog_classify(const char *text, unsigned level, struct klog_match *ret_match)
{
	for (size_t i = 0; i < klog_pattern_count; i++) {
		const struct klog_pattern *row = &klog_patterns[i];
		struct captures captures = {0};
		/* 3: KERN_ERR */
		if (((row->flags & KLOG_ERRORS_ONLY) && level > 3) ||
		    !fits(row->text, text, &captures))
			continue;

		bool suppressed = row->flags & KLOG_SUPPRESSED;
		*ret_match = (struct klog_match){
			.class = row->class,
			.naming = row->naming,
			.site = row->site,
			.timeout = row->flags & KLOG_ALSO_TIMEOUT,
			.suppressed = suppressed,
			.count = suppressed ? captures.numbers[0] : 1,
			.numbers = {captures.numbers[0], captures.numbers[1]},
		};
		memcpy(ret_match->device, captures.device, sizeof(ret_match->device));
		return true;
	}
	return false;
}
