/* SPDX-License-Identifier: MIT */
/* One line per number, "name value", all of them, in this order. */
#include "notifiers/post_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"

#define ROW(member)                                                                                \
	{                                                                                          \
#member, offsetof(struct post_memory, member)                                      \
	}

static const struct {
	const char *name;
	size_t offset;
} rows[] = {
	ROW(credit_ns),	  ROW(stamp_ns),       ROW(gone),	    ROW(last_ns),  ROW(posted),
	ROW(duplicates),  ROW(rejected),       ROW(dropped),	    ROW(unsure),   ROW(daily_day),
	ROW(start_waits), ROW(open),	       ROW(told),	    ROW(began_ns), ROW(quiet_ns),
	ROW(shed_ns),	  ROW(day_since_ns),   ROW(requests_known), ROW(requests), ROW(temp_known),
	ROW(temp),	  ROW(headroom_known), ROW(headroom),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

_Static_assert(ROWS * sizeof(int64_t) == sizeof(struct post_memory), "every member has a row");

int post_memory_parse(const char *text, struct post_memory *ret_memory)
{
	struct post_memory memory;

	for (size_t i = 0; i < ROWS; i++) {
		size_t length = strlen(rows[i].name);
		bool negative;
		int64_t value;

		if (strncmp(text, rows[i].name, length) != 0 || text[length] != ' ')
			return -EINVAL;
		text += length + 1;
		negative = *text == '-';
		if (procfs_number(text + negative, &text, &value) < 0 || *text != '\n')
			return -EINVAL;
		text++;
		value = negative ? -value : value;
		memcpy((char *)&memory + rows[i].offset, &value, sizeof(value));
	}
	if (*text)
		return -EINVAL;
	*ret_memory = memory;
	return 0;
}

size_t post_memory_format(const struct post_memory *memory, char text[static POST_MEMORY_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < ROWS; i++) {
		int64_t value;

		memcpy(&value, (const char *)memory + rows[i].offset, sizeof(value));
		used += (size_t)snprintf(text + used, POST_MEMORY_SIZE - used, "%s %" PRId64 "\n",
					 rows[i].name, value);
	}
	return used;
}
