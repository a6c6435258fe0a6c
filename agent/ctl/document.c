/* SPDX-License-Identifier: MIT */
/* One step per name; cJSON answers NULL for members of what is not an object. */
#include "agent/ctl/document.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

const cJSON *document_find(const cJSON *document, const char *path)
{
	/* Longer than any name of ours; a longer one is not found. */
	char name[64];

	while (document != NULL) {
		size_t length = strcspn(path, ".");

		if (length >= sizeof(name) || !cJSON_IsObject(document))
			return NULL;
		memcpy(name, path, length);
		name[length] = '\0';
		document = cJSON_GetObjectItemCaseSensitive(document, name);
		if (path[length] == '\0')
			return document;
		path += length + 1;
	}
	return NULL;
}

bool document_number(const cJSON *document, const char *path, double *ret_number)
{
	const cJSON *item = document_find(document, path);

	if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
		return false;
	*ret_number = item->valuedouble;
	return true;
}

const char *document_text(const cJSON *document, const char *path)
{
	const cJSON *item = document_find(document, path);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}

bool document_flag(const cJSON *document, const char *path)
{
	return cJSON_IsTrue(document_find(document, path));
}
