/* SPDX-License-Identifier: MIT */
/*
 * What the world looks like to a module: root directory, clocks, randomness, and the loop's
 * descriptors and timers. Everything a test wants to replace comes in through here.
 */
#ifndef HOSTINGPI_ENV_H
#define HOSTINGPI_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/units.h"

enum {
	WATCH_READ = 1,
	WATCH_WRITE = 2,
	WATCH_PRIORITY = 4, /* POLLPRI */
};

/*
 * A descriptor became ready. events is a mask of WATCH_*; an error or hang-up is told as the events
 * that were asked for, so that the next read or write shows it.
 */
typedef void watch_fn(void *context, unsigned events);
typedef void timer_fn(void *context);

/* How far a hand-over to the next process of the agent has come, while notifiers are asked to stop. */
enum leaving {
	LEAVING_NOT, /* a stop is a stop: say goodbye */
	LEAVING_SOON, /* the next one goes on: no goodbye; finish what is begun, and go on answering */
	LEAVING_NOW, /* take no more callers: they wait for the next one */
};

struct inherit;
struct watch; /* opaque, owned by the loop */
struct timer; /* opaque, owned by the loop */

struct env {
	int root_fd;	       /* all kernel files are opened relative to this directory */
	bool real_root;	       /* root_fd is "/": libsensors may be asked and kmsg is a device */
	bool dry_run;	       /* decide and say so, but tell balancers to stay as they are */
	bool passing;	       /* --once, --doctor: look, and leave no trace for the daemon */
	const char *id;	       /* this Pi, letters, digits, '-' and '_' */
	const char *run_dir;   /* runtime directory, may be absent; never NULL */
	const char *conf_path; /* what -c said; NULL: the file that is read without it */
	enum leaving leaving;
	struct inherit *inherit; /* listening sockets that outlive us; NULL: none do */
	int64_t started_ms;	 /* wall clock at start, unix milliseconds */
	int64_t (*now_ns)(const struct env *env);   /* CLOCK_MONOTONIC */
	int64_t (*wall_ms)(const struct env *env);  /* unix milliseconds */
	bool (*wall_synced)(const struct env *env); /* somebody keeps the wall clock right */
	uint32_t (*entropy)(const struct env *env); /* 32 random bits, for jitter and identifiers */
	/* The loop behind the functions below; NULL in unit tests, then they return NULL. */
	struct loop *loop;
};

static inline int64_t env_now_ns(const struct env *env)
{
	return env->now_ns(env);
}

static inline int64_t env_wall_ms(const struct env *env)
{
	return env->wall_ms(env);
}

static inline bool env_wall_synced(const struct env *env)
{
	return env->wall_synced(env);
}

static inline uint32_t env_entropy(const struct env *env)
{
	return env->entropy(env);
}

/*
 * Watches a descriptor, level-triggered. Returns NULL when there is no loop or all places are taken
 * (128: twice what all modules and their bounded clients need). The descriptor stays
 * the caller's: end the watch first, then close it.
 */
struct watch *env_watch(const struct env *env, int fd, unsigned events, watch_fn *fn,
			void *context);
/* Asks for other events from now on. */
void watch_change(struct watch *watch, unsigned events);
/* Ends a watch; fn is not called again. NULL is fine. May be called from inside fn. */
void watch_end(struct watch *watch);

/* Makes a timer that is not armed yet. NULL as for env_watch(). */
struct timer *env_timer(const struct env *env, timer_fn *fn, void *context);
/* Calls fn once after delay_ns (rounded up to milliseconds); arming again replaces. */
void timer_arm(struct timer *timer, int64_t delay_ns);
void timer_disarm(struct timer *timer);
/* Ends a timer; fn is not called again. NULL is fine. May be called from inside fn. */
void timer_end(struct timer *timer);

/*
 * Asks for a sampling pass as soon as the loop is free (not from inside this call), because a module
 * saw something that cannot wait for the next tick. Only in the loop's own thread.
 */
void env_wake(const struct env *env);

#endif
