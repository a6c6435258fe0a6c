/* SPDX-License-Identifier: MIT */
/*
 * All keys as a configuration of comments, made from the rows that also read it: so it cannot name a key,
 * a range or a default that does not hold. The manual is compared with this in the lab.
 */
#include <string.h>

#include "agent/collector.h"
#include "agent/notifier.h"
#include "agent/settings.h"
#include "agent/version.h"

/* Comments fit a terminal of 80 columns. */
#define COLUMNS 78

static const char introduction[] =
	"Every key with its default. A line that begins with # is a comment: take it away from a key to "
	"set it. Times have a unit (ms, s, m, h, d), sizes may have one (K, M, G), percentages end "
	"with %. All about each key: hostingpi.conf(5). Check with: hostingpid -t";

/* Breaks between words only. */
static void print_comment(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (column > 0 && column + 1 + length > COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		column += (size_t)fprintf(out, "%s%.*s", column ? " " : "# ", (int)length, text);
		text += length + strspn(text + length, " ");
	}
	fputc('\n', out);
}

static void print_section(FILE *out, const char *name, const struct conf_item *items)
{
	char form[CONF_FORM_SIZE];

	if (!items)
		return;
	fprintf(out, "\n[%s]\n", name);
	for (; items->key; items++) {
		print_comment(out, items->help);
		conf_form(items, form, sizeof(form));
		print_comment(out, form);
		fprintf(out, "#%s =%s%s\n", items->key, items->fallback[0] ? " " : "",
			items->fallback);
	}
}

static void print_module(FILE *out, const struct module *module)
{
	print_section(out, module->name, module->conf);
	for (const struct conf_section *more = module->more; more && more->name; more++)
		print_section(out, more->name, more->items);
}

void settings_print_defaults(FILE *out)
{
	fprintf(out, "# hostingpid %s\n", hostingpi_version);
	print_comment(out, introduction);
	for (const struct conf_section *core = settings_core_sections; core->name; core++)
		print_section(out, core->name, core->items);
	for (size_t i = 0; collectors[i]; i++)
		print_module(out, &collectors[i]->module);
	for (size_t i = 0; notifiers[i]; i++)
		print_module(out, &notifiers[i]->module);
}
