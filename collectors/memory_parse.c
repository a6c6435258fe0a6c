/* SPDX-License-Identifier: MIT */
/*
 * Parsers of /proc/meminfo, vmstat, swaps, pressure/memory and zoneinfo. They trust nothing: a key
 * counts only at the start of a line, a number only if it ends where a number ends, and a text whose
 * last line has no line end was cut off. The sums are checked for overflow, because the tests feed
 * these functions with everything that a kernel would never write.
 */
#include "collectors/memory_parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "agent/procfs.h"

#define KIB INT64_C(1024)
#define BIT(n) (UINT64_C(1) << (n))

int memory_parse_meminfo(const char *text, int64_t *ret_values)
{
	static const struct procfs_key keys[MEMORY_FIELDS] = {
		[MEMORY_TOTAL] = {"MemTotal:", KIB},
		[MEMORY_FREE] = {"MemFree:", KIB},
		[MEMORY_AVAILABLE] = {"MemAvailable:", KIB},
		[MEMORY_FILE_ACTIVE] = {"Active(file):", KIB},
		[MEMORY_FILE_INACTIVE] = {"Inactive(file):", KIB},
		[MEMORY_FILE_DIRTY] = {"Dirty:", KIB},
		[MEMORY_FILE_WRITEBACK] = {"Writeback:", KIB},
		[MEMORY_SLAB_RECLAIMABLE] = {"SReclaimable:", KIB},
		[MEMORY_SWAP_TOTAL] = {"SwapTotal:", KIB},
	};
	const uint64_t needed = (BIT(MEMORY_FIELDS) - 1) & ~BIT(MEMORY_AVAILABLE);
	int64_t values[MEMORY_FIELDS];
	uint64_t found = 0;

	procfs_table(text, keys, MEMORY_FIELDS, values, &found);
	if ((found & needed) != needed || values[MEMORY_TOTAL] == 0)
		return -EBADMSG;
	/* Everything but swap is a part of the whole; the two file lists together as well. */
	for (unsigned i = 0; i < MEMORY_READINGS; i++)
		if ((found & BIT(i)) && values[i] > values[MEMORY_TOTAL])
			return -EPROTO;
	if (values[MEMORY_FILE_ACTIVE] > values[MEMORY_TOTAL] - values[MEMORY_FILE_INACTIVE])
		return -EPROTO;
	for (unsigned i = 0; i < MEMORY_FIELDS; i++)
		if (found & BIT(i))
			ret_values[i] = values[i];
	return found & BIT(MEMORY_AVAILABLE) ? 0 : MEMORY_WITHOUT_AVAILABLE;
}

void memory_parse_vmstat(const char *text, int64_t page_bytes, int64_t *ret_values,
			 uint64_t *ret_found)
{
	/* Until 5.9 there was one refault counter, and it counted file pages only. */
	enum { REFAULT_UNTIL_5_9 = MEMORY_COUNTERS, KEYS };
	const struct procfs_key keys[KEYS] = {
		[MEMORY_SWAP_IN] = {"pswpin", page_bytes},
		[MEMORY_SWAP_OUT] = {"pswpout", page_bytes},
		[MEMORY_FILE_REFAULT] = {"workingset_refault_file", page_bytes},
		[MEMORY_OOM_KILLS] = {"oom_kill", 1},
		[REFAULT_UNTIL_5_9] = {"workingset_refault", page_bytes},
	};
	int64_t values[KEYS];
	uint64_t found = 0;

	procfs_table(text, keys, KEYS, values, &found);
	if (!(found & BIT(MEMORY_FILE_REFAULT)) && (found & BIT(REFAULT_UNTIL_5_9))) {
		values[MEMORY_FILE_REFAULT] = values[REFAULT_UNTIL_5_9];
		found |= BIT(MEMORY_FILE_REFAULT);
	}
	found &= BIT(MEMORY_COUNTERS) - 1;
	for (unsigned i = 0; i < MEMORY_COUNTERS; i++)
		if (found & BIT(i))
			ret_values[i] = values[i];
	*ret_found = found;
}

/* Cuts the next line off *text. Returns false at the end; *ret_length is without the line end. */
static bool take_line(const char **text, const char **ret_line, size_t *ret_length)
{
	const char *end = strchr(*text, '\n');

	if (!end)
		return false;
	*ret_line = *text;
	*ret_length = (size_t)(end - *text);
	*text = end + 1;
	return true;
}

/* Cuts the next word off a line that ends at end. Returns false if there is none. */
static bool take_word(const char **at, const char *end, const char **ret_word, size_t *ret_length)
{
	const char *word = *at;
	const char *after;

	while (word < end && (*word == ' ' || *word == '\t'))
		word++;
	after = word;
	while (after < end && *after != ' ' && *after != '\t')
		after++;
	if (after == word)
		return false;
	*ret_word = word;
	*ret_length = (size_t)(after - word);
	*at = after;
	return true;
}

static bool word_is(const char *word, size_t length, const char *other)
{
	return strlen(other) == length && memcmp(word, other, length) == 0;
}

/* The next word of a line, which must be a number times scale. */
static int take_number(const char **at, const char *end, int64_t scale, int64_t *ret_value)
{
	const char *word;
	const char *after;
	size_t length;
	int64_t value;

	if (!take_word(at, end, &word, &length) || procfs_number(word, &after, &value) < 0 ||
	    after != word + length || __builtin_mul_overflow(value, scale, &value))
		return -EBADMSG;
	*ret_value = value;
	return 0;
}

/* The kernel writes the path of the device node itself here, never that of a link to it. */
static bool is_zram(const char *name, size_t length)
{
	static const char prefix[] = "/dev/zram";
	const size_t start = sizeof(prefix) - 1;

	if (length <= start || memcmp(name, prefix, start) != 0)
		return false;
	for (size_t i = start; i < length; i++)
		if (name[i] < '0' || name[i] > '9')
			return false;
	return true;
}

/* NAME TYPE SIZE USED PRIORITY, sizes in KiB; blanks in NAME are written as \040. */
static int parse_swap(const char *line, const char *end, struct memory_swaps *swaps)
{
	const char *name;
	const char *type;
	size_t name_length;
	size_t type_length;
	int64_t total;
	int64_t used;
	enum swap_kind kind;

	if (!take_word(&line, end, &name, &name_length) ||
	    !take_word(&line, end, &type, &type_length) ||
	    take_number(&line, end, KIB, &total) < 0 || take_number(&line, end, KIB, &used) < 0 ||
	    used > total || __builtin_add_overflow(swaps->total_bytes, total, &total))
		return -EBADMSG;
	swaps->total_bytes = total;
	swaps->used_bytes += used; /* not more than total_bytes */
	kind = is_zram(name, name_length) ? SWAP_ZRAM : SWAP_DISK;
	swaps->kind = swaps->kind == SWAP_NONE || swaps->kind == kind ? kind : SWAP_MIXED;
	return 0;
}

int memory_parse_swaps(const char *text, struct memory_swaps *ret_swaps)
{
	struct memory_swaps swaps = {.kind = SWAP_NONE};
	const char *line;
	size_t length;

	/* Without any swap there is still the heading. */
	if (!take_line(&text, &line, &length) || strncmp(line, "Filename", 8) != 0)
		return -EBADMSG;
	while (take_line(&text, &line, &length))
		if (parse_swap(line, line + length, &swaps) < 0)
			return -EBADMSG;
	if (*text != '\0')
		return -EBADMSG;
	*ret_swaps = swaps;
	return 0;
}

int memory_parse_pressure(const char *text, int64_t *ret_some_us, int64_t *ret_full_us)
{
	static const char *const kinds[] = {"some", "full"};
	static const char total[] = "total=";
	int64_t values[2] = {-1, -1};
	const char *line;
	size_t length;

	while (take_line(&text, &line, &length)) {
		const char *end = line + length;
		const char *after;
		const char *word;
		int64_t *value = NULL;

		if (!take_word(&line, end, &word, &length))
			return -EBADMSG;
		for (unsigned i = 0; i < 2; i++)
			if (word_is(word, length, kinds[i]))
				value = &values[i];
		if (!value || *value >= 0)
			return -EBADMSG;
		/* The averages are passed over: they lag by 2 s, the total is of this moment. */
		do {
			if (!take_word(&line, end, &word, &length))
				return -EBADMSG;
		} while (strncmp(word, total, sizeof(total) - 1) != 0);
		if (procfs_number(word + sizeof(total) - 1, &after, value) < 0 || after != end)
			return -EBADMSG;
	}
	if (*text != '\0' || values[0] < 0 || values[1] < 0)
		return -EBADMSG;
	*ret_some_us = values[0];
	*ret_full_us = values[1];
	return 0;
}

/* One zone of /proc/zoneinfo, in pages. */
struct zone {
	bool begun;
	uint64_t found; /* bit per element of zone_words */
	int64_t high;
	int64_t managed;
	int64_t reserve;
};

/*
 * The same sum as the kernel's own of what it never gives to user pages (totalreserve_pages): the
 * reserve of a small zone may be larger than the zone.
 */
static int zone_finish(const struct zone *zone, int64_t *pages)
{
	int64_t kept;

	if (!zone->begun)
		return 0;
	if (zone->found != 7 || __builtin_add_overflow(zone->high, zone->reserve, &kept))
		return -EBADMSG;
	if (kept > zone->managed)
		kept = zone->managed;
	return __builtin_add_overflow(*pages, kept, pages) ? -EBADMSG : 0;
}

/* "(0, 3017, 4041)": the largest. */
static int parse_protection(const char *at, int64_t *ret_largest)
{
	int64_t largest = 0;
	int64_t value;

	do {
		at++; /* '(' or ',' */
		at += strspn(at, " ");
		if (procfs_number(at, &at, &value) < 0)
			return -EBADMSG;
		if (value > largest)
			largest = value;
	} while (*at == ',');
	if (at[0] != ')' || at[1] != '\n')
		return -EBADMSG;
	*ret_largest = largest;
	return 0;
}

/* Words such as "high:" of the per-CPU lists, or "nr_..." counters, are others and pass by. */
static int parse_zone_line(const char *line, const char *end, struct zone *zone)
{
	static const char *const zone_words[] = {"high", "managed", "protection:"};
	const char *word;
	size_t length;
	unsigned i = 0;

	if (!take_word(&line, end, &word, &length))
		return 0;
	while (i < 3 && !word_is(word, length, zone_words[i]))
		i++;
	if (i == 3)
		return 0;
	if (!zone->begun || (zone->found & BIT(i)))
		return -EBADMSG;
	zone->found |= BIT(i);
	if (i < 2)
		return take_number(&line, end, 1, i == 0 ? &zone->high : &zone->managed);
	line += strspn(line, " ");
	return *line == '(' ? parse_protection(line, &zone->reserve) : -EBADMSG;
}

int memory_parse_zoneinfo(const char *text, int64_t page_bytes, int64_t *ret_bytes)
{
	struct zone zone = {.begun = false};
	int64_t pages = 0;
	const char *line;
	size_t length;

	while (take_line(&text, &line, &length)) {
		if (strncmp(line, "Node ", 5) == 0) {
			if (zone_finish(&zone, &pages) < 0)
				return -EBADMSG;
			zone = (struct zone){.begun = true};
		} else if (parse_zone_line(line, line + length, &zone) < 0) {
			return -EBADMSG;
		}
	}
	if (*text != '\0' || !zone.begun || zone_finish(&zone, &pages) < 0 ||
	    __builtin_mul_overflow(pages, page_bytes, &pages))
		return -EBADMSG;
	*ret_bytes = pages;
	return 0;
}
