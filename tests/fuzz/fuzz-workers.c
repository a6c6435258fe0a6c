/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID (stat, statm, task/PID/children) and the names of [workers]. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/workers_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const char *text)
{
	struct workers_names names;
	char error[256] = "";

	if (workers_names_parse(text, &names, error, sizeof(error)) < 0) {
		if (strncmp(error, "names: ", 7) != 0 || strlen(error) >= sizeof(error))
			abort();
		return;
	}
	if (names.count > WORKERS_NAMES)
		abort();
	for (unsigned i = 0; i < names.count; i++)
		if (!names.rows[i].text[0] || !workers_names_match(&names, names.rows[i].text))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct workers_stat stat;
	int64_t pages;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';

	if (workers_stat_parse(text, &stat) == 0 &&
	    (stat.parent < 0 || stat.cpu_ticks < 0 || stat.threads < 0 || stat.start_ticks < 0 ||
	     (!stat.dead && stat.threads == 0) || strlen(stat.comm) >= sizeof(stat.comm)))
		abort();
	if (workers_statm_parse(text, &pages) == 0 && pages < 0)
		abort();
	const char *at = text;
	for (const char *before = at; workers_children_next(&at) != 0; before = at)
		if (at <= before)
			abort();
	if (at > text + size)
		abort();
	check_names(text);
	free(text);
	return 0;
}
