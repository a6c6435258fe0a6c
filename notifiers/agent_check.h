/* SPDX-License-Identifier: MIT */
/*
 * The pure half of HAProxy's agent-check: the answer line of a decision, the caller's name from the
 * bytes that it sent, and who has called lately. No descriptor, no clock, no allocation.
 */
#ifndef HOSTINGPI_AGENT_CHECK_H
#define HOSTINGPI_AGENT_CHECK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"

/* 100 bytes with the line end, and NUL. HAProxy takes far longer lines; other parsers may not. */
#define AGENT_LINE_SIZE 101
/* 63 bytes and NUL: "balancer/backend", both of which HAProxy's users keep short. */
#define AGENT_NAME_SIZE 64
/* The longest greeting: 63 bytes, CR, LF. */
#define AGENT_GREETING_SIZE 65
/* 16: a Pi behind more balancers than that gets less than one request from each. */
#define AGENT_CALLERS 16
/* How many answers carry an operator's "ready": one is enough, three survive two lost ones. */
#define AGENT_READY_ANSWERS 3

/* Words that change HAProxy's administrative state; only an operator's request makes them. */
enum agent_word {
	AGENT_WORD_NONE,
	AGENT_WORD_DRAIN,
	AGENT_WORD_READY,
};

/* How a decision is told. */
struct agent_tone {
	enum agent_word word;
	bool dry_run;  /* the balancer shall stay as it is; the decision stands in the comment */
	bool stopping; /* we leave: give back the weight, unless an operator holds it down */
};

/* Writes the line with its line end and NUL; returns its length, at most 100. */
size_t agent_check_line(const struct decision *decision, const struct agent_tone *tone,
			char ret_line[AGENT_LINE_SIZE]);

/* The most connections that one balancer may open while everything is fine; at least 1. */
int agent_check_nominal(const struct decision *decision);

/* Bytes of a caller, until they are a name or can no longer become one. Zeroed is a valid start. */
struct agent_greeting {
	char bytes[AGENT_GREETING_SIZE];
	size_t used;
};

enum agent_verdict {
	AGENT_OPEN, /* nothing yet, or half a name */
	AGENT_NAMED,
	AGENT_JUNK, /* too long, empty or with other bytes than '!'..'~': no name will come */
};

/*
 * Takes bytes as they arrive. AGENT_NAMED stores the name (what follows its line is ignored). Not to
 * be called again after another verdict than AGENT_OPEN.
 */
enum agent_verdict agent_greeting_take(struct agent_greeting *greeting, const char *bytes,
				       size_t length, char ret_name[AGENT_NAME_SIZE]);
/* The caller says no more: a name whose line end was forgotten counts as well. */
enum agent_verdict agent_greeting_end(struct agent_greeting *greeting,
				      char ret_name[AGENT_NAME_SIZE]);

/*
 * One load balancer: a name and the address that it calls from (IPv4 in mapped form, "::" for a Unix
 * socket), or an address alone.
 */
struct agent_caller {
	char name[AGENT_NAME_SIZE]; /* empty: it gave none */
	struct in6_addr host;
	int64_t seen_ns;
	int64_t interval_ns;  /* smoothed; 0: not known yet */
	uint32_t undrain;     /* the operator's "ready" (struct decision) that it heard last ... */
	unsigned readies;     /* ... and in how many answers */
	enum agent_word told; /* the last word that it was told, AGENT_WORD_NONE: none */
	bool stop_told;
};

/* Zeroed is a valid start. */
struct agent_callers {
	size_t count;
	struct agent_caller list[AGENT_CALLERS];
	uint64_t displaced; /* callers seen lately that lost their place to another one */
};

/* A call that was answered. */
struct agent_call {
	struct in6_addr host;
	int64_t stamp_ns;
	uint32_t undrain;     /* the operator's "ready" that callers have to hear; 0: none */
	enum agent_word word; /* that was sent */
	bool stop_told;	      /* the answer gave back the weight for good */
};

/*
 * The word for the answer to a call, of which host, stamp_ns and undrain are known already. name is
 * NULL while it is not known; then it may be any caller from that address.
 */
enum agent_word agent_callers_word(const struct agent_callers *callers, const char *name,
				   const struct agent_call *call, bool hold);
/* How many more answers to it will carry this "ready"; 0 if undrain is 0. */
unsigned agent_caller_readies_left(const struct agent_caller *caller, uint32_t undrain);
/* Enters a call. name is NULL if the caller gave none. */
void agent_callers_enter(struct agent_callers *callers, const char *name,
			 const struct agent_call *call);
/* True if the caller has called within 10 s or 3 of its intervals. */
bool agent_caller_lately(const struct agent_caller *caller, int64_t now_ns);
/*
 * How many load balancers have called lately. Nameless calls from an address that has names as well
 * do not count, and a name that calls over IPv6 and over IPv4 counts once.
 */
size_t agent_callers_count(const struct agent_callers *callers, int64_t now_ns);
/*
 * True if every caller that was seen lately got the answer that gives back the weight; not waited for
 * are callers that missed three of their intervals and a second.
 */
bool agent_callers_stopped(const struct agent_callers *callers, int64_t now_ns);

#endif
