/* SPDX-License-Identifier: MIT */
/*
 * What is worth telling the world, and when. Decisions and events go in, news comes out: a Pi that flaps
 * for an hour is one story with one beginning and one end. Pure: time is a parameter (monotonic).
 */
#ifndef HOSTINGPI_POST_STORY_H
#define HOSTINGPI_POST_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/report.h"
#include "agent/units.h"
#include "notifiers/post_conf.h"

/* Traffic that is shed for less than this in all, in one story, is no news. */
#define POST_STORY_SHED_NS (30 * NS_PER_S)
/* A story is over when nothing happened for that long. */
#define POST_STORY_CALM_NS (5 * 60 * NS_PER_S)
/* Incidents of one kind are told once in this time. */
#define POST_STORY_SAME_NS (3600 * NS_PER_S)
/* A machine that loses its power again and again must not tell the world each time. */
#define POST_STORY_START_NS (60 * NS_PER_S)

/* Kinds of incidents that are remembered, and incidents that wait to be told. */
#define POST_STORY_KINDS 16
#define POST_STORY_WAITING 4

enum post_trouble {
	POST_TROUBLE_NONE,
	POST_TROUBLE_SHED,
	POST_TROUBLE_HARD,
};

struct post_incident {
	int64_t at_ns;
	char kind[EVENT_KIND_SIZE];
	char text[EVENT_TEXT_SIZE];
};

/* Zeroed is a valid start (of an agent that has told its start). */
struct post_story {
	bool start_waits;
	int64_t start_ns; /* not before this */

	enum post_trouble now;	/* by the newest decision */
	bool calm;		/* that decision is the state normal */
	bool open;		/* there is a story */
	enum post_trouble told; /* the worst that was told of it */
	enum post_trouble news; /* the worst that is to be told */
	int64_t began_ns;
	int64_t last_ns;	  /* when it was last not calm */
	int64_t shed_ns;	  /* how long traffic was shed in all */
	int64_t step_ns;	  /* up to when that is counted */
	int64_t news_ns;	  /* when the news happened */
	struct decision decision; /* that it is about */

	struct post_incident waiting[POST_STORY_WAITING];
	size_t waiting_count;
	struct {
		char kind[EVENT_KIND_SIZE]; /* empty: free */
		int64_t at_ns;
	} recent[POST_STORY_KINDS];
	uint64_t passed_over; /* incidents for which there was no room */
};

/* The agent has started with the machine: to be told at at_ns. */
void post_story_start(struct post_story *story, int64_t at_ns);
void post_story_decision(struct post_story *story, const struct decision *decision, int64_t now_ns);
void post_story_event(struct post_story *story, const struct event *event, int64_t now_ns);

struct post_news {
	enum post_kind kind;
	int64_t at_ns;		  /* when it happened */
	int64_t duration_ns;	  /* POST_NORMAL: of all of it */
	bool decided;		  /* decision is valid, else the present one is meant */
	struct decision decision; /* POST_SHED, POST_HARD */
	char about[EVENT_KIND_SIZE];
	char text[EVENT_TEXT_SIZE]; /* POST_INCIDENT */
};

/* Returns true with the next news, if there is any. To be asked about once a second. */
bool post_story_next(struct post_story *story, int64_t now_ns, struct post_news *ret_news);

#endif
