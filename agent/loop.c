/* SPDX-License-Identifier: MIT */
/*
 * Watches and timers live in two fixed pools, so that a flood of clients costs no allocation. libuv
 * closes handles one round later; a place is free again only then.
 */
#include "agent/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <time.h>

#include <uv.h>

#include "agent/env.h"

/* HTTP clients 32, control clients 8, listeners 8, status page, kmsg, MQTT: about 60; twice that. */
#define WATCHES 128
#define TIMERS 32
#define SIGNALS 3
/* The first wake is served at once, a storm of them at most 50 times a second. */
#define WAKE_GAP_MS 20

struct watch {
	uv_poll_t poll;
	watch_fn *fn;
	void *context;
	int asked; /* UV_READABLE ... */
	bool used;
};

struct timer {
	uv_timer_t timer;
	timer_fn *fn;
	void *context;
	bool used;
};

struct loop {
	uv_loop_t uv;
	struct loop_hooks hooks;
	uv_signal_t signals[SIGNALS];
	uv_timer_t wake;
	bool wake_asked;
	uint64_t wake_last_ms;
	struct watch watches[WATCHES];
	struct timer timers[TIMERS];
};

static void on_wake(uv_timer_t *timer)
{
	struct loop *loop = timer->data;
	loop->wake_asked = false;
	loop->wake_last_ms = uv_now(&loop->uv);
	if (loop->hooks.wake)
		loop->hooks.wake(loop->hooks.context);
}

static void on_signal(uv_signal_t *handle, int signal_number)
{
	struct loop *loop = handle->data;
	loop->hooks.signal(loop->hooks.context, signal_number);
}

struct loop *loop_new(const struct loop_hooks *hooks)
{
	static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
	struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return NULL;
	if (uv_loop_init(&loop->uv) < 0) {
		free(loop);
		return NULL;
	}
	if (hooks)
		loop->hooks = *hooks;
	uv_timer_init(&loop->uv, &loop->wake);
	loop->wake.data = loop;
	for (size_t i = 0; i < SIGNALS; i++) {
		uv_signal_init(&loop->uv, &loop->signals[i]);
		loop->signals[i].data = loop;
		if (loop->hooks.signal)
			uv_signal_start(&loop->signals[i], on_signal, numbers[i]);
		uv_unref((uv_handle_t *)&loop->signals[i]);
	}
	return loop;
}

static void close_walk(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	uv_walk(&loop->uv, close_walk, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	free(loop);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_once(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_ONCE);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void env_wake(const struct env *env)
{
	if (!env->loop || env->loop->wake_asked)
		return;
	struct loop *loop = env->loop;
	uint64_t since_ms = uv_now(&loop->uv) - loop->wake_last_ms;
	bool storm = loop->wake_last_ms != 0 && since_ms < WAKE_GAP_MS;
	loop->wake_asked = true;
	uv_timer_start(&loop->wake, on_wake, storm ? WAKE_GAP_MS - since_ms : 0, 0);
}

static int to_uv(unsigned events)
{
	return ((events & WATCH_READ) ? UV_READABLE : 0) |
	       ((events & WATCH_WRITE) ? UV_WRITABLE : 0) |
	       ((events & WATCH_PRIORITY) ? UV_PRIORITIZED : 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	if (status < 0) {
		events = watch->asked; /* the next read or write shows the error */
		/* libuv has stopped watching. An overrun kernel log is such an error, and goes on. */
		uv_poll_start(poll, watch->asked, on_poll);
	}
	watch->fn(watch->context, ((events & UV_READABLE) ? WATCH_READ : 0u) |
					  ((events & UV_WRITABLE) ? WATCH_WRITE : 0u) |
					  ((events & UV_PRIORITIZED) ? WATCH_PRIORITY : 0u));
}

struct watch *env_watch(const struct env *env, int fd, unsigned events, watch_fn *fn, void *context)
{
	if (!env->loop)
		return NULL;
	for (size_t i = 0; i < WATCHES; i++) {
		struct watch *watch = &env->loop->watches[i];
		if (watch->used)
			continue;
		if (uv_poll_init(&env->loop->uv, &watch->poll, fd) < 0)
			return NULL;
		watch->used = true;
		watch->fn = fn;
		watch->context = context;
		watch->poll.data = watch;
		watch_change(watch, events);
		return watch;
	}
	return NULL;
}

void watch_change(struct watch *watch, unsigned events)
{
	watch->asked = to_uv(events);
	if (watch->asked)
		uv_poll_start(&watch->poll, watch->asked, on_poll);
	else
		uv_poll_stop(&watch->poll);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	watch->used = false;
}

void watch_end(struct watch *watch)
{
	if (watch && !uv_is_closing((uv_handle_t *)&watch->poll))
		uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void on_timer(uv_timer_t *handle)
{
	struct timer *timer = handle->data;
	timer->fn(timer->context);
}

struct timer *env_timer(const struct env *env, timer_fn *fn, void *context)
{
	if (!env->loop)
		return NULL;
	for (size_t i = 0; i < TIMERS; i++) {
		struct timer *timer = &env->loop->timers[i];
		if (timer->used)
			continue;
		uv_timer_init(&env->loop->uv, &timer->timer);
		timer->used = true;
		timer->fn = fn;
		timer->context = context;
		timer->timer.data = timer;
		return timer;
	}
	return NULL;
}

void timer_arm(struct timer *timer, int64_t delay_ns)
{
	uint64_t ms = delay_ns <= 0 ? 0 : (uint64_t)((delay_ns + NS_PER_MS - 1) / NS_PER_MS);
	/* libuv counts from the start of this round; a long round must not shorten the delay. */
	uv_update_time(timer->timer.loop);
	uv_timer_start(&timer->timer, on_timer, ms, 0);
}

void timer_disarm(struct timer *timer)
{
	uv_timer_stop(&timer->timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct timer *timer = handle->data;
	timer->used = false;
}

void timer_end(struct timer *timer)
{
	if (timer && !uv_is_closing((uv_handle_t *)&timer->timer))
		uv_close((uv_handle_t *)&timer->timer, on_timer_closed);
}

int64_t loop_now_ns(const struct env *env)
{
	(void)env;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t loop_wall_ms(const struct env *env)
{
	(void)env;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

bool loop_wall_synced(const struct env *env)
{
	struct timex timex = {.modes = 0};
	/* Of another root's machine nothing is known. */
	return !env->real_root || adjtimex(&timex) < 0 || !(timex.status & STA_UNSYNC);
}

uint32_t loop_entropy(const struct env *env)
{
	uint32_t value;
	if (getrandom(&value, sizeof(value), GRND_NONBLOCK) == sizeof(value))
		return value;
	/* Before the kernel has randomness (first seconds of a boot) the clock must do. */
	return (uint32_t)loop_now_ns(env) * UINT32_C(2654435761);
}

const char *loop_library(void)
{
	static char text[32];
	if (!text[0])
		snprintf(text, sizeof(text), "libuv %s", uv_version_string());
	return text;
}
