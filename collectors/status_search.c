/* SPDX-License-Identifier: MIT */
/*
 * Places are tried from front to back until one shows a body that is understood, whatever its path.
 * That place is then polled at each interval. Three failures in a row, and all places are tried
 * again: at once, then after pauses that double from the interval up to the longest one, so that a
 * server that is restarted is found soon and an absent one is not knocked at all day.
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
/* One lost poll is a busy server; three are a server that is gone. */
#define FAILURES_ALLOWED 3
/* How many times longer the pauses become where somebody answered, but not with a status page. */
#define ANSWERED_FACTOR 10

static const char subject[] = "requests: status page";

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int start_get(struct status_search *search)
{
	const struct place_endpoint *endpoint = &search->places.endpoints[search->place.endpoint];
	struct page_target target = {
		.addr = &endpoint->addr,
		.host = endpoint->host,
		.path = search->places.paths[search->place.path].text,
	};
	search->poll_ns = env_now_ns(search->env);
	return status_page_get(&search->page, &target, search->conf.timeout_ns);
}

/* Apache is looked for where only Apache may be, or where the path is the one it is known by. */
static bool place_is_apache(const struct status_search *search)
{
	const struct place_path *path = &search->places.paths[search->place.path];
	unsigned kinds = path->kinds & search->places.endpoints[search->place.endpoint].kinds;
	return kinds == (1u << STATUS_APACHE) ||
	       ((kinds & (1u << STATUS_APACHE)) && strstr(path->text, "server-status"));
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

	/* A server that answers writes each vain attempt into its log, which may be on the card. */
	int64_t longest_ns = search->conf.retry_ns * (search->answered ? ANSWERED_FACTOR : 1);
	timer_arm(search->timer, search->pause_ns);
	search->pause_ns = smaller(2 * search->pause_ns, longest_ns);
	search->fn(search->context, NULL);
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
	return places_next(&search->places, failure_of_endpoint(failure), &search->place);
}

/* A failure for a get that could not even be started. */
static struct failure failed_start(int error)
{
	return (struct failure){
		.result = {.outcome = PAGE_NO_CONNECT, .detail = -error},
	};
}

/* Tries the place at hand, or the first one behind it where a connection can be started. */
static void search_on(struct status_search *search)
{
	for (;;) {
		int r = start_get(search);
		if (r == 0)
			return;
		struct failure failure = failed_start(r);
		if (!next_place(search, &failure))
			break;
	}
	give_up(search);
}

static void search_anew(struct status_search *search)
{
	search->found = false;
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
	search->failures++;
	if (search->failures >= FAILURES_ALLOWED)
		search_anew(search);
	else
		poll_later(search);
	search->fn(search->context, NULL);
}

static void keep(struct status_search *search, const struct status_reading *reading)
{
	search->found = true;
	search->failures = 0;
	search->pause_ns = smaller(search->conf.interval_ns, search->conf.retry_ns);
	complaint_clear(&search->complaint, subject);
	poll_later(search);
	search->fn(search->context, reading);
}

/* Looks at a body: true if it is a page that is wanted; otherwise fills in what is wrong. */
static bool judge_body(const struct status_search *search, struct status_reading *ret_reading,
		       struct failure *ret_failure)
{
	static const char *const others[STATUS_KINDS] = {
		[STATUS_NGINX] = "this is nginx's status page, but source = apache",
		[STATUS_APACHE] = "this is Apache's status page, but source = nginx",
	};
	const struct status_answer *answer = &search->page.answer;
	const char *why;
	int r = status_parse(answer->body, answer->body_length, ret_reading, &why);
	if (r == 0 && (search->conf.wish.kinds & (1u << ret_reading->kind)))
		return true;
	ret_failure->body = r == 0 ? others[ret_reading->kind] : why;
	ret_failure->recognised = r != -EPROTO;
	return false;
}

static void on_page(void *context, struct page_result result)
{
	struct status_search *search = context;
	struct failure failure = {
		.result = result,
		.apache = place_is_apache(search),
		.timeout_ns = search->conf.timeout_ns,
	};
	struct status_reading reading;
	if (result.outcome == PAGE_BODY || result.outcome == PAGE_STATUS) {
		search->answers[search->place.endpoint]++;
		search->answered = true;
	}

	if (result.outcome == PAGE_BODY && judge_body(search, &reading, &failure))
		keep(search, &reading);
	else if (search->found)
		lose_one(search, &failure);
	else if (next_place(search, &failure))
		search_on(search);
	else
		give_up(search);
}

static void on_timer(void *context)
{
	struct status_search *search = context;
	if (!search->found) {
		search_anew(search);
		return;
	}
	int r = start_get(search);
	if (r < 0) {
		struct failure failure = failed_start(r);
		lose_one(search, &failure);
	}
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
	search->timer = env_timer(env, on_timer, search);
	if (!search->timer)
		return -ENOSPC;
	r = status_page_open(&search->page, env, on_page, search);
	if (r < 0)
		return r;
	timer_arm(search->timer, 0);
	return 0;
}

void status_search_soon(struct status_search *search)
{
	if (search->found && !status_page_busy(&search->page))
		timer_arm(search->timer, smaller(search->conf.interval_ns, SOON_NS));
}

void status_search_close(struct status_search *search)
{
	status_page_close(&search->page);
	timer_end(search->timer);
	search->timer = NULL;
}
