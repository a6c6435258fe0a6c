/* SPDX-License-Identifier: MIT */
/*
 * A loop that is turned by hand and a clock that is set by hand, for a module over real loopback sockets:
 * descriptors are polled when the test says so, timers fire when the clock is moved. To be included
 * once by a test program.
 */
#ifndef HOSTINGPI_TEST_HAND_LOOP_H
#define HOSTINGPI_TEST_HAND_LOOP_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/addr.h"
#include "agent/notifier.h"
#include "agent/units.h"

#define WATCHES 256
#define TIMERS 4
/* Far more than loopback ever needs; it is not slept, only waited for. */
#define DEADLINE_MS 10000

struct watch {
	bool used;
	int fd;
	unsigned events;
	watch_fn *fn;
	void *context;
};

struct timer {
	bool used, armed;
	int64_t at_ns;
	timer_fn *fn;
	void *context;
};

/* The loop of this test. */
struct loop {
	int64_t now_ns;
	struct watch watches[WATCHES];
	struct timer timers[TIMERS];
};

struct watch *env_watch(const struct env *env, int fd, unsigned events, watch_fn *fn, void *context)
{
	for (size_t i = 0; i < WATCHES; i++) {
		struct watch *watch = &env->loop->watches[i];

		if (watch->used)
			continue;
		*watch = (struct watch){true, fd, events, fn, context};
		return watch;
	}
	return NULL;
}

void watch_change(struct watch *watch, unsigned events)
{
	watch->events = events;
}

void watch_end(struct watch *watch)
{
	if (watch)
		watch->used = false;
}

struct timer *env_timer(const struct env *env, timer_fn *fn, void *context)
{
	for (size_t i = 0; i < TIMERS; i++) {
		struct timer *timer = &env->loop->timers[i];

		if (timer->used)
			continue;
		*timer = (struct timer){.used = true, .fn = fn, .context = context};
		return timer;
	}
	return NULL;
}

static struct loop *the_loop; /* timer_arm() is not told which */

void timer_arm(struct timer *timer, int64_t delay_ns)
{
	timer->armed = true;
	timer->at_ns = the_loop->now_ns + delay_ns;
}

void timer_disarm(struct timer *timer)
{
	timer->armed = false;
}

void timer_end(struct timer *timer)
{
	if (timer)
		timer->used = false;
}

void env_wake(const struct env *env)
{
	(void)env;
}

static inline int64_t fake_now_ns(const struct env *env)
{
	return env->loop->now_ns;
}

static inline size_t count_watches(const struct loop *loop)
{
	size_t count = 0;

	for (size_t i = 0; i < WATCHES; i++)
		count += loop->watches[i].used;
	return count;
}

/* Open descriptors of this process. */
static inline size_t count_fds(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* One round: waits for at most timeout_ms; returns how many descriptors were ready. */
static inline int run_once(struct loop *loop, int timeout_ms)
{
	/* Only what is asked for: poll() takes no more entries than descriptors are allowed. */
	struct pollfd fds[WATCHES];
	struct watch *watches[WATCHES];
	nfds_t count = 0;

	for (size_t i = 0; i < WATCHES; i++) {
		struct watch *watch = &loop->watches[i];

		if (!watch->used || !watch->events)
			continue;
		fds[count] = (struct pollfd){
			.fd = watch->fd,
			.events = (short)((watch->events & WATCH_READ ? POLLIN : 0) |
					  (watch->events & WATCH_WRITE ? POLLOUT : 0)),
		};
		watches[count++] = watch;
	}
	int ready = poll(fds, count, timeout_ms);
	assert_true(ready >= 0);
	for (nfds_t i = 0; i < count; i++) {
		/* An earlier one of this round may have ended it and given its place away. */
		if (fds[i].revents && watches[i]->used && watches[i]->fd == fds[i].fd &&
		    watches[i]->events)
			watches[i]->fn(watches[i]->context, watches[i]->events);
	}
	return ready;
}

static inline void move_clock(struct loop *loop, int64_t delta_ns)
{
	loop->now_ns += delta_ns;
	for (size_t i = 0; i < TIMERS; i++) {
		struct timer *timer = &loop->timers[i];

		if (!timer->used || !timer->armed || timer->at_ns > loop->now_ns)
			continue;
		timer->armed = false;
		timer->fn(timer->context);
	}
}

static inline void set_conf(const struct notifier *notifier, void *conf, const char *key,
			    const char *value)
{
	const struct conf_item *item = notifier->module.conf;
	char error[256];

	while (strcmp(item->key, key) != 0)
		item++;
	assert_int_equal(conf_value(item, value, conf, error, sizeof(error)), 0);
}

static inline const char *read_notifier(const struct notifier *notifier, const void *self,
					char *text, size_t size)
{
	struct json json;

	json_start(&json, text, size);
	json_object(&json, NULL);
	notifier->status(self, &json);
	json_object_end(&json);
	assert_true(json_finish(&json) > 0);
	return text;
}

/* The ports that the kernel chose for "[::1]:0, 127.0.0.1:0", from where an operator reads them. */
static inline void read_ports(const struct notifier *notifier, const void *self,
			      struct addr ret_ports[2])
{
	char text[8192], error[256];
	struct addr_list bound;

	read_notifier(notifier, self, text, sizeof(text));
	char *from = strstr(text, "\"listen\":[\""), *to = from ? strchr(from, ']') : NULL;
	/* The first ']' belongs to [::1]. */
	to = to ? strchr(to + 1, ']') : NULL;
	assert_non_null(to);
	*to = '\0';
	from += strlen("\"listen\":[");
	for (char *in = from, *out = from;; in++) {
		if (*in != '"')
			*out++ = *in;
		if (!*in)
			break;
	}
	assert_int_equal(addr_list_parse(from, &bound, error, sizeof(error)), 0);
	assert_int_equal(bound.count, 2);
	memcpy(ret_ports, bound.addrs, 2 * sizeof(ret_ports[0]));
	assert_int_not_equal(ret_ports[0].any.in6.sin6_port, 0);
	assert_int_not_equal(ret_ports[1].any.in.sin_port, 0);
}

static inline int dial(const struct addr *addr, const char *greeting)
{
	int fd = socket(addr->any.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &addr->any.sa, addr->length), 0);
	if (greeting)
		assert_int_equal(send(fd, greeting, strlen(greeting), MSG_NOSIGNAL),
				 strlen(greeting));
	return fd;
}

/* Runs the loop until the caller has the whole answer and the end of it; returns its length. */
static inline size_t read_all(struct loop *loop, int fd, char *answer, size_t size)
{
	size_t used = 0;

	for (int waited_ms = 0; waited_ms < DEADLINE_MS; waited_ms += 10) {
		ssize_t length = recv(fd, answer + used, size - 1 - used, MSG_DONTWAIT);

		if (length == 0 || (length < 0 && errno == ECONNRESET))
			break;
		if (length > 0)
			used += (size_t)length;
		else
			run_once(loop, 10);
	}
	answer[used] = '\0';
	return used;
}

#endif
