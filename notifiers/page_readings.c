/* SPDX-License-Identifier: MIT */
/*
 * One table for each group of readings: first what is known, then what is not, the same reasons
 * together. The label is the help of the metric, which is written for people; the name in the documents
 * stands in its title.
 *
 * Groups that the table below does not know come last, under their own name: no reading is ever left
 * out because nobody thought of it here.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "notifiers/page_parts.h"
#include "notifiers/page_units.h"

/* In the order in which they matter to who looks. */
static const struct {
	const char *group, *title;
} titles[] = {
	{"web", "Web server"}, {"mem", "Memory"},      {"swap", "Swap"},
	{"soc", "Processor"},  {"sd", "Disk or card"}, {"fs", "Root file system"},
	{"net", "Network"},    {"lb", "Decision"},     {"self", "This agent"},
};

#define TITLES (sizeof(titles) / sizeof(titles[0]))

/* A reading of a group: the value of a metric, or its rate. */
struct reading {
	unsigned slot;
	bool rate;
};

/* Twice what the largest group has (that of the disk). */
#define GROUP_READINGS 48

/* Why it is unknown; NULL: text has it. *ret_value is of a number. */
static const char *look_at(const struct page *page, struct reading reading,
			   char text[static UNITS_SIZE], const char **ret_foreign,
			   int64_t *ret_value)
{
	const struct state *state = page->snapshot.state;
	const struct metric *metric = state_metric(state, reading.slot);
	struct state_reading known = {.text = NULL};
	const char *reason;
	int result = state_reading(state, reading.slot, reading.rate, page->snapshot.now_ns, &known,
				   &reason);

	*ret_foreign = known.text;
	*ret_value = known.value;
	if (result != 0)
		return reason;
	if (!known.text)
		units_reading(text, metric, reading.rate, known.value);
	return NULL;
}

static const char *get_reason(const struct page *page, struct reading reading)
{
	char text[UNITS_SIZE];
	const char *foreign;
	int64_t value;

	return look_at(page, reading, text, &foreign, &value);
}

/* Without the unit of the number in the documents, where people are shown another one. */
static size_t label_length(const char *help)
{
	static const char *const tails[] = {", percent", ", unix milliseconds"};
	size_t length = strlen(help);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		size_t tail = strlen(tails[i]);
		if (length > tail && strcmp(help + length - tail, tails[i]) == 0)
			return length - tail;
	}
	return length;
}

/* "Received on all interfaces", of a rate beside its counter "..., per second". */
static void put_label(struct page *page, struct reading reading)
{
	const struct metric *metric = state_metric(page->snapshot.state, reading.slot);
	const char *help = metric->help ? metric->help : metric->name;
	const char *name = reading.rate ? metric->rate_name : metric->name;
	char label[256];

	snprintf(label, sizeof(label), "%.*s", (int)label_length(help), help);
	label[0] = (char)toupper((unsigned char)label[0]);
	html_format(&page->html, "<tr><th scope=\"row\" title=\"%s.%s\">", metric->group, name);
	html_text(&page->html, label);
	html_put(&page->html, reading.rate && metric->name ? ", rate</th>" : "</th>");
}

/* A counter and its rate share a row where both are known: then the rate has none of its own. */
static bool shares_row(const struct page *page, struct reading reading)
{
	const struct reading counter = {.slot = reading.slot};

	return reading.rate && state_metric(page->snapshot.state, reading.slot)->name &&
	       !get_reason(page, counter) && !get_reason(page, reading);
}

static void put_value(struct page *page, struct reading reading, const char *text, int64_t value)
{
	const struct metric *metric = state_metric(page->snapshot.state, reading.slot);
	const struct reading rate = {.slot = reading.slot, .rate = true};
	struct html *html = &page->html;
	char per_second[UNITS_SIZE];
	const char *foreign;
	int64_t milli;

	if (!reading.rate && units_trouble(metric, value))
		html_format(html, "<td class=\"bad\">\u25b2\u00a0%s", text);
	else
		html_format(html, "<td>%s", text);
	if (!reading.rate && metric->rate_name && shares_row(page, rate) &&
	    !look_at(page, rate, per_second, &foreign, &milli))
		html_format(html, "<br>%s", per_second);
}

/* Returns how many are not known; these are moved to the front of readings. */
static size_t put_known(struct page *page, struct reading *readings, size_t count)
{
	size_t unknown = 0;

	for (size_t i = 0; i < count; i++) {
		char text[UNITS_SIZE];
		const char *foreign;
		int64_t value;

		if (look_at(page, readings[i], text, &foreign, &value)) {
			readings[unknown++] = readings[i];
			continue;
		}
		if (shares_row(page, readings[i]))
			continue;
		put_label(page, readings[i]);
		if (foreign) {
			html_put(&page->html, "<td>");
			html_text(&page->html, foreign);
		} else {
			put_value(page, readings[i], text, value);
		}
		html_put(&page->html, "</td></tr>\n");
	}
	return unknown;
}

/* Equal reasons stand once, beside all readings that have them. */
static void put_unknown(struct page *page, const struct reading *readings, size_t count)
{
	bool done[GROUP_READINGS] = {false};

	for (size_t i = 0; i < count; i++) {
		const char *reason = get_reason(page, readings[i]);
		unsigned same = 0;

		if (done[i])
			continue;
		for (size_t j = i; j < count; j++)
			same += strcmp(get_reason(page, readings[j]), reason) == 0;
		for (size_t j = i; j < count; j++) {
			if (strcmp(get_reason(page, readings[j]), reason) != 0)
				continue;
			done[j] = true;
			put_label(page, readings[j]);
			if (j == i) {
				html_put(&page->html, "<td class=\"no\"");
				if (same > 1)
					html_format(&page->html, " rowspan=\"%u\"", same);
				html_put(&page->html, "><b>unknown</b> ");
				html_text(&page->html, reason);
				html_put(&page->html, "</td>");
			}
			html_put(&page->html, "</tr>\n");
		}
	}
}

static size_t collect(const struct page *page, const char *group,
		      struct reading readings[static GROUP_READINGS])
{
	const struct state *state = page->snapshot.state;
	size_t count = 0;

	for (unsigned i = 0; i < state_count(state) && count + 2 <= GROUP_READINGS; i++) {
		unsigned slot = state_ordered(state, i);
		const struct metric *metric = state_metric(state, slot);

		if (strcmp(metric->group, group) != 0)
			continue;
		if (metric->name)
			readings[count++] = (struct reading){.slot = slot};
		if (metric->rate_name)
			readings[count++] = (struct reading){.slot = slot, .rate = true};
	}
	return count;
}

static void put_group(struct page *page, const char *group, const char *title)
{
	struct reading readings[GROUP_READINGS];
	size_t count = collect(page, group, readings);

	if (count == 0)
		return;
	html_put(&page->html, "<table><caption>");
	html_text(&page->html, title);
	html_put(&page->html, "</caption><tbody>\n");
	size_t unknown = put_known(page, readings, count);
	put_unknown(page, readings, unknown);
	html_put(&page->html, "</tbody></table>\n");
}

static bool has_title(const char *group)
{
	for (size_t i = 0; i < TITLES; i++)
		if (strcmp(titles[i].group, group) == 0)
			return true;
	return false;
}

void page_put_readings(struct page *page)
{
	const struct state *state = page->snapshot.state;
	const char *last = NULL;

	html_put(&page->html, "<section id=\"readings\" aria-labelledby=\"h-readings\" data-live>"
			      "<h2 id=\"h-readings\">Readings</h2><div class=\"tables\">\n");
	for (size_t i = 0; i < TITLES; i++)
		put_group(page, titles[i].group, titles[i].title);
	for (unsigned i = 0; i < state_count(state); i++) {
		const char *group = state_metric(state, state_ordered(state, i))->group;
		if (has_title(group) || (last && strcmp(last, group) == 0))
			continue;
		put_group(page, group, group);
		last = group;
	}
	html_put(&page->html, "</div></section>\n");
}
