/* SPDX-License-Identifier: MIT */
/*
 * The parser of /proc/zoneinfo. A 32-bit kernel reaches only the lower part of a larger memory all
 * the time (768 MiB on a Pi 4, and on a Pi 3 with the kernels of most distributions); the zone
 * HighMem above it is for programs and the file cache. When the lower part runs short, the kernel
 * reclaims and swaps for its sake, however much of HighMem is free. So that part gets numbers of its
 * own. A zone Movable is not for the kernel either.
 *
 * The reserve of a zone ("protection") is what it keeps back from those who could have taken a higher
 * zone. To programs all of it is lost; from the kernel's own needs only that part is kept which is
 * listed for the highest zone that it can use.
 *
 * CMA areas are part of a zone's free pages, but hold only what can be moved: anonymous memory and
 * file cache, nothing of the kernel's own. So free CMA does not count in the lower part. It does
 * count in MemFree, and on purpose nothing is taken off there: web workers grow by anonymous memory,
 * and since Linux 5.8 such pages come from CMA while more than half of a zone's free pages are CMA
 * (mm/page_alloc.c, __rmqueue), so that both run out together. At the end kswapd wants the high
 * watermark without CMA (mm/vmscan.c, pgdat_balanced), when about as much again is free in CMA: the
 * error is one high watermark, 24 MiB with the min_free_kbytes of a Raspberry Pi OS. What of the
 * pages in use lies in CMA areas no file tells.
 */
#include "collectors/memory_zones.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/procfs.h"
#include "collectors/memory_words.h"

#define BIT(n) (UINT64_C(1) << (n))

/* Lines of one zone that matter here, in pages. */
enum zone_line {
	LINE_HIGH,
	LINE_MANAGED,
	LINE_PROTECTION,
	LINE_FREE,
	LINE_FREE_CMA,
	LINE_ACTIVE_FILE,
	LINE_INACTIVE_FILE,
	ZONE_LINES,
};

/* Without these it is no zone; the others are not there in zones without pages. */
#define LINES_NEEDED (BIT(LINE_HIGH) | BIT(LINE_MANAGED) | BIT(LINE_PROTECTION))
#define LINES_FILE (BIT(LINE_ACTIVE_FILE) | BIT(LINE_INACTIVE_FILE))

struct zone {
	bool begun;
	bool high_memory;
	bool movable;
	uint64_t found;		   /* bit per line */
	int64_t pages[ZONE_LINES]; /* LINE_PROTECTION: the largest */
	int64_t kernel_reserve;	   /* of the protection, what binds the kernel itself */
};

/* Sums over the zones so far, in pages. */
struct sums {
	int64_t kept;
	int64_t high_managed;
	int64_t low_managed;
	int64_t low_free;
	int64_t low_file;
	uint64_t low_found; /* lines that all zones of the lower part have */
};

static int add(int64_t *sum, int64_t pages)
{
	return __builtin_add_overflow(*sum, pages, sum) ? -EBADMSG : 0;
}

/* The lower of what a zone keeps back (its reserve may be larger than the zone) and what it has. */
static int zone_kept(const struct zone *zone, int64_t reserve, int64_t *ret_pages)
{
	int64_t kept;

	if (__builtin_add_overflow(zone->pages[LINE_HIGH], reserve, &kept))
		return -EBADMSG;
	*ret_pages = kept < zone->pages[LINE_MANAGED] ? kept : zone->pages[LINE_MANAGED];
	return 0;
}

static int zone_add_low(const struct zone *zone, struct sums *sums)
{
	int64_t kept;

	if (zone->pages[LINE_MANAGED] == 0)
		return 0;
	sums->low_found &= zone->found;
	if (zone_kept(zone, zone->kernel_reserve, &kept) < 0 ||
	    add(&sums->low_managed, zone->pages[LINE_MANAGED]) < 0 ||
	    add(&sums->low_free, zone->pages[LINE_FREE]) < 0 ||
	    add(&sums->low_free, -zone->pages[LINE_FREE_CMA]) < 0 ||
	    add(&sums->low_free, -kept) < 0 ||
	    add(&sums->low_file, zone->pages[LINE_ACTIVE_FILE]) < 0 ||
	    add(&sums->low_file, zone->pages[LINE_INACTIVE_FILE]) < 0)
		return -EBADMSG;
	return 0;
}

/*
 * The sum of what is kept is the same as the kernel's own of what it never gives to programs
 * (totalreserve_pages).
 */
static int zone_finish(const struct zone *zone, struct sums *sums)
{
	int64_t kept;

	if (!zone->begun)
		return 0;
	if ((zone->found & LINES_NEEDED) != LINES_NEEDED ||
	    zone_kept(zone, zone->pages[LINE_PROTECTION], &kept) < 0 || add(&sums->kept, kept) < 0)
		return -EBADMSG;
	if (zone->high_memory)
		return add(&sums->high_managed, zone->pages[LINE_MANAGED]);
	return zone->movable ? 0 : zone_add_low(zone, sums);
}

/*
 * "(0, 0, 1450, 1450)": one number for each zone that the kernel knows, from the lowest. A kernel with
 * high memory ends them with HighMem and Movable; the third from the end is the highest of its own.
 */
static int parse_protection(const char *at, struct zone *zone)
{
	int64_t last[3] = {0};
	int64_t largest = 0;

	do {
		at++; /* '(' or ',' */
		at += strspn(at, " ");
		last[0] = last[1];
		last[1] = last[2];
		if (procfs_number(at, &at, &last[2]) < 0)
			return -EBADMSG;
		if (last[2] > largest)
			largest = last[2];
	} while (*at == ',');
	if (at[0] != ')' || at[1] != '\n')
		return -EBADMSG;
	zone->pages[LINE_PROTECTION] = largest;
	zone->kernel_reserve = last[0];
	return 0;
}

/* Words such as "high:" of the per-CPU lists, or other "nr_..." counters, pass by. */
static int parse_line(const char *line, const char *end, struct zone *zone)
{
	static const char *const names[ZONE_LINES] = {
		[LINE_HIGH] = "high",
		[LINE_MANAGED] = "managed",
		[LINE_PROTECTION] = "protection:",
		[LINE_FREE] = "nr_free_pages",
		[LINE_FREE_CMA] = "nr_free_cma",
		[LINE_ACTIVE_FILE] = "nr_zone_active_file",
		[LINE_INACTIVE_FILE] = "nr_zone_inactive_file",
	};
	const char *word;
	size_t length;
	unsigned i = 0;

	if (!words_take(&line, end, &word, &length))
		return 0;
	while (i < ZONE_LINES && !words_equal(word, length, names[i]))
		i++;
	if (i == ZONE_LINES)
		return 0;
	if (!zone->begun || (zone->found & BIT(i)))
		return -EBADMSG;
	zone->found |= BIT(i);
	if (i != LINE_PROTECTION)
		return words_take_number(&line, end, 1, &zone->pages[i]);
	line += strspn(line, " ");
	return *line == '(' ? parse_protection(line, zone) : -EBADMSG;
}

/* "Node 0, zone  HighMem" */
static int parse_heading(const char *line, const char *end, struct zone *ret_zone)
{
	struct zone zone = {.begun = true};
	const char *word;
	size_t length;

	for (unsigned i = 0; i < 4; i++)
		if (!words_take(&line, end, &word, &length))
			return -EBADMSG;
	zone.high_memory = words_equal(word, length, "HighMem");
	zone.movable = words_equal(word, length, "Movable");
	*ret_zone = zone;
	return 0;
}

static int to_bytes(const struct sums *sums, int64_t page_bytes, struct memory_zones *ret_zones)
{
	struct memory_zones zones = {
		.has_high = sums->high_managed > 0 && sums->low_managed > 0 &&
			    (sums->low_found & BIT(LINE_FREE)),
		.low_file_known = (sums->low_found & LINES_FILE) == LINES_FILE,
	};

	if (__builtin_mul_overflow(sums->kept, page_bytes, &zones.kept_bytes) ||
	    __builtin_mul_overflow(sums->low_managed, page_bytes, &zones.low_total_bytes) ||
	    __builtin_mul_overflow(sums->low_free, page_bytes, &zones.low_free_bytes) ||
	    __builtin_mul_overflow(sums->low_file, page_bytes, &zones.low_file_bytes))
		return -EBADMSG;
	*ret_zones = zones;
	return 0;
}

int memory_parse_zoneinfo(const char *text, int64_t page_bytes, struct memory_zones *ret_zones)
{
	struct sums sums = {.low_found = UINT64_MAX};
	struct zone zone = {.begun = false};
	const char *line;
	size_t length;

	while (words_take_line(&text, &line, &length)) {
		if (strncmp(line, "Node ", 5) == 0) {
			if (zone_finish(&zone, &sums) < 0 ||
			    parse_heading(line, line + length, &zone) < 0)
				return -EBADMSG;
		} else if (parse_line(line, line + length, &zone) < 0) {
			return -EBADMSG;
		}
	}
	if (*text != '\0' || !zone.begun || zone_finish(&zone, &sums) < 0)
		return -EBADMSG;
	return to_bytes(&sums, page_bytes, ret_zones);
}
