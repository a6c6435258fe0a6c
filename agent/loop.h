/* SPDX-License-Identifier: MIT */
/* The wiring on libuv behind agent/env.h; the only file that sees uv.h is loop.c. */
#ifndef HOSTINGPI_LOOP_H
#define HOSTINGPI_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* Called in the loop when env_wake() was called; at most once per round. */
typedef void loop_wake_fn(void *context);
/* Called in the loop for SIGTERM, SIGINT and SIGHUP. */
typedef void loop_signal_fn(void *context, int signal_number);

struct loop_hooks {
	loop_wake_fn *wake;
	loop_signal_fn *signal;
	void *context;
};

/* hooks may be NULL (then no signals are caught). Returns NULL without memory or descriptors. */
struct loop *loop_new(const struct loop_hooks *hooks);
/* All watches and timers must have been ended by their owners. NULL is fine. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
/* One round; waits at most until the next descriptor or timer. For tests. */
void loop_once(struct loop *loop);
void loop_stop(struct loop *loop);

/* The kernel's clocks and randomness, for struct env. */
struct env;
int64_t loop_now_ns(const struct env *env);
int64_t loop_wall_ms(const struct env *env);
bool loop_wall_synced(const struct env *env);
uint32_t loop_entropy(const struct env *env);

/* "libuv 1.44.2", static. */
const char *loop_library(void);

#endif
