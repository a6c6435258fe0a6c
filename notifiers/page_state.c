/* SPDX-License-Identifier: MIT */
/*
 * The state and the six numbers that count. What is not known says so with its reason: an empty place
 * would be read as nothing being wrong.
 */
#include <stdio.h>
#include <string.h>

#include "agent/units.h"
#include "notifiers/page_parts.h"
#include "notifiers/page_units.h"

#define NEAR_MS 60000

/* Colours of the icon in a browser's tab, which knows no style sheet and may be light or dark. */
static const char *icon_colour(const char *tone)
{
	static const char *const colours[][2] = {
		{"good", "1a7f4b"}, {"warn", "c77700"}, {"bad", "d1242f"}, {"idle", "57606a"}};

	for (size_t i = 0; i < sizeof(colours) / sizeof(colours[0]); i++)
		if (strcmp(colours[i][0], tone) == 0)
			return colours[i][1];
	return "57606a";
}

/* A data: address, so that no browser asks for /favicon.ico. */
void page_put_icon(struct page *page)
{
	const struct page_mood *mood = page_mood(page->decision);
	struct html *html = &page->html;

	html_format(html,
		    "<link id=\"icon\" rel=\"icon\" href=\"data:image/svg+xml,"
		    "%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 48 48'%%3E"
		    "%%3Cstyle%%3E.f{fill:%%23%s}.m{fill:none;stroke:%%23fff;stroke-width:5}"
		    "%%3C/style%%3E",
		    icon_colour(mood->tone));
	for (const char *at = mood->shape; *at; at++) {
		const char one[] = {*at, '\0'};
		html_put(html, *at == '<' ? "%3C" : *at == '>' ? "%3E" : one);
	}
	html_put(html, "%3C/svg%3E\">\n");
}

/* A reason that only repeats the state is none. */
static bool has_reason(const struct decision *decision)
{
	static const char *const plain[CONTROL_STATES] = {
		[CONTROL_NORMAL] = "ok",
		[CONTROL_RECOVER] = "returning",
		[CONTROL_HOLD] = "operator",
	};
	const char *word = plain[decision->state];

	return decision->weight_pct > 0 && decision->reason[0] &&
	       !(word && strcmp(word, decision->reason) == 0);
}

void page_put_state(struct page *page)
{
	const struct decision *decision = page->decision;
	const struct page_mood *mood = page_mood(decision);
	const char *advice = page_advice(page);
	struct html *html = &page->html;

	html_format(html,
		    "<section id=\"state\" class=\"%s\" aria-labelledby=\"word\" data-live>"
		    "<svg class=\"shape\" viewBox=\"0 0 48 48\" aria-hidden=\"true\">",
		    mood->tone);
	html_put(html, mood->shape);
	html_format(html, "</svg><div><h2 id=\"word\">%s</h2><p class=\"lead\">%s</p>", mood->word,
		    mood->sentence);
	if (decision->fail)
		html_put(html, "<p>The load balancers are told that it is out.</p>");
	if (has_reason(decision)) {
		html_put(html, "<p>Reason: <strong>");
		html_text(html, decision->reason);
		html_put(html, "</strong></p>");
	}
	if (advice)
		html_format(html, "<p>%s</p>", advice);
	if (decision->weight_pct > 0) {
		html_put(html, "<p class=\"soft\">Since ");
		page_put_moment(page, decision->since_ms);
		html_put(html, "</p>");
	}
	html_put(html, "</div></section>\n");
}

static void open_figure(struct page *page, const char *label, bool bad)
{
	html_format(&page->html, "<div%s><dt>%s</dt><dd><b>", bad ? " class=\"bad\"" : "", label);
}

static void put_note(struct page *page, const char *note)
{
	html_put(&page->html, "</b><small>");
	html_text(&page->html, note);
	html_put(&page->html, "</small></dd></div>");
}

/* Some reasons tell a story of three lines, for which a figure has no place. */
static void put_unknown(struct page *page, const char *reason)
{
	html_put(&page->html, "unknown");
	put_note(page, strlen(reason) > 80 ? "the readings below say why" : reason);
}

static void put_weight(struct page *page)
{
	const struct decision *decision = page->decision;
	char note[128];

	open_figure(page, "Weight", false);
	if (decision->weight_pct < 1) {
		put_unknown(page, "nothing is decided yet");
		return;
	}
	html_format(&page->html, "%d\u00a0%%", decision->weight_pct);
	snprintf(note, sizeof(note), "of its full share%s", decision->drain ? ", but drained" : "");
	put_note(page, note);
}

static void put_cap(struct page *page)
{
	const struct decision *decision = page->decision;
	char number[UNITS_SIZE], note[128];

	open_figure(page, "Cap", false);
	if (!decision->maxconn_known) {
		put_unknown(page, "nothing is learned yet: the cap set in the balancer stays");
		return;
	}
	html_put(&page->html, units_count(number, decision->maxconn));
	if (decision->balancers > 1)
		snprintf(note, sizeof(note), "requests at once for each of %d balancers",
			 decision->balancers);
	else
		snprintf(note, sizeof(note), "requests at once");
	put_note(page, note);
}

/* Without swap the kernel has nothing but killing left when headroom is used up. */
static bool without_swap(const struct page *page)
{
	int64_t kind;

	return page_value(page, "swap", "kind", &kind) && kind == SWAP_NONE;
}

/* In calm each small fall would be an alarm: minutes count only where something is wrong already. */
static bool swap_is_near(const struct decision *decision)
{
	return decision->time_to_swap_known &&
	       (decision->state != CONTROL_NORMAL || decision->time_to_swap_ms < NEAR_MS);
}

static void put_headroom(struct page *page)
{
	const struct decision *decision = page->decision;
	char number[UNITS_SIZE], note[3 * UNITS_SIZE];
	int64_t reserve = 0, headroom = decision->headroom_bytes;

	/* The sample's where there is one: the plot below shows the same number. */
	page_value(page, "mem", "headroom_bytes", &headroom);
	bool below = page_value(page, "mem", "reserve_bytes", &reserve) && headroom < reserve;

	open_figure(page, "Headroom", decision->headroom_known && below);
	if (!decision->headroom_known) {
		put_unknown(page, decision->reason);
		return;
	}
	html_put(&page->html, units_bytes(number, headroom));
	snprintf(note, sizeof(note), below ? "below the reserve of %s" : "%s of it are the reserve",
		 units_bytes(number, reserve));
	if (swap_is_near(decision))
		snprintf(note + strlen(note), UNITS_SIZE + 32, "; %s in %s",
			 without_swap(page) ? "used up" : "swap",
			 units_span(number, decision->time_to_swap_ms / 1000));
	put_note(page, note);
}

/* A reading as a figure. Returns false (and has written why) if it is not known. */
static bool put_reading(struct page *page, const char *label, const char *group, const char *name)
{
	const struct state *state = page->snapshot.state;
	int64_t value, now_ns = page->snapshot.now_ns;
	const char *reason = "no module reads it";
	char text[UNITS_SIZE];
	bool rate = false;
	int slot = page_find(page, group, name, &rate);
	int result = STATE_UNKNOWN;

	if (slot >= 0)
		result = rate ? state_rate_milli(state, (unsigned)slot, now_ns, &value, &reason)
			      : state_value(state, (unsigned)slot, now_ns, &value, &reason);
	if (result != 0) {
		open_figure(page, label, false);
		put_unknown(page, reason);
		return false;
	}
	const struct metric *metric = state_metric(state, (unsigned)slot);
	bool bad = metric->unit == UNIT_WORD && metric->role == ROLE_NONE &&
		   strcmp(metric->words[value], "good") != 0;
	open_figure(page, label, bad);
	html_put(&page->html, units_reading(text, metric, rate, value));
	return true;
}

static void note_busy(struct page *page)
{
	struct readings readings;
	char number[UNITS_SIZE], note[128] = "";

	state_readings(page->snapshot.state, page->snapshot.now_ns, &readings);
	if (readings_has(&readings, ROLE_WEB_BUSY))
		snprintf(note, sizeof(note), "%s at work now",
			 units_count(number, readings.value[ROLE_WEB_BUSY]));
	put_note(page, note);
}

static void note_limit(struct page *page)
{
	struct readings readings;
	char number[UNITS_SIZE], note[128] = "its limit is not known";

	state_readings(page->snapshot.state, page->snapshot.now_ns, &readings);
	if (readings_has(&readings, ROLE_SOC_TEMP_LIMIT))
		snprintf(note, sizeof(note), "slows down at %s\u00a0\u00b0C",
			 units_milli(number, readings.value[ROLE_SOC_TEMP_LIMIT], 1));
	put_note(page, note);
}

static void note_health(struct page *page)
{
	bool rate;
	const char *text = "", *reason;
	int slot = page_find(page, "sd", "health_reason", &rate);

	if (slot >= 0)
		state_text(page->snapshot.state, (unsigned)slot, page->snapshot.now_ns, &text,
			   &reason);
	put_note(page, text);
}

void page_put_figures(struct page *page)
{
	html_put(&page->html, "<dl id=\"figures\" data-live>");
	put_weight(page);
	put_cap(page);
	put_headroom(page);
	if (put_reading(page, "Requests", "web", "requests_s"))
		note_busy(page);
	if (put_reading(page, "Temperature", "soc", "temp_c"))
		note_limit(page);
	if (put_reading(page, "Storage", "sd", "health"))
		note_health(page);
	html_put(&page->html, "</dl>\n");
}
