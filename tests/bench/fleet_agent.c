/* SPDX-License-Identifier: MIT */
/*
 * One of many agents. Its ring is reduced to a mark per sample, because the texts can be made again; the
 * rules by which samples are told, confirmed and replayed are those of the worker. A sample's ts is the
 * moment when it was due, so whatever this program comes too late with shows in the age of its messages.
 */
#include "tests/bench/fleet_agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>

#include "agent/phase.h"
#include "agent/units.h"

#define KEEPALIVE_S 30
/* Defaults and rules of the worker. */
#define INTERVAL_NS NS_PER_S
#define RECONNECT_MIN_MS 1000
#define RECONNECT_MAX_MS 120000
#define GOOD_NS (30 * NS_PER_S)
#define CONFIRM_EVERY 10 /* samples: that one goes out with QoS 1 */
#define HISTORY_FLYING 4
/* The loop of libmosquitto itself, unless told otherwise. */
#define FIXED_PAUSE_MS 1000

/* What became of a sample: TOLD live or SENT as history, and DONE when the broker has it. */
enum mark { MARK_NEW, MARK_TOLD, MARK_SENT, MARK_DONE };

_Noreturn void fleet_die(const char *what)
{
	fprintf(stderr, "fleet: %s: %s\n", what, strerror(errno));
	exit(1);
}

int64_t fleet_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void record(const struct fleet_agent *agent, enum fleet_kind kind, uint32_t seq,
		   int64_t since_ns, int size)
{
	int64_t now_ns = fleet_clock_ns(CLOCK_MONOTONIC);
	const struct fleet_record one = {
		.at_us = (now_ns + agent->fleet->wall_ns) / NS_PER_US,
		.value_us = since_ns ? (int32_t)((now_ns - since_ns) / NS_PER_US) : 0,
		.seq = seq,
		.size = (uint32_t)size,
		.agent = agent->index,
		.kind = (uint8_t)kind,
	};

	if (fwrite(&one, sizeof(one), 1, agent->fleet->records) != 1)
		fleet_die("the file of records");
}

/* When a sample was due, CLOCK_MONOTONIC. */
static int64_t due_ns(const struct fleet_agent *agent, uint32_t seq)
{
	return agent->sample_ns - (int64_t)(agent->seq + 1 - seq) * INTERVAL_NS;
}

static uint8_t *mark(struct fleet_agent *agent, uint32_t seq)
{
	return &agent->marks[seq % FLEET_WINDOW];
}

/* Puts the agent's own id into a copy of a recorded text, length bytes of it. */
static void make_own(const struct fleet_agent *agent, char *text, size_t length)
{
	static const char placeholder[] = FLEET_ID "0000";
	char *at = text;

	while ((at = memmem(at, length - (size_t)(at - text), placeholder,
			    sizeof(placeholder) - 1)) != NULL)
		at = mempcpy(at, agent->id, sizeof(placeholder) - 1);
}

static int post(struct fleet_agent *agent, const char *topic, const char *text, int length, int qos,
		bool retain, uint32_t history)
{
	int number, result;

	result = mqtt_link_publish(&agent->link,
				   &(struct mqtt_post){.topic = topic,
						       .data = text,
						       .length = length,
						       .qos = qos,
						       .retain = retain,
						       .json = true},
				   &number);
	if (result == 0 && qos)
		agent->flights[agent->flying++] =
			(struct fleet_flight){number, agent->told, history};
	return result;
}

static int send_document(struct fleet_agent *agent)
{
	const struct fleet_document *document = &agent->fleet->documents[agent->documents++];
	char topic[FLEET_TOPIC_SIZE], text[FLEET_DOCUMENT_SIZE];

	memcpy(topic, document->topic, sizeof(topic));
	memcpy(text, document->text, (size_t)document->length);
	make_own(agent, topic, strlen(topic));
	make_own(agent, text, (size_t)document->length);
	return post(agent, topic, text, document->length, 1, true, 0);
}

/* The recorded document from behind its seq on, with another beginning. */
static int send_sample(struct fleet_agent *agent, uint32_t seq, bool live)
{
	char topic[FLEET_TOPIC_SIZE], text[FLEET_DOCUMENT_SIZE + 64];
	int64_t ts_ms = (due_ns(agent, seq) + agent->fleet->wall_ns) / NS_PER_MS;
	bool confirms = !live || seq % CONFIRM_EVERY == 0;
	int length = snprintf(text, sizeof(text), "{\"ts\":%lld,\"seq\":%u%s", (long long)ts_ms,
			      seq, agent->fleet->state.text);

	snprintf(topic, sizeof(topic), "hostingpi/%s/%s", agent->id, live ? "state" : "history");
	*mark(agent, seq) = live ? MARK_TOLD : MARK_SENT;
	record(agent, live ? FLEET_STATE : FLEET_HISTORY, seq, due_ns(agent, seq), length);
	if (live) {
		agent->waits = false;
		agent->told = seq;
	} else {
		agent->backlog--;
	}
	return post(agent, topic, text, length, confirms && agent->flying < MQTT_IN_FLIGHT, false,
		    live ? 0 : seq);
}

static int send_history(struct fleet_agent *agent, int64_t now_ns)
{
	uint32_t seq = agent->oldest;

	while (*mark(agent, seq) != MARK_NEW)
		seq++;
	/* As steady as the clock, but what was missed is not made up for. */
	agent->history_ns += agent->fleet->history_step_ns;
	if (agent->history_ns <= now_ns)
		agent->history_ns = now_ns + agent->fleet->history_step_ns;
	return send_sample(agent, seq, false);
}

static bool may_replay(const struct fleet_agent *agent)
{
	return agent->backlog && agent->flying < HISTORY_FLYING &&
	       agent->documents == agent->fleet->document_count && !agent->waits;
}

static int carry(struct fleet_agent *agent, int64_t now_ns)
{
	int result = 0;

	while (result == 0 && mqtt_link_idle(&agent->link)) {
		if (agent->documents < agent->fleet->document_count &&
		    agent->flying < MQTT_IN_FLIGHT)
			result = send_document(agent);
		else if (agent->waits)
			result = send_sample(agent, agent->seq, true);
		else if (may_replay(agent) && agent->history_ns <= now_ns)
			result = send_history(agent, now_ns);
		else
			break;
	}
	return result;
}

static void forget_done(struct fleet_agent *agent)
{
	while (agent->oldest <= agent->seq && *mark(agent, agent->oldest) == MARK_DONE)
		agent->oldest++;
}

static void on_acknowledged(void *context, int number)
{
	struct fleet_agent *agent = context;

	for (unsigned i = 0; i < agent->flying; i++) {
		struct fleet_flight flight = agent->flights[i];

		if (flight.number != number)
			continue;
		agent->flights[i] = agent->flights[--agent->flying];
		if (flight.history)
			*mark(agent, flight.history) = MARK_DONE;
		for (; agent->unconfirmed <= flight.told; agent->unconfirmed++) {
			if (*mark(agent, agent->unconfirmed) == MARK_TOLD)
				*mark(agent, agent->unconfirmed) = MARK_DONE;
		}
		forget_done(agent);
		return;
	}
}

/* A connection begins: nothing that is not confirmed counts as told. */
static void restart(struct fleet_agent *agent, int64_t now_ns)
{
	agent->up_ns = now_ns;
	agent->documents = agent->flying = 0;
	agent->told = agent->backlog = 0;
	agent->unconfirmed = agent->seq;
	agent->history_ns = now_ns;
	agent->waits = agent->seq >= agent->oldest;
	for (uint32_t seq = agent->oldest; seq <= agent->seq; seq++) {
		if (*mark(agent, seq) == MARK_DONE)
			continue;
		*mark(agent, seq) = MARK_NEW;
		agent->backlog += seq < agent->seq;
	}
	record(agent, FLEET_UP, 0, 0, 0);
}

static void hang_up(struct fleet_agent *agent, int64_t now_ns)
{
	int64_t pause_ms = FIXED_PAUSE_MS;

	mqtt_link_close(&agent->link); /* and epoll forgets the descriptor */
	agent->failed = agent->up_ns && now_ns - agent->up_ns >= GOOD_NS ? 1 : agent->failed + 1;
	if (!agent->fleet->fixed)
		pause_ms = mqtt_pause_ms(agent->failed, RECONNECT_MIN_MS, RECONNECT_MAX_MS,
					 mqtt_random(&agent->random));
	if (agent->up_ns)
		record(agent, FLEET_LOST, 0, 0, 0);
	agent->up_ns = 0;
	agent->dial_ns = now_ns + pause_ms * NS_PER_MS;
}

/* Asks epoll for what the link wants to wait for. */
static void attend(struct fleet_agent *agent, bool fresh, int64_t now_ns)
{
	int timeout_ms;
	uint32_t events = (uint32_t)mqtt_link_events(&agent->link, now_ns, &timeout_ms);
	struct epoll_event event = {.events = events, .data.ptr = agent};

	agent->link_ns = now_ns + timeout_ms * NS_PER_MS;
	if (!fresh && events == agent->interest)
		return;
	agent->interest = events;
	if (epoll_ctl(agent->fleet->epoll_fd, fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, agent->link.fd,
		      &event) < 0)
		fleet_die("epoll_ctl");
}

static void dial(struct fleet_agent *agent, int64_t now_ns)
{
	record(agent, FLEET_DIAL, 0, 0, 0);
	if (mqtt_link_open(&agent->link, &agent->conf, &agent->fleet->address, now_ns) < 0)
		hang_up(agent, now_ns);
	else
		attend(agent, true, now_ns);
}

void fleet_agent_step(struct fleet_agent *agent, uint32_t events, int64_t now_ns)
{
	int result = mqtt_link_step(&agent->link, (short)events, now_ns);

	if (result == 0 && agent->link.phase == MQTT_LINK_UP) {
		if (!agent->up_ns)
			restart(agent, now_ns);
		result = carry(agent, now_ns);
	}
	if (result < 0)
		hang_up(agent, now_ns);
	else
		attend(agent, false, now_ns);
}

static void sample(struct fleet_agent *agent)
{
	agent->sample_ns += INTERVAL_NS;
	agent->backlog += agent->waits;
	*mark(agent, ++agent->seq) = MARK_NEW;
	agent->waits = true;
	if (agent->seq - agent->oldest >= FLEET_WINDOW) { /* the bench never waits that long */
		errno = ENOBUFS;
		fleet_die("outage");
	}
}

int64_t fleet_agent_next_ns(const struct fleet_agent *agent)
{
	bool closed = agent->link.phase == MQTT_LINK_CLOSED;
	int64_t next = closed ? agent->dial_ns : agent->link_ns;

	if (agent->up_ns && may_replay(agent) && agent->history_ns < next)
		next = agent->history_ns;
	return agent->sample_ns < next ? agent->sample_ns : next;
}

void fleet_agent_tick(struct fleet_agent *agent, int64_t now_ns)
{
	while (agent->sample_ns <= now_ns)
		sample(agent);
	if (agent->link.phase != MQTT_LINK_CLOSED)
		fleet_agent_step(agent, 0, now_ns);
	else if (agent->dial_ns <= now_ns)
		dial(agent, now_ns);
}

void fleet_agent_init(struct fleet_agent *agent, const struct fleet *fleet, unsigned index,
		      int64_t now_ns)
{
	agent->fleet = fleet;
	agent->index = (uint16_t)index;
	snprintf(agent->id, sizeof(agent->id), FLEET_ID "%04u", index % FLEET_MOST);
	snprintf(agent->will_topic, sizeof(agent->will_topic), "hostingpi/%s/availability",
		 agent->id);
	agent->conf = (struct mqtt_link_conf){
		.host = "::1",
		.port = fleet->port,
		.keepalive_s = KEEPALIVE_S,
		.client_id = agent->id,
		.will_topic = agent->will_topic,
		.will = MQTT_OFFLINE,
		.username = "",
		.password = "",
		.ca_file = "",
		.ca_path = "",
		.cert_file = "",
		.key_file = "",
		.psk_identity = "",
		.psk = "",
	};
	agent->link.acknowledged = on_acknowledged;
	agent->link.context = agent;
	agent->oldest = 1;
	if (getrandom(&agent->random, sizeof(agent->random), 0) != sizeof(agent->random))
		fleet_die("getrandom");
	agent->random |= 1;
	/* The first calls come evenly over a second: how a fleet is switched on is not the question. */
	agent->dial_ns = now_ns + index * NS_PER_S / fleet->count;
	agent->sample_ns =
		now_ns + phase_wait_ns(fleet->together ? FLEET_ID : agent->id, INTERVAL_NS,
				       (now_ns + fleet->wall_ns) / NS_PER_MS);
}
