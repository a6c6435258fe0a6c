/* SPDX-License-Identifier: MIT */
/*
 * Templates: one that is taken can be rendered, ends inside its place and has none of the characters that
 * services act upon but those of the template; a refusal is one line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/post_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

/* The first half is the template, the second what the machine says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char template_text[POST_TEMPLATE_SIZE], event[EVENT_TEXT_SIZE], error[256] = "";
	char text[POST_RENDERED_SIZE + 1];
	struct decision decision = {.state = CONTROL_SHED};
	const struct post_values values = {.id = "pi", .decision = &decision, .event = event};
	size_t half = size / 2;

	if (size < 2)
		return 0;
	snprintf(template_text, sizeof(template_text), "%.*s", (int)half, (const char *)data);
	snprintf(event, sizeof(event), "%.*s", (int)(size - half), (const char *)data + half);
	snprintf(decision.reason, sizeof(decision.reason), "%s", event);
	for (int kind = 0; kind < POST_KINDS; kind++) {
		if (post_template_check("key", (enum post_kind)kind, template_text, error,
					sizeof(error)) < 0) {
			check(strncmp(error, "key: ", 5) == 0);
			continue;
		}
		memset(text, 'x', sizeof(text));
		post_template_render(template_text, &values, text, POST_RENDERED_SIZE);
		check(strnlen(text, POST_RENDERED_SIZE) < POST_RENDERED_SIZE);
		check(text[POST_RENDERED_SIZE] == 'x');
		for (const char *c = "@#$"; *c; c++)
			check(strchr(template_text, *c) || !strchr(text, *c));
		check(strstr(template_text, "//") || strchr(template_text, ':') ||
		      strchr(template_text, '/') || !strstr(text, "://"));
	}
	return 0;
}
