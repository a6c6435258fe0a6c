/* SPDX-License-Identifier: MIT */
/* What cards, their hosts and file systems say in sysfs and debugfs. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "collectors/card.h"
#include "collectors/err_stats.h"
#include "collectors/filesystem_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';

	int64_t value;
	if (card_life_parse(text, &value) == 0 && (value < 0 || value > 1000000))
		abort();
	enum card_pre_eol pre_eol;
	if (card_pre_eol_parse(text, &pre_eol) == 0 && (unsigned)pre_eol > CARD_PRE_EOL_URGENT)
		abort();
	if (err_stats_parse(text, &value) == 0 && value < 0)
		abort();

	uint32_t flags;
	filesystem_flags_parse(text, &flags);
	if (filesystem_count_parse(text, 1024, &value) == 0 && (value < 0 || value % 1024))
		abort();
	char name[9];
	filesystem_function_parse(text, name, sizeof(name));
	if (!name[0] || strlen(name) >= sizeof(name))
		abort();
	free(text);
	return 0;
}
