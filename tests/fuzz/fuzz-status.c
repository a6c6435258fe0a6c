/* SPDX-License-Identifier: MIT */
/*
 * The status document as hostingpictl takes it from the socket. Whatever it holds, what is shown has no
 * control character but the line end in it.
 */
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/gauges.c"
#include "agent/ctl/roster.c"
#include "agent/ctl/row.c"
#include "agent/ctl/status.c"
#include "agent/ctl/status_rows.c"
#include "agent/ctl/text.c"
#include "agent/ctl/unknown.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const struct style *style, const cJSON *document)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		abort();
	status_print(out, style, document, 80);
	status_print_line(out, style, document);
	fclose(out);
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\n')
			abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct style plain = {.utf8 = false}, utf8 = {.utf8 = true};
	cJSON *document = cJSON_ParseWithLength((const char *)data, size);

	setlocale(LC_CTYPE, "C.UTF-8");
	if (cJSON_IsObject(document)) {
		show(&plain, document);
		show(&utf8, document);
	}
	cJSON_Delete(document);
	return 0;
}
