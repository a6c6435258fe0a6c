/* SPDX-License-Identifier: MIT */
/*
 * The line goes out whole each time, because HAProxy keeps what a reply does not mention: the health
 * word, the weight and the cap. For the same reason a cap that is not known yet is left out.
 *
 * "ready" is different: it lifts what an operator did by hand on the balancer (measured on 2.6: a MAINT
 * set through the runtime socket was gone after one reply). So it goes out only after an operator said
 * it, for a few minutes, and to each caller in a few answers. Who was told "drain" does not matter: an
 * earlier life of this agent may have told it, of which nothing is known any more.
 *
 * Callers are kept by name and address together. Two balancers that share one configuration file say
 * the same name, and taking them for one would hand out the capacity twice.
 */
#include "notifiers/agent_check.h"

#include <stdio.h>
#include <string.h>

#include "agent/sample.h"
#include "agent/units.h"

/* Nobody polls less often than this and still wants to be counted as the same caller. */
#define INTERVAL_MAX_NS (300 * NS_PER_S)
#define LATELY_NS (10 * NS_PER_S)

int agent_check_nominal(const struct decision *decision)
{
	int balancers = decision->balancers < 1 ? 1 : decision->balancers;

	return (int)clamp_i64(decision->nominal / balancers, 1, INT32_MAX);
}

/* The reason is the only text here that comes from elsewhere; a line end in it would end the line. */
static void keep_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

/* " maxconn:" and ten digits */
#define CAP_SIZE 24

/* maxconn:0 would mean "no limit": never. */
static void write_cap(char ret_text[CAP_SIZE], bool known, int maxconn)
{
	ret_text[0] = '\0';
	if (known)
		snprintf(ret_text, CAP_SIZE, " maxconn:%d", maxconn < 1 ? 1 : maxconn);
}

size_t agent_check_line(const struct decision *decision, const struct agent_tone *tone,
			char ret_line[AGENT_LINE_SIZE])
{
	static const char *const words[] = {
		[AGENT_WORD_NONE] = "",
		[AGENT_WORD_DRAIN] = " drain",
		[AGENT_WORD_READY] = " ready",
	};
	/* Two heads of at most 45 bytes, the state, the reason: below 180; the rest is spare. */
	char text[256], cap[CAP_SIZE], nominal[CAP_SIZE];
	/* Weight 0 would take the server out: never. */
	int weight = (int)clamp_i64(decision->weight_pct, 1, 100);
	const char *health = decision->fail ? "fail" : "up", *word = words[tone->word];
	const char *state = control_state_words[decision->state];
	int reason = (int)strnlen(decision->reason, sizeof(decision->reason));

	write_cap(cap, decision->maxconn_known, decision->maxconn);
	/* Where a cap was told, another one must be left behind: a balancer keeps the last. */
	bool cap_told = decision->nominal_known || (tone->stopping && decision->maxconn_known);
	write_cap(nominal, cap_told, agent_check_nominal(decision));
	if (tone->stopping && (tone->dry_run || !decision->drain))
		snprintf(text, sizeof(text), "up 100%%%s%s # stopping", nominal, word);
	else if (tone->dry_run)
		snprintf(text, sizeof(text), "up 100%%%s%s # dry-run would %s%d%%%s%s %s %.*s",
			 nominal, word, decision->fail ? "fail " : "", weight, cap,
			 decision->drain ? " drain" : "", state, reason, decision->reason);
	else
		snprintf(text, sizeof(text), "%s %d%%%s%s # %s %.*s", health, weight, cap, word,
			 state, reason, decision->reason);

	keep_printable(text);
	text_copy(ret_line, AGENT_LINE_SIZE - 1, text);
	size_t length = strlen(ret_line);
	ret_line[length++] = '\n';
	ret_line[length] = '\0';
	return length;
}

/* The name that ends before bytes[length]; a carriage return before the line end is no part of it. */
static enum agent_verdict read_name(const char *bytes, size_t length, char *ret_name)
{
	if (length > 0 && bytes[length - 1] == '\r')
		length--;
	if (length == 0 || length >= AGENT_NAME_SIZE)
		return AGENT_JUNK;
	/* No blanks: the first line of an HTTP request is not the name of a balancer. */
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] <= ' ' || bytes[i] > '~')
			return AGENT_JUNK;
	}
	memcpy(ret_name, bytes, length);
	ret_name[length] = '\0';
	return AGENT_NAMED;
}

enum agent_verdict agent_greeting_take(struct agent_greeting *greeting, const char *bytes,
				       size_t length, char ret_name[AGENT_NAME_SIZE])
{
	size_t room = sizeof(greeting->bytes) - greeting->used;
	size_t take = length < room ? length : room;

	memcpy(greeting->bytes + greeting->used, bytes, take);
	greeting->used += take;
	const char *end = memchr(greeting->bytes, '\n', greeting->used);
	if (end)
		return read_name(greeting->bytes, (size_t)(end - greeting->bytes), ret_name);
	return greeting->used == sizeof(greeting->bytes) ? AGENT_JUNK : AGENT_OPEN;
}

enum agent_verdict agent_greeting_end(struct agent_greeting *greeting,
				      char ret_name[AGENT_NAME_SIZE])
{
	return greeting->used == 0 ? AGENT_OPEN
				   : read_name(greeting->bytes, greeting->used, ret_name);
}

static bool same_host(const struct in6_addr *one, const struct in6_addr *other)
{
	return memcmp(one, other, sizeof(*one)) == 0;
}

/* name is empty for a caller without one. NULL if it has not called yet. */
static const struct agent_caller *find_caller(const struct agent_callers *callers, const char *name,
					      const struct in6_addr *host)
{
	for (size_t i = 0; i < callers->count; i++) {
		const struct agent_caller *caller = &callers->list[i];

		if (same_host(&caller->host, host) && strcmp(caller->name, name) == 0)
			return caller;
	}
	return NULL;
}

static int64_t lately_ns(const struct agent_caller *caller)
{
	int64_t intervals = 3 * caller->interval_ns;

	return intervals > LATELY_NS ? intervals : LATELY_NS;
}

bool agent_caller_lately(const struct agent_caller *caller, int64_t now_ns)
{
	return now_ns - caller->seen_ns <= lately_ns(caller);
}

unsigned agent_caller_readies_left(const struct agent_caller *caller, uint32_t undrain)
{
	if (undrain == 0)
		return 0;
	if (caller->undrain != undrain)
		return AGENT_READY_ANSWERS;
	return AGENT_READY_ANSWERS - caller->readies;
}

/* True if a caller that did not say yet who it is must be told "ready". */
static bool owes_ready_to_nameless(const struct agent_callers *callers,
				   const struct agent_call *call)
{
	bool known = false;

	for (size_t i = 0; i < callers->count; i++) {
		const struct agent_caller *caller = &callers->list[i];

		if (!same_host(&caller->host, &call->host))
			continue;
		known = true;
		/*
		 * If it is not this one it hears the word once too often, which ends when this one
		 * has fetched its own. So those who left do not count.
		 */
		if (agent_caller_lately(caller, call->stamp_ns) &&
		    agent_caller_readies_left(caller, call->undrain) > 0)
			return true;
	}
	/* A new one among others hears it in its next answer, when it is one of them. */
	return !known;
}

enum agent_word agent_callers_word(const struct agent_callers *callers, const char *name,
				   const struct agent_call *call, bool hold)
{
	bool owed = false;

	if (hold)
		return AGENT_WORD_DRAIN;
	if (call->undrain != 0 && name) {
		const struct agent_caller *caller = find_caller(callers, name, &call->host);
		owed = !caller || agent_caller_readies_left(caller, call->undrain) > 0;
	} else if (call->undrain != 0) {
		owed = owes_ready_to_nameless(callers, call);
	}
	return owed ? AGENT_WORD_READY : AGENT_WORD_NONE;
}

/*
 * Who gives way when the table is full: first those who have gone, then those who called only once
 * (a scan, a stranger), then the others.
 */
static int rank_caller(const struct agent_caller *caller, int64_t now_ns)
{
	if (!agent_caller_lately(caller, now_ns))
		return 0;
	return caller->interval_ns == 0 ? 1 : 2;
}

static struct agent_caller *make_room(struct agent_callers *callers, int64_t now_ns)
{
	struct agent_caller *worst = &callers->list[0];

	if (callers->count < AGENT_CALLERS)
		return &callers->list[callers->count++];
	for (size_t i = 1; i < AGENT_CALLERS; i++) {
		struct agent_caller *caller = &callers->list[i];
		int rank = rank_caller(caller, now_ns), lowest = rank_caller(worst, now_ns);

		if (rank < lowest || (rank == lowest && caller->seen_ns < worst->seen_ns))
			worst = caller;
	}
	if (agent_caller_lately(worst, now_ns))
		callers->displaced++;
	return worst;
}

/*
 * A gap beyond "lately" is either the first interval of a slow balancer or the absence of a quick
 * one. It is believed while nothing else is known; a quick one corrects it within a few calls.
 */
static void learn_interval(struct agent_caller *caller, int64_t gap_ns)
{
	if (gap_ns < 1)
		gap_ns = 1;
	if (caller->interval_ns == 0)
		caller->interval_ns = gap_ns <= INTERVAL_MAX_NS ? gap_ns : 0;
	else if (gap_ns <= lately_ns(caller))
		caller->interval_ns += (gap_ns - caller->interval_ns) / 4;
	else
		caller->interval_ns = 0;
}

static void count_ready(struct agent_caller *caller, uint32_t undrain)
{
	if (caller->undrain != undrain)
		caller->readies = 0;
	caller->undrain = undrain;
	/* It may hear more: see owes_ready_to_nameless(). */
	if (caller->readies < AGENT_READY_ANSWERS)
		caller->readies++;
}

void agent_callers_enter(struct agent_callers *callers, const char *name,
			 const struct agent_call *call)
{
	const struct agent_caller *known = find_caller(callers, name ? name : "", &call->host);
	struct agent_caller *caller;

	if (known) {
		caller = &callers->list[known - callers->list];
		/* A caller that was slow to say who it is may be entered after a later one. */
		if (call->stamp_ns >= caller->seen_ns) {
			learn_interval(caller, call->stamp_ns - caller->seen_ns);
			caller->seen_ns = call->stamp_ns;
		}
	} else {
		caller = make_room(callers, call->stamp_ns);
		*caller = (struct agent_caller){.host = call->host, .seen_ns = call->stamp_ns};
		if (name)
			snprintf(caller->name, sizeof(caller->name), "%s", name);
	}
	if (call->word != AGENT_WORD_NONE)
		caller->told = call->word;
	if (call->word == AGENT_WORD_READY)
		count_ready(caller, call->undrain);
	if (call->stop_told)
		caller->stop_told = true;
}

static bool is_ipv4(const struct agent_caller *caller)
{
	return IN6_IS_ADDR_V4MAPPED(&caller->host);
}

/* True if another entry stands for the same balancer. */
static bool is_shadow(const struct agent_callers *callers, const struct agent_caller *caller,
		      int64_t now_ns)
{
	size_t before = 0, other_family = 0;

	for (size_t i = 0; i < callers->count; i++) {
		const struct agent_caller *other = &callers->list[i];

		if (!agent_caller_lately(other, now_ns))
			continue;
		if (!caller->name[0]) {
			if (other->name[0] && same_host(&other->host, &caller->host))
				return true;
		} else if (strcmp(other->name, caller->name) == 0) {
			if (!is_ipv4(other))
				other_family++;
			else if (other < caller)
				before++;
		}
	}
	/* The n-th IPv4 address of a name belongs to its n-th IPv6 address. */
	return caller->name[0] && is_ipv4(caller) && before < other_family;
}

size_t agent_callers_count(const struct agent_callers *callers, int64_t now_ns)
{
	size_t count = 0;

	for (size_t i = 0; i < callers->count; i++) {
		const struct agent_caller *caller = &callers->list[i];

		if (agent_caller_lately(caller, now_ns) && !is_shadow(callers, caller, now_ns))
			count++;
	}
	return count;
}

/* True if a caller that had a rhythm has lost it: it left, and there is nobody to wait for. */
static bool is_overdue(const struct agent_caller *caller, int64_t now_ns)
{
	int64_t silence_ns = now_ns - caller->seen_ns;

	return caller->interval_ns > 0 && silence_ns > NS_PER_S &&
	       silence_ns > 3 * caller->interval_ns;
}

bool agent_callers_stopped(const struct agent_callers *callers, int64_t now_ns)
{
	for (size_t i = 0; i < callers->count; i++) {
		const struct agent_caller *caller = &callers->list[i];

		if (caller->stop_told || !agent_caller_lately(caller, now_ns) ||
		    is_overdue(caller, now_ns))
			continue;
		/* Whoever named itself calls again; a nameless shadow was an odd one out. */
		if (caller->name[0] || !is_shadow(callers, caller, now_ns))
			return false;
	}
	return true;
}
