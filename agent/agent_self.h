/* SPDX-License-Identifier: MIT */
/*
 * What the daemon owns, and the parts that work on it; agent.c joins them together. Also for --once and
 * --doctor, which look at the same things.
 */
#ifndef HOSTINGPI_AGENT_SELF_H
#define HOSTINGPI_AGENT_SELF_H

#include <stdbool.h>

#include "agent/control.h"
#include "agent/derived.h"
#include "agent/diary.h"
#include "agent/env.h"
#include "agent/history.h"
#include "agent/identity.h"
#include "agent/inherit.h"
#include "agent/judge.h"
#include "agent/learned.h"
#include "agent/log.h"
#include "agent/loop.h"
#include "agent/plant.h"
#include "agent/sdnotify.h"
#include "agent/settings.h"

/*
 * Heaps (arenas) for threads, besides the loop's. There is one thread, but a reload that changes [mqtt] starts the next
 * one while the last ends, which takes long when a name server is silent; with none left over glibc would let the
 * new one share the loop's. They are made when needed, and used again.
 */
#define THREAD_ARENAS 3

/* What the command line said. */
struct options {
	const char *conf_path;
	bool conf_given;  /* then the file must exist */
	const char *root; /* NULL: the real one */
	bool dry_run;
	bool json;
};

struct agent {
	struct options options;
	struct env env;
	struct loop *loop;
	struct settings *settings;
	struct identity identity;
	char libraries[128];
	char firmware[96]; /* empty: unknown */
	char digest[17];   /* of the settings in force */
	unsigned loads;	   /* of settings, after the first ones */
	char run_dir[80];  /* of the first settings: changing it takes a restart */
	struct plant plant;
	struct judge judge;
	struct state_source derived;
	const struct metric **metrics; /* of all modules, ordered by group */
	struct history *history;
	struct diary *diary;
	struct overview overview;
	struct control *control;
	struct sdnotify notify;
	struct inherit inherit;
	struct timer *tick;
	struct timer *watchdog;
	struct timer *stop;
	int64_t tick_due_ns;
	int64_t late_us; /* of the sampling passes since the last sample, at most */
	int64_t sample_due_ns;
	struct learned kept;   /* as it stands in run_dir */
	struct learned stored; /* as it stands in the state directory */
	char state_dir[80];    /* from systemd; empty: none */
	int64_t stop_deadline_ns;
	int64_t handover_until_ns; /* a stop until then is a hand-over */
	uint64_t seq;
	uint64_t event_id;
	enum control_request request;
	char request_reason[CONTROL_REASON_SIZE];
	int64_t hold_until_ns; /* when the operator's hold ends by itself, monotonic; 0: it does not */
	int64_t clock_offset_ms; /* of the calendar to the monotonic clock */
	struct decision published;
	bool stopping;
	bool told_start;
	struct complaint reserve;
	int exit_code;
	bool started; /* systemd was told */
};

/* The newest readings as a snapshot. */
static inline struct snapshot agent_snapshot(const struct agent *agent)
{
	return (struct snapshot){
		.ts_ms = env_wall_ms(&agent->env),
		.now_ns = env_now_ns(&agent->env),
		.seq = agent->seq,
		.interval_ms = agent->settings->agent.interval_ns / NS_PER_MS,
		.state = agent->plant.state,
	};
}

/* Tells the slow facts to the notifiers; at start and when one has changed (agent_tell.c, as the next two). */
void agent_about(struct agent *agent);
/* Tells an event to the notifiers and to the log. */
void agent_event(struct agent *agent, const struct event *event);
/* Tells an error of the configuration; for settings_load(). */
void agent_conf_error(void *context, const char *message);

/*
 * One sampling pass: read, judge, tell. In the daemon the timer calls it, --once and --doctor call it
 * themselves (agent_sample.c, as the next one).
 */
void agent_sample(struct agent *agent);
/* Sets when the next sample is due: at start, and when the interval may be another one. */
void agent_phase(struct agent *agent);

/* What operators may ask for, with the agent as context (agent_control.c). */
extern const struct control_ops agent_control_ops;

/* An operator's hold: from the file that outlives the agent, its end by itself (agent_hold.c). */
void agent_hold_request(struct agent *agent, const struct control_command *command);
void agent_hold_restore(struct agent *agent);
void agent_hold_expire(struct agent *agent);
/* When it ends by itself, unix milliseconds; 0: it does not. */
int64_t agent_hold_until_ms(const struct agent *agent);

/* Hands an operator's message on, as in struct control_ops (agent_message.c). */
int agent_message(struct agent *agent, const char *text, char ret_id[OPERATOR_ID_SIZE],
		  char *ret_error, size_t size);

/* Makes what notifiers may look at, when all metrics are known. 0 or -ENOMEM (agent_overview.c). */
int agent_overview(struct agent *agent);
void agent_overview_free(struct agent *agent);

/*
 * Where the clock stands at the start, and whether somebody has set it since the last look: then what is told by the
 * calendar was moved with it (agent_clock.c).
 */
void agent_clock_open(struct agent *agent);
bool agent_clock_follow(struct agent *agent);

/* The status document (agent_status.c). Returns its length or -ENOSPC. */
int agent_status(const struct agent *agent, char *buffer, size_t size);

/* Builds new settings and swaps them in; on any error the old ones stay (agent_reload.c). */
void agent_reload(struct agent *agent);

/* Hooks of the loop for signals and for the timer of a stop (agent_stop.c). */
void agent_on_signal(void *context, int signal_number);
void agent_on_stop_timer(void *context);

/* The next stop is a hand-over; -EOPNOTSUPP if nobody keeps what is left behind (agent_handover.c). */
int agent_hand_over(struct agent *agent);
/* Leaves the decision to the next process, and goes on from that of the one before. */
void agent_keep_decision(struct agent *agent);
void agent_resume_decision(struct agent *agent);

/* What was learned, from and to the files that outlive the agent (agent_learned.c). */
void agent_learned_restore(struct agent *agent);
void agent_learned_keep(struct agent *agent);
void agent_learned_store(struct agent *agent);

#endif
