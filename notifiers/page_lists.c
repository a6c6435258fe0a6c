/* SPDX-License-Identifier: MIT */
/*
 * What happened, who asked, what this Pi is. The texts of events and what balancers call themselves
 * come from outside and may be as long as their places allow, each character an '&' that takes five: so
 * that nobody can make the page too large for everybody, these lists end where their room ends, and say
 * what they left out.
 */
#include <stdio.h>
#include <string.h>

#include "agent/units.h"
#include "notifiers/page_parts.h"
#include "notifiers/page_units.h"

/* Two days of a Pi in trouble are 64; a person reads the newest. 24 of 150 bytes take a third of it. */
#define EVENTS_SHOWN 24
#define EVENTS_ROOM 10240
/* 32 with names of a sensible length. */
#define BALANCERS_ROOM 8192

static const struct {
	const char *mark, *class, *word;
} severities[] = {
	[SEVERITY_INFO] = {"\u25cb", "soft", "info"},
	[SEVERITY_WARNING] = {"\u25b2", "warn", "warning"},
	[SEVERITY_CRITICAL] = {"\u25a0", "bad", "critical"},
};

static void put_event(struct page *page, const struct event *event)
{
	struct html *html = &page->html;

	html_format(html, "<li><span class=\"sev %s\">%s\u00a0%s</span><p>",
		    severities[event->severity].class, severities[event->severity].mark,
		    severities[event->severity].word);
	html_text(html, event->text);
	html_put(html, "</p><p class=\"soft\">");
	page_put_moment(page, event->ts_ms);
	html_put(html, " \u00b7 ");
	html_text(html, event->kind);
	html_put(html, "</p></li>\n");
}

/* Returns how many have room. */
static size_t put_rows(struct page *page, size_t count, size_t room)
{
	size_t start = html_mark(&page->html);

	for (size_t i = 0; i < count; i++) {
		size_t mark = html_mark(&page->html);
		put_event(page, diary_get(page->overview->diary, i));
		if (html_mark(&page->html) - start > room) {
			html_back(&page->html, mark);
			return i;
		}
	}
	return count;
}

void page_put_events(struct page *page)
{
	const struct diary *diary = page->overview->diary;
	struct html *html = &page->html;
	size_t count = 0;

	while (diary_get(diary, count))
		count++;
	html_put(html, "<section id=\"events\" aria-labelledby=\"h-events\" data-live>"
		       "<h2 id=\"h-events\">What happened</h2>");
	if (count == 0) {
		html_put(html, "<p>Nothing since the agent started.</p></section>\n");
		return;
	}
	html_put(html, "<ol class=\"events\">\n");
	size_t shown = put_rows(page, count < EVENTS_SHOWN ? count : EVENTS_SHOWN, EVENTS_ROOM);
	html_put(html, "</ol>");
	if (shown < count)
		html_format(html,
			    "<p class=\"soft\">%zu older ones are not shown here. On this Pi: "
			    "<code>hostingpictl events</code></p>",
			    count - shown);
	html_put(html, "</section>\n");
}

/* A dry run tells nobody anything. */
static void put_told(struct page *page, const struct balancer *balancer)
{
	const struct decision *decision = page->decision;
	struct html *html = &page->html;

	if (page->about->dry_run)
		html_put(html, "to stay as it is");
	else if (balancer->told)
		html_text(html, balancer->told);
	else if (decision->maxconn_known)
		html_format(html, "weight %d\u00a0%%, cap %d", decision->weight_pct,
			    decision->maxconn);
	else
		html_format(html, "weight %d\u00a0%%", decision->weight_pct);
}

/* What the notifier that is asked speaks. */
static const char *get_protocol(const char *by)
{
	return strcmp(by, "haproxy") == 0 ? "agent-check" : strcmp(by, "http") == 0 ? "HTTP" : by;
}

static void put_balancer(struct page *page, const struct balancer *balancer)
{
	struct html *html = &page->html;
	int64_t ago_ns = page->snapshot.now_ns - balancer->seen_ns;
	char text[UNITS_SIZE];

	html_put(html, "<tr><th scope=\"row\">");
	html_text(html, balancer->name[0] ? balancer->name : "without a name");
	html_put(html, "</th><td>");
	html_text(html, balancer->address);
	html_put(html, "</td><td>");
	html_text(html, get_protocol(balancer->by));
	html_format(html, "</td><td>%s", units_ago(text, ago_ns / NS_PER_MS));
	if (balancer->interval_ns > 0)
		html_format(html, ", every %s\u00a0s",
			    units_milli(text, balancer->interval_ns / NS_PER_MS, 1));
	html_put(html, "</td><td>");
	put_told(page, balancer);
	html_put(html, "</td></tr>\n");
}

void page_put_balancers(struct page *page)
{
	struct balancer balancers[OVERVIEW_BALANCERS];
	struct html *html = &page->html;
	size_t count = page->overview->balancers(page->overview, balancers, OVERVIEW_BALANCERS);

	html_put(html, "<section id=\"balancers\" aria-labelledby=\"h-balancers\" data-live>"
		       "<h2 id=\"h-balancers\">Load balancers that asked</h2>");
	if (count == 0) {
		html_put(html, "<p>None asked lately. How to set one up: "
			       "<code>man hostingpid</code></p></section>\n");
		return;
	}
	html_put(html, "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Name</th>"
		       "<th scope=\"col\">Address</th><th scope=\"col\">Asks by</th>"
		       "<th scope=\"col\">Asked</th><th scope=\"col\">Was told</th></tr></thead>"
		       "<tbody>\n");
	size_t shown = 0, start = html_mark(html);
	for (; shown < count; shown++) {
		size_t mark = html_mark(html);
		put_balancer(page, &balancers[shown]);
		if (html_mark(html) - start > BALANCERS_ROOM) {
			html_back(html, mark);
			break;
		}
	}
	html_put(html, "</tbody></table></div>");
	if (shown < count)
		html_format(html,
			    "<p class=\"soft\">%zu more, with long names, are not shown here. On "
			    "this Pi: <code>hostingpictl status</code></p>",
			    count - shown);
	html_put(html, "</section>\n");
}

static void put_fact(struct page *page, const char *label, const char *fact)
{
	html_format(&page->html, "<div><dt>%s</dt><dd>", label);
	html_text(&page->html, fact ? fact : "unknown");
	html_put(&page->html, "</dd></div>\n");
}

void page_put_about(struct page *page)
{
	const struct about *about = page->about;
	struct html *html = &page->html;

	html_put(html, "<section id=\"about\" aria-labelledby=\"h-about\" data-live>"
		       "<h2 id=\"h-about\">What this Pi is</h2><dl class=\"facts\">\n");
	put_fact(page, "Board", about->model);
	put_fact(page, "Kernel", about->kernel);
	put_fact(page, "Firmware", about->firmware);
	put_fact(page, "Agent", about->version);
	html_put(html, "<div><dt>Agent runs since</dt><dd>");
	page_put_moment(page, about->started_ms);
	html_put(html, "</dd></div>\n");
	put_fact(page, "Libraries", about->libraries);
	put_fact(page, "Configuration", about->config_digest);
	html_put(html, "</dl></section>\n");
}
