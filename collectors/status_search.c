/* SPDX-License-Identifier: MIT */
/*
 * Places are tried from front to back until one shows a body that is understood, whatever its path.
 * That place is then polled at each interval. Three failures in a row, and all places are tried
 * again: at once, then after pauses that double from the interval up to the longest one, so that a
 * server that is restarted is found soon and an absent one is not knocked at all day.
 *
 * Where nobody said which server is meant, the places behind the one that was found are tried once for
 * pages of other kinds, before the first poll: the counter then has all our questions in it.
 *
 * There, a server that is started anew, or after another at boot, must not lose its place to one behind
 * it (PHP-FPM behind nginx): it is waited for before those are taken, and while one of those is polled,
 * the places before it are looked at again now and then.
 *
 * Everything happens in two callbacks, of the timer and of the page. A place that fails at once (no
 * such socket) is passed over in a loop, not by recursion. The owner is told last.
 */
#include "collectors/status_search.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* After the first reading was taken, so that a rate is there within the 1.2 s of --once. */
#define SOON_NS (300 * NS_PER_MS)
/* Between two polls, even if one took longer than the interval. */
#define LEAST_PAUSE_NS (100 * NS_PER_MS)
/* Polls back to back where a page is new: nobody else comes between, so they show whether they count. */
#define PROBES 3
/* One lost poll is a busy server; three are a server that is gone. */
#define FAILURES_ALLOWED 3
/* How many times longer the pauses become where somebody answered, but not with a status page. */
#define ANSWERED_FACTOR 10
/* For each question aside: whoever is slower is not worth waiting for. */
#define ASIDE_TIMEOUT_NS (250 * NS_PER_MS)

static const char subject[] = "requests: status page";

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Questions besides the search for a page and its polls. */
static bool is_aside(const struct status_search *search)
{
	return search->phase == SEARCH_SURVEYS || search->phase == SEARCH_CLIMBS;
}

static struct place *asked(struct status_search *search)
{
	return is_aside(search) ? &search->other : &search->place;
}

static int start_get(struct status_search *search)
{
	const struct place *place = asked(search);
	const struct place_endpoint *endpoint = &search->places.endpoints[place->endpoint];
	struct page_target target = {
		.protocol = endpoint->protocol,
		.addr = &endpoint->addr,
		.host = endpoint->host,
		.path = search->places.paths[place->path].text,
	};
	int64_t timeout_ns = search->conf.timeout_ns;
	if (is_aside(search))
		timeout_ns = smaller(timeout_ns, ASIDE_TIMEOUT_NS);
	search->poll_ns = env_now_ns(search->env);
	return status_page_get(&search->page, &target, timeout_ns);
}

/* Writes "PLACE: what is wrong there". */
static void describe(const struct status_search *search, const struct failure *failure, char *text,
		     size_t size)
{
	char name[PLACES_NAME_SIZE], why[FAILURE_TEXT_SIZE];
	snprintf(text, size, "%s: %s", places_name(&search->places, search->place, name),
		 failure_text(failure, why));
}

static void poll_later(struct status_search *search)
{
	int64_t taken_ns = env_now_ns(search->env) - search->poll_ns;
	int64_t pause_ns = search->conf.interval_ns - taken_ns;
	timer_arm(search->timer, pause_ns < LEAST_PAUSE_NS ? LEAST_PAUSE_NS : pause_ns);
}

/* A server that answers writes each vain attempt into its log, which may be on the card. */
static int64_t longer_pause(const struct status_search *search, int64_t pause_ns)
{
	return smaller(2 * pause_ns,
		       search->conf.retry_ns * (search->answered ? ANSWERED_FACTOR : 1));
}

static void give_up(struct status_search *search)
{
	if (search->tried == 1)
		snprintf(search->reason, sizeof(search->reason), "%s", search->best);
	else
		snprintf(
			search->reason, sizeof(search->reason),
			"no status page at %u places (hostingpi.conf(5) shows how to switch one on); %s",
			search->tried, search->best);
	complaint_raise(&search->complaint, "requests: %s", search->reason);

	timer_arm(search->timer, search->pause_ns);
	search->pause_ns = longer_pause(search, search->pause_ns);
	search->fn(search->context, NULL);
}

/* The place that was lost may come back: those behind it must wait. */
static bool is_held(const struct status_search *search)
{
	return search->conf.survey && search->told.endpoint < search->places.endpoint_count &&
	       search->place.endpoint > search->told.endpoint &&
	       env_now_ns(search->env) - search->lost_ns < search->conf.hold_ns;
}

/* Remembers a failure and goes on to the next place; false behind the last. */
static bool next_place(struct status_search *search, const struct failure *failure)
{
	unsigned rank = failure_rank(failure);
	search->tried++;
	if (rank > search->best_rank) {
		search->best_rank = rank;
		describe(search, failure, search->best, sizeof(search->best));
	}
	return places_next(&search->places, failure_of_endpoint(failure), &search->place) &&
	       !is_held(search);
}

/* A failure at the place at hand. */
static struct failure failure_here(const struct status_search *search, struct page_result result)
{
	return (struct failure){
		.result = result,
		.sought = places_sought(&search->places, search->place),
		.timeout_ns = search->conf.timeout_ns,
	};
}

/* The same for a get that could not even be started. */
static struct failure failed_start(const struct status_search *search, int error)
{
	return failure_here(search, (struct page_result){PAGE_NO_CONNECT, -error});
}

/* Tries the place at hand, or the first one behind it where a connection can be started. */
static void search_on(struct status_search *search)
{
	for (;;) {
		int r = start_get(search);
		if (r == 0)
			return;
		struct failure failure = failed_start(search, r);
		if (!next_place(search, &failure))
			break;
	}
	give_up(search);
}

static void search_anew(struct status_search *search)
{
	search->phase = SEARCH_LOOKS;
	search->kinds = 0;
	search->tried = 0;
	search->best_rank = 0;
	search->answered = false;
	places_first(&search->places, &search->place);
	search_on(search);
}

/* A poll of the found place failed: that is said at once, but it is given some more chances. */
static void lose_one(struct status_search *search, const struct failure *failure)
{
	describe(search, failure, search->reason, sizeof(search->reason));
	if (search->failures++ == 0)
		search->lost_ns = env_now_ns(search->env);
	if (search->failures >= FAILURES_ALLOWED)
		search_anew(search);
	else
		poll_later(search);
	search->fn(search->context, NULL);
}

static void poll(struct status_search *search)
{
	int r = start_get(search);
	if (r < 0) {
		struct failure failure = failed_start(search, r);
		lose_one(search, &failure);
	}
}

static void keep(struct status_search *search, const struct status_reading *reading)
{
	search->failures = 0;
	search->pause_ns = smaller(search->conf.interval_ns, search->conf.retry_ns);
	complaint_clear(&search->complaint, subject);
	if (reading->at_once && search->probes < PROBES) {
		search->probes++;
		timer_arm(search->timer, 0);
	} else {
		poll_later(search);
	}
	search->fn(search->context, reading);
}

/* Polls what was found; says so where it is not what was polled before. */
static void begin_polls(struct status_search *search)
{
	char now[PLACES_NAME_SIZE], before[PLACES_NAME_SIZE];
	const struct places *places = &search->places;
	if (search->told.endpoint < places->endpoint_count &&
	    (search->told.endpoint != search->place.endpoint || search->told_kind != search->kind))
		log_notice("requests: the source is now %s %s; before, it was %s %s",
			   status_kind_names[search->kind], places_name(places, search->place, now),
			   status_kind_names[search->told_kind],
			   places_name(places, search->told, before));
	search->told = search->place;
	search->told_kind = search->kind;
	search->phase = SEARCH_POLLS;
	search->climb_pause_ns = search->conf.retry_ns;
}

/* True if somebody may be at the other place who is not known yet. */
static bool is_worth_asking(const struct status_search *search)
{
	return places_kinds(&search->places, search->other) &
	       ~(search->phase == SEARCH_CLIMBS ? 1u << search->kind : search->kinds);
}

/* Behind the last question aside: back to the polls, or on to the first one. */
static void end_aside(struct status_search *search)
{
	if (search->phase == SEARCH_CLIMBS)
		search->climb_pause_ns = longer_pause(search, search->climb_pause_ns);
	else
		begin_polls(search);
	search->phase = SEARCH_POLLS;
	search->climb_ns = env_now_ns(search->env) + search->climb_pause_ns;
	poll(search);
}

/* Asks at the other place, or at the first one behind it where that makes sense. */
static void ask_aside(struct status_search *search, bool there)
{
	bool climbs = search->phase == SEARCH_CLIMBS;
	while (there && !(climbs && search->other.endpoint >= search->place.endpoint)) {
		bool worth = is_worth_asking(search);
		if (worth && start_get(search) == 0)
			return;
		there = places_next(&search->places, worth, &search->other);
	}
	end_aside(search);
}

static void next_aside(struct status_search *search, bool skip_endpoint)
{
	ask_aside(search, places_next(&search->places, skip_endpoint, &search->other));
}

/* Looks at the places before the one that is polled, for another server. */
static void climb(struct status_search *search)
{
	search->phase = SEARCH_CLIMBS;
	search->answered = false;
	ask_aside(search, places_first(&search->places, &search->other));
}

static void found(struct status_search *search, struct place place, enum status_kind kind)
{
	search->place = place;
	search->kind = kind;
	search->kinds = 1u << kind;
	search->failures = 0;
	search->probes = 0;
	if (search->conf.survey) {
		search->phase = SEARCH_SURVEYS;
		search->other = place;
		next_aside(search, true);
	} else {
		begin_polls(search);
	}
}

/* A page while looking for one. */
static void look_on(struct status_search *search, const struct status_reading *reading,
		    const struct failure *failure)
{
	if (!reading) {
		if (next_place(search, failure))
			search_on(search);
		else
			give_up(search);
		return;
	}
	found(search, search->place, reading->kind);
	if (!search->conf.survey)
		keep(search, reading);
}

/* A page, or none, in answer to a question aside. */
static void look_aside(struct status_search *search, const struct status_reading *reading,
		       const struct failure *failure)
{
	if (reading && search->phase == SEARCH_CLIMBS && reading->kind != search->kind) {
		found(search, search->other, reading->kind);
		return;
	}
	if (reading)
		search->kinds |= 1u << reading->kind;
	next_aside(search, reading || failure->result.outcome == PAGE_TIMEOUT ||
				   failure_of_endpoint(failure));
}

static void on_page(void *context, struct page_result result)
{
	struct status_search *search = context;
	struct failure failure = failure_here(search, result);
	struct status_reading body;
	const struct status_reading *reading = NULL;
	search->answered |= result.outcome == PAGE_BODY || result.outcome == PAGE_STATUS;
	search->answers[asked(search)->endpoint] +=
		status_page_counts(&search->page, result.outcome);
	if (result.outcome == PAGE_BODY &&
	    failure_judge(&search->page.answer.body, search->conf.wish.kinds, &body, &failure))
		reading = &body;

	switch (search->phase) {
	case SEARCH_LOOKS:
		look_on(search, reading, &failure);
		return;
	case SEARCH_SURVEYS:
	case SEARCH_CLIMBS:
		look_aside(search, reading, &failure);
		return;
	case SEARCH_POLLS:
		if (reading)
			keep(search, reading);
		else
			lose_one(search, &failure);
		return;
	}
}

static void on_timer(void *context)
{
	struct status_search *search = context;
	bool polls = search->phase == SEARCH_POLLS;
	if (polls && search->conf.survey && search->failures == 0 &&
	    env_now_ns(search->env) >= search->climb_ns)
		climb(search);
	else if (polls)
		poll(search);
	else
		search_anew(search);
}

int status_search_open(struct status_search *search, const struct env *env,
		       const struct search_conf *conf, status_search_fn *fn, void *context)
{
	char ignored[128];
	search->env = env;
	search->conf = *conf;
	search->fn = fn;
	search->context = context;
	search->pause_ns = smaller(conf->interval_ns, conf->retry_ns);
	int r = places_make(&conf->wish, &search->places, ignored, sizeof(ignored));
	if (r < 0)
		return r;
	search->told.endpoint = search->places.endpoint_count;
	search->timer = env_timer(env, on_timer, search);
	if (!search->timer)
		return -ENOSPC;
	r = status_page_open(&search->page, env, on_page, search);
	if (r < 0)
		return r;
	timer_arm(search->timer, 0);
	return 0;
}

bool status_search_found(const struct status_search *search)
{
	return search->phase == SEARCH_POLLS;
}

void status_search_soon(struct status_search *search)
{
	if (status_search_found(search) && !status_page_busy(&search->page))
		timer_arm(search->timer, smaller(search->conf.interval_ns, SOON_NS));
}

void status_search_close(struct status_search *search)
{
	status_page_close(&search->page);
	timer_end(search->timer);
	search->timer = NULL;
}
