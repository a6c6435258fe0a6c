/* SPDX-License-Identifier: MIT */
/*
 * From top to bottom what somebody wants to know who was woken at three: is it well, why not, since
 * when and what to do; the numbers that count; how it came to this (plots, incidents); who was told;
 * then everything else.
 *
 * The elements marked data-live are what the script replaces; each has an id and holds nothing that
 * can have the focus. The rest, and what the reader did to it, stays.
 */
#include "notifiers/page.h"

#include "notifiers/page_parts.h"
#include "notifiers/page_units.h"

static void put_head(struct page *page)
{
	struct html *html = &page->html;

	html_put(html, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
		       "<meta name=\"color-scheme\" content=\"light dark\">"
		       "<meta name=\"robots\" content=\"noindex\">\n<title>");
	html_put(html, page_mood(page->decision)->word);
	if (page->decision->weight_pct > 0)
		html_format(html, " %d\u00a0%%", page->decision->weight_pct);
	html_put(html, " \u2013 ");
	html_text(html, page->about->id);
	html_put(html, "</title>\n");
	page_put_icon(page);
	html_put(html, "<style>");
	html_put(html, page_style);
	html_put(html, "</style></head>\n");
}

static void put_header(struct page *page)
{
	struct html *html = &page->html;
	char stamp[UNITS_SIZE], date[UNITS_SIZE];
	int64_t now_ms = page->snapshot.ts_ms;

	html_put(html, "<body><a class=\"skip\" href=\"#state\">To the state</a>\n"
		       "<header><p class=\"mark\">hostingpi</p><h1>");
	html_text(html, page->about->id);
	html_put(html, "</h1><p>");
	html_text(html, page->about->model ? page->about->model : "of a model that is not known");
	html_format(html,
		    "</p><p class=\"asof\" id=\"asof\" data-live>As of "
		    "<time datetime=\"%s\">%s</time></p></header>\n",
		    units_stamp(stamp, now_ms), units_date(date, now_ms));
	html_put(html,
		 "<p id=\"gone\" class=\"note bad\" role=\"alert\" hidden></p>"
		 "<p id=\"said\" class=\"unseen\" role=\"status\"></p>"
		 "<noscript><p class=\"note\">Without JavaScript this page shows the moment at "
		 "which it was asked for. <a href=\"\">Ask again</a></p></noscript>\n");
	if (page->about->dry_run)
		html_put(html, "<p class=\"note\">This is a dry run: it decides, and tells the "
			       "load balancers to stay as they are.</p>\n");
}

static void put_footer(struct page *page)
{
	struct html *html = &page->html;

	html_put(html, "<footer><p>The same for programs: <a href=\"status.json\">status.json</a>, "
		       "<a href=\"metrics\">metrics</a>, <a href=\"health\">health</a>. "
		       "On this Pi: <code>hostingpictl watch</code></p></footer>\n<script>");
	html_put(html, page_script);
	html_put(html, "</script></body></html>\n");
}

int page_write(const struct overview *overview, const struct about *about, char *buffer,
	       size_t size)
{
	struct page page = {
		.overview = overview,
		.about = about,
		.decision = overview->decision,
		.snapshot = overview->snapshot(overview),
	};

	html_start(&page.html, buffer, size);
	put_head(&page);
	put_header(&page);
	html_put(&page.html, "<main>\n");
	page_put_state(&page);
	page_put_figures(&page);
	page_put_plots(&page);
	page_put_events(&page);
	page_put_balancers(&page);
	page_put_readings(&page);
	page_put_about(&page);
	html_put(&page.html, "</main>\n");
	put_footer(&page);
	return html_finish(&page.html);
}
