/* SPDX-License-Identifier: MIT */
/*
 * Who comes last is served: when all places are taken, one of the others goes, and the rule is such that a
 * crowd can only push out itself. First go those who have their answer; then the one that has been quiet
 * for longest, without a complete request, among the network that holds the most places. A network is an IPv4
 * address, or the /64 of an IPv6 one, of which every machine has addresses for the asking. It is
 * that of the connection, never what a PROXY header says, which costs nothing to make up.
 *
 * Small answers are written from the stack: a socket that cannot take one kilobyte belongs to somebody who does not
 * read. Large ones need one of a few buffers until they are taken. If there is none, clients wait in the
 * order in which they asked, and those who take their time with an answer get less of it.
 *
 * All of it is one mapping: 32 places are 35 KB, the buffers 400 KB, of which a page is real memory after it
 * was written to for the first time. Free ones are always looked for from the start.
 */
#include "notifiers/http_places.h"

#include <string.h>
#include <sys/mman.h>

/* True if it is time to be served, or to go. */
static int64_t get_deadline(const struct http_client *client, bool crowded)
{
	int64_t crowded_ns = client->write_ns + HTTP_TAKE_CROWDED_NS;

	if (client->state == HTTP_WRITING && crowded && crowded_ns < client->deadline_ns)
		return crowded_ns;
	return client->deadline_ns;
}

/* The client that has waited for longest; NULL: nobody waits. */
static struct http_client *find_waiting(struct http_places *places)
{
	struct http_client *first = NULL;

	for (size_t i = 0; i < HTTP_PLACES; i++) {
		struct http_client *client = &places->clients[i];

		if (client->state == HTTP_WAITING &&
		    (!first || client->deadline_ns < first->deadline_ns))
			first = client;
	}
	return first;
}

static struct http_output *find_output(struct http_places *places)
{
	for (size_t i = 0; i < HTTP_OUTPUTS; i++) {
		if (!places->outputs[i].used)
			return &places->outputs[i];
	}
	return NULL;
}

/* After each change: who waits gets what became free, and the timer rings when the next time is over. */
static void settle(void *context)
{
	struct http_places *places = context;
	struct http_output *output;
	struct http_client *client;
	int64_t next_ns = INT64_MAX;

	while ((client = find_waiting(places)) && (output = find_output(places)))
		http_client_serve(client, output);
	for (size_t i = 0; i < HTTP_PLACES; i++) {
		const struct http_client *other = &places->clients[i];

		if (other->state != HTTP_FREE && get_deadline(other, client) < next_ns)
			next_ns = get_deadline(other, client);
	}
	if (next_ns == INT64_MAX)
		timer_disarm(places->timer);
	else
		timer_arm(places->timer, next_ns - env_now_ns(places->endpoint.env));
}

static void look_at_all(void *context)
{
	struct http_places *places = context;
	int64_t now_ns = env_now_ns(places->endpoint.env);
	bool crowded = find_waiting(places) != NULL;

	for (size_t i = 0; i < HTTP_PLACES; i++) {
		struct http_client *client = &places->clients[i];

		if (client->state == HTTP_FREE || now_ns < get_deadline(client, crowded))
			continue;
		if (client->state == HTTP_WAITING) {
			http_client_serve(client, NULL);
			continue;
		}
		/* Between two requests, and after the last one, the end is in order. */
		places->late += client->state == HTTP_WRITING ||
				(client->state == HTTP_READING && client->begun);
		http_client_close(client);
	}
	settle(places);
}

struct http_places *http_places_new(const struct env *env, enum http_proxy_mode proxy_mode,
				    http_answer_fn *answer, void *context)
{
	struct http_places *places = mmap(NULL, sizeof(*places), PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (places == MAP_FAILED)
		return NULL;
	places->timer = env_timer(env, look_at_all, places);
	if (!places->timer) {
		munmap(places, sizeof(*places));
		return NULL;
	}
	places->endpoint = (struct http_endpoint){
		.env = env,
		.proxy_mode = proxy_mode,
		.answer = answer,
		.context = context,
		.settle = settle,
		.owner = places,
	};
	return places;
}

void http_places_free(struct http_places *places)
{
	if (!places)
		return;
	for (size_t i = 0; i < HTTP_PLACES; i++) {
		if (places->clients[i].state != HTTP_FREE)
			http_client_close(&places->clients[i]);
	}
	timer_end(places->timer);
	munmap(places, sizeof(*places));
}

static bool same_network(const struct in6_addr *one, const struct in6_addr *other)
{
	bool whole = IN6_IS_ADDR_V4MAPPED(one) || IN6_IS_ADDR_V4MAPPED(other);

	return memcmp(one, other, whole ? sizeof(*one) : sizeof(*one) / 2) == 0;
}

static size_t count_network(const struct http_places *places, const struct in6_addr *peer)
{
	size_t count = 0;

	for (size_t i = 0; i < HTTP_PLACES; i++) {
		const struct http_client *client = &places->clients[i];

		count += client->state != HTTP_FREE && same_network(&client->peer, peer);
	}
	return count;
}

/* True if one is missed less than the other. */
static bool goes_first(const struct http_places *places, const struct http_client *one,
		       const struct http_client *other)
{
	bool one_done = one->state == HTTP_LINGERING, other_done = other->state == HTTP_LINGERING;
	size_t one_crowd = count_network(places, &one->peer);
	size_t other_crowd = count_network(places, &other->peer);

	if (one_done != other_done)
		return one_done;
	if (one_crowd != other_crowd)
		return one_crowd > other_crowd;
	return one->quiet_ns < other->quiet_ns;
}

bool http_places_make_room(struct http_places *places)
{
	struct http_client *first = NULL;

	for (size_t i = 0; i < HTTP_PLACES; i++) {
		struct http_client *client = &places->clients[i];

		if (client->state != HTTP_FREE && (!first || goes_first(places, client, first)))
			first = client;
	}
	if (!first)
		return false;
	places->displaced += first->state != HTTP_LINGERING;
	http_client_close(first);
	return true;
}

size_t http_places_count(const struct http_places *places, size_t *ret_waiting)
{
	size_t count = 0, waiting = 0;

	for (size_t i = 0; i < HTTP_PLACES; i++) {
		count += places->clients[i].state != HTTP_FREE;
		waiting += places->clients[i].state == HTTP_WAITING;
	}
	*ret_waiting = waiting;
	return count;
}

bool http_places_busy(const struct http_places *places)
{
	int64_t now_ns = env_now_ns(places->endpoint.env);

	for (size_t i = 0; i < HTTP_PLACES; i++) {
		const struct http_client *client = &places->clients[i];
		bool idle = client->state == HTTP_READING && !client->begun &&
			    now_ns - client->quiet_ns >= HTTP_ASKS_NS;

		if (client->state != HTTP_FREE && !idle)
			return true;
	}
	return false;
}

static struct http_client *find_free(struct http_places *places)
{
	for (size_t i = 0; i < HTTP_PLACES; i++) {
		if (places->clients[i].state == HTTP_FREE)
			return &places->clients[i];
	}
	return NULL;
}

void http_places_enter(struct http_places *places, int fd, const struct in6_addr *peer)
{
	struct http_client *client = find_free(places);

	if (!client) {
		http_places_make_room(places);
		client = find_free(places);
	}
	http_client_begin(client, &places->endpoint, fd, peer);
	settle(places);
}
