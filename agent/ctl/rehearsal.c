/* SPDX-License-Identifier: MIT */
/*
 * A balancer obeys if it has heard "drain" and its connections to the web server are gone at the end, but
 * for a few: those of sessions that may go on. Who has connections, is not this machine and never asked,
 * cannot have been told: a balancer without agent-check, or users who come directly. Before and end are
 * means over some samples, because connections come and go.
 */
#include "agent/ctl/rehearsal.h"

#include <math.h>
#include <string.h>
#include <arpa/inet.h>

#include "agent/ctl/document.h"
#include "agent/ctl/roster.h"

/* Of the connections before, so much may be left for sessions that go on. */
#define REHEARSAL_LEFT 4
/* HAProxy keeps idle connections to a server for a while. */
#define REHEARSAL_IDLE 1.0
/* Fewer than this in the mean are nobody's steady traffic. */
#define REHEARSAL_STEADY 0.5

double rehearsal_mean_of(const struct rehearsal_mean *mean)
{
	return mean->count > 0 ? mean->sum / (double)mean->count : (double)NAN;
}

static void mean_add(struct rehearsal_mean *mean, double value)
{
	mean->sum += value;
	mean->count++;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a, b != NULL ? b : "") == 0;
}

static struct rehearsal_host *host_add(struct rehearsal *rehearsal)
{
	struct rehearsal_host *host;

	if (rehearsal->count == REHEARSAL_MOST) {
		rehearsal->others++;
		return NULL;
	}
	host = &rehearsal->hosts[rehearsal->count++];
	*host = (struct rehearsal_host){.interval_s = (double)NAN, .silent_s = (double)NAN};
	return host;
}

/* One that asks: by name and address, as the agent tells them apart. */
static struct rehearsal_host *find_asker(struct rehearsal *rehearsal,
					 const struct roster_entry *entry)
{
	struct rehearsal_host *host;

	for (size_t i = 0; i < rehearsal->count; i++) {
		host = &rehearsal->hosts[i];
		if (same_text(host->name, entry->name) &&
		    same_text(host->address, entry->address) && same_text(host->by, entry->by))
			return host;
	}
	host = host_add(rehearsal);
	if (host == NULL)
		return NULL;
	snprintf(host->name, sizeof(host->name), "%s", entry->name != NULL ? entry->name : "");
	snprintf(host->address, sizeof(host->address), "%s",
		 entry->address != NULL ? entry->address : "");
	snprintf(host->by, sizeof(host->by), "%s", entry->by != NULL ? entry->by : "?");
	host->host_known = connections_host(host->address, &host->host);
	return host;
}

/* One that has connections, whether it asks or not. */
static bool is_known(const struct rehearsal *rehearsal, const struct in6_addr *address)
{
	for (size_t i = 0; i < rehearsal->count; i++)
		if (rehearsal->hosts[i].host_known &&
		    IN6_ARE_ADDR_EQUAL(&rehearsal->hosts[i].host, address))
			return true;
	return false;
}

static void add_stranger(struct rehearsal *rehearsal, const struct in6_addr *address)
{
	struct rehearsal_host *host = host_add(rehearsal);

	if (host == NULL)
		return;
	host->host = *address;
	host->host_known = true;
	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, address->s6_addr + 12, host->address, sizeof(host->address));
	else
		inet_ntop(AF_INET6, address, host->address, sizeof(host->address));
}

/* It counts as heard if the answer with the word is from after it was said. */
static void take_words(const struct rehearsal *rehearsal, struct rehearsal_host *host,
		       const struct roster_entry *entry, int64_t now_ms)
{
	bool drained = entry->told != NULL && strcmp(entry->told, "drain") == 0;
	int64_t asked_ms =
		now_ms -
		(int64_t)(isnan(entry->seen_s) || entry->seen_s > 1e6 ? 1e9 : entry->seen_s * 1000);

	host->interval_s = entry->interval_s;
	host->silent_s = entry->seen_s;
	if (rehearsal->drain_ms != 0 && host->drain_ms == 0 && drained)
		host->drain_ms = now_ms;
	if (rehearsal->ready_ms != 0 && host->ready_ms == 0 && host->drain_ms != 0 && !drained &&
	    asked_ms >= rehearsal->ready_ms)
		host->ready_ms = now_ms;
}

/* In the last quarter of its time a drain has had its effect. */
static bool at_end(const struct rehearsal *rehearsal, int64_t now_ms)
{
	return rehearsal->drain_ms != 0 && rehearsal->ready_ms == 0 &&
	       now_ms - rehearsal->drain_ms >= rehearsal->for_ms / 4 * 3;
}

static void take_connections(struct rehearsal *rehearsal, const struct connections *connections,
			     int64_t now_ms)
{
	for (size_t i = 0; i < connections->count && rehearsal->ready_ms == 0; i++) {
		const struct connections_peer *peer = &connections->peers[i];

		bool known = is_known(rehearsal, &peer->host); /* a balancer on this Pi, too */

		rehearsal->connections_seen |= known || !peer->own;
		if (!known && !peer->own)
			add_stranger(rehearsal, &peer->host);
	}
	for (size_t i = 0; i < rehearsal->count; i++) {
		struct rehearsal_host *host = &rehearsal->hosts[i];
		size_t count = host->host_known ? connections_from(connections, &host->host) : 0;

		if (rehearsal->drain_ms == 0) {
			mean_add(&host->before, (double)count);
		} else if (rehearsal->ready_ms == 0 &&
			   (host->least_ms == 0 || count < host->least)) {
			host->least = count;
			host->least_ms = now_ms;
		}
		if (at_end(rehearsal, now_ms))
			mean_add(&host->end, (double)count);
	}
}

static void take_traffic(struct rehearsal *rehearsal, const cJSON *status, int64_t now_ms)
{
	bool before = rehearsal->drain_ms == 0;
	double number;

	if (!before && !at_end(rehearsal, now_ms))
		return;
	if (document_number(status, "state.web.requests_s", &number))
		mean_add(before ? &rehearsal->requests_before : &rehearsal->requests_end, number);
	if (document_number(status, "state.web.busy_workers", &number))
		mean_add(before ? &rehearsal->busy_before : &rehearsal->busy_end, number);
}

static void take_decision(struct rehearsal *rehearsal, const cJSON *status, int64_t now_ms)
{
	const char *state = document_text(status, "decision.state");
	bool held = state != NULL && strcmp(state, "hold") == 0;
	double weight;

	if (!document_number(status, "decision.weight", &weight))
		return;
	if (rehearsal->drain_ms == 0)
		rehearsal->weight = weight;
	else if (rehearsal->ready_ms != 0 && rehearsal->back_ms == 0 && !held &&
		 weight >= rehearsal->weight)
		rehearsal->back_ms = now_ms;
}

void rehearsal_take(struct rehearsal *rehearsal, const cJSON *status,
		    const struct connections *connections, int64_t now_ms)
{
	struct roster_entry entries[ROSTER_MOST];
	size_t count = roster_read(status, entries);

	for (size_t i = 0; i < count; i++) {
		struct rehearsal_host *host = find_asker(rehearsal, &entries[i]);

		if (host != NULL)
			take_words(rehearsal, host, &entries[i], now_ms);
	}
	if (connections != NULL)
		take_connections(rehearsal, connections, now_ms);
	take_traffic(rehearsal, status, now_ms);
	take_decision(rehearsal, status, now_ms);
}

/* The same host may ask in more than one way: it is enough if one of them was heard. */
static bool heard_elsewhere(const struct rehearsal *rehearsal, const struct rehearsal_host *host)
{
	for (size_t i = 0; i < rehearsal->count; i++)
		if (rehearsal->hosts[i].drain_ms != 0 && rehearsal->hosts[i].host_known &&
		    host->host_known && IN6_ARE_ADDR_EQUAL(&rehearsal->hosts[i].host, &host->host))
			return true;
	return false;
}

/*
 * Little enough is left: sessions that may go on, or the one idle connection that a balancer keeps for
 * later, if there were more of them or none at times.
 */
static bool went(const struct rehearsal_host *host, double before, double end)
{
	if (end <= before / REHEARSAL_LEFT)
		return true;
	return end <= REHEARSAL_IDLE && (end < before || host->least == 0);
}

enum rehearsal_verdict rehearsal_judge(const struct rehearsal *rehearsal,
				       const struct rehearsal_host *host)
{
	double before = rehearsal_mean_of(&host->before), end = rehearsal_mean_of(&host->end);
	bool came = before >= REHEARSAL_STEADY, stays = end >= REHEARSAL_STEADY;

	if (host->drain_ms != 0 && stays && !went(host, before, end))
		return REHEARSAL_STAYED;
	if (host->drain_ms != 0)
		return came ? REHEARSAL_OBEYED : REHEARSAL_UNSEEN;
	if (host->by[0] == '\0')
		return stays ? REHEARSAL_UNASKED : REHEARSAL_BYSTANDER;
	/* Over HTTP all kinds of programs ask, for all kinds of things. */
	if (heard_elsewhere(rehearsal, host) ||
	    (strcmp(host->by, "haproxy") != 0 && !came && !stays))
		return REHEARSAL_BYSTANDER;
	return REHEARSAL_DEAF;
}

bool rehearsal_passed(const struct rehearsal *rehearsal)
{
	bool any = false;

	for (size_t i = 0; i < rehearsal->count; i++) {
		switch (rehearsal_judge(rehearsal, &rehearsal->hosts[i])) {
		case REHEARSAL_OBEYED:
		case REHEARSAL_UNSEEN:
			if (rehearsal->hosts[i].ready_ms == 0)
				return false;
			any = true;
			break;
		case REHEARSAL_STAYED:
		case REHEARSAL_DEAF:
		case REHEARSAL_UNASKED:
			return false;
		case REHEARSAL_BYSTANDER:
		case REHEARSAL_VERDICTS:
			break;
		}
	}
	return any && rehearsal->back_ms != 0 && !rehearsal->interrupted &&
	       !rehearsal->ended_early && !rehearsal->agent_lost && rehearsal->others == 0;
}

bool rehearsal_heard(const struct rehearsal *rehearsal)
{
	for (size_t i = 0; i < rehearsal->count; i++)
		if (rehearsal->hosts[i].drain_ms != 0 && rehearsal->hosts[i].ready_ms == 0)
			return false;
	return true;
}
