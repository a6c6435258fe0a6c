/* SPDX-License-Identifier: MIT */
/*
 * A loop that is turned by hand and a clock that is set by hand, around the real control socket. Both
 * ends stand in one process, so what one end has sent the other one can read at once: settle() turns
 * the loop until nothing is left to do, without waiting. To be included by one test program each.
 */
#ifndef HOSTINGPI_TEST_CONTROL_FIXTURE_H
#define HOSTINGPI_TEST_CONTROL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/control.h"

#define WATCHES 16

struct watch {
	int fd;
	unsigned events; /* 0: the place is free */
	watch_fn *fn;
	void *context;
};

struct timer {
	bool taken, armed;
	int64_t due_ns;
	timer_fn *fn;
	void *context;
};

static struct watch watches[WATCHES];
static struct timer the_timer;
static int64_t clock_ns;

struct watch *env_watch(const struct env *env, int fd, unsigned events, watch_fn *fn, void *context)
{
	if (env->loop == NULL)
		return NULL;
	for (size_t i = 0; i < WATCHES; i++) {
		if (watches[i].events == 0) {
			watches[i] = (struct watch){fd, events, fn, context};
			return &watches[i];
		}
	}
	return NULL;
}

void watch_change(struct watch *watch, unsigned events)
{
	assert_int_not_equal(events, 0);
	watch->events = events;
}

void watch_end(struct watch *watch)
{
	if (watch != NULL)
		*watch = (struct watch){.fd = -1};
}

struct timer *env_timer(const struct env *env, timer_fn *fn, void *context)
{
	if (env->loop == NULL)
		return NULL;
	assert_false(the_timer.taken);
	the_timer = (struct timer){.taken = true, .fn = fn, .context = context};
	return &the_timer;
}

void timer_arm(struct timer *timer, int64_t delay_ns)
{
	timer->armed = true;
	timer->due_ns = clock_ns + delay_ns;
}

void timer_disarm(struct timer *timer)
{
	timer->armed = false;
}

void timer_end(struct timer *timer)
{
	if (timer != NULL)
		*timer = (struct timer){0};
}

void env_wake(const struct env *env)
{
	(void)env;
}

/* Turns the loop once. Returns whether there was anything to do. */
static bool turn(void)
{
	struct pollfd fds[WATCHES];
	struct watch before[WATCHES];
	bool busy = false;

	memcpy(before, watches, sizeof(before));
	for (size_t i = 0; i < WATCHES; i++) {
		fds[i].fd = watches[i].events != 0 ? watches[i].fd : -1;
		fds[i].events = watches[i].events == WATCH_WRITE ? POLLOUT : POLLIN;
	}
	assert_true(poll(fds, WATCHES, 0) >= 0);
	for (size_t i = 0; i < WATCHES; i++) {
		/* Not one that was ended (and its place taken by another) in this turn. */
		if (fds[i].fd < 0 || fds[i].revents == 0 ||
		    memcmp(&before[i], &watches[i], sizeof(before[i])) != 0)
			continue;
		busy = true;
		watches[i].fn(watches[i].context, watches[i].events);
	}
	return busy;
}

static void settle(void)
{
	int turns = 0;

	while (turn())
		assert_true(++turns < 100000); /* 1 MB takes 2,000; more is a busy loop */
}

/* Lets time pass, and the timer with it. */
static inline void pass(int64_t ns)
{
	int64_t end_ns = clock_ns + ns;

	while (the_timer.armed && the_timer.due_ns <= end_ns) {
		clock_ns = the_timer.due_ns;
		the_timer.armed = false;
		the_timer.fn(the_timer.context);
		settle();
	}
	clock_ns = end_ns;
}

static int64_t fixture_now_ns(const struct env *env)
{
	(void)env;
	return clock_ns;
}

/* What the daemon behind the socket was asked for and what it is to say. */
struct fake_agent {
	char status[CONTROL_ANSWER_SIZE + 1];
	int status_count, request_count, message_count;
	char text[OPERATOR_TEXT_SIZE];
	int result;
	struct control_command command; /* the newest request */
};

/* Whatever document is asked for, it is the status. */
static int fake_document(void *context, const struct control_command *command, char *buffer,
			 size_t size, char *ret_error, size_t error_size)
{
	struct fake_agent *agent = context;
	size_t length = strlen(agent->status);

	agent->status_count++;
	agent->command = *command;
	if (length >= size) {
		snprintf(ret_error, error_size, "the answer does not fit");
		return -ENOSPC;
	}
	memcpy(buffer, agent->status, length + 1);
	return (int)length;
}

static int fake_request(void *context, const struct control_command *command)
{
	struct fake_agent *agent = context;

	agent->request_count++;
	agent->command = *command;
	return agent->result;
}

static int fake_message(void *context, const char *text, char ret_id[OPERATOR_ID_SIZE],
			char *ret_error, size_t size)
{
	struct fake_agent *agent = context;

	snprintf(agent->text, sizeof(agent->text), "%s", text);
	snprintf(ret_id, OPERATOR_ID_SIZE, "id-%d", ++agent->message_count);
	if (agent->result < 0)
		snprintf(ret_error, size, "not \"now\"");
	return agent->result;
}

static const struct control_ops fake_ops = {
	.document = fake_document, .request = fake_request, .message = fake_message};

struct fixture {
	char directory[32]; /* holds run/, which control_new() makes */
	char run_dir[40];
	struct sockaddr_un address;
	struct env env;
	struct fake_agent agent;
	struct control *control;
};

/* run_dir is not there yet, and the control socket neither. */
static int fixture_prepare(void **state)
{
	static int some_loop;
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	memset(watches, 0, sizeof(watches));
	clock_ns = 1000 * NS_PER_S;
	strcpy(fixture->directory, "/tmp/hostingpi-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->run_dir, sizeof(fixture->run_dir), "%s/run", fixture->directory);
	fixture->address.sun_family = AF_UNIX;
	snprintf(fixture->address.sun_path, sizeof(fixture->address.sun_path), "%s/control.sock",
		 fixture->run_dir);
	fixture->env = (struct env){
		.run_dir = fixture->run_dir,
		.now_ns = fixture_now_ns,
		.loop = (struct loop *)&some_loop,
	};
	strcpy(fixture->agent.status, "{\"version\":\"1\"}");
	*state = fixture;
	return 0;
}

static int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;

	control_free(fixture->control);
	unlink(fixture->address.sun_path);
	rmdir(fixture->run_dir);
	assert_int_equal(rmdir(fixture->directory), 0);
	free(fixture);
	return 0;
}

static inline struct control *fixture_open(struct fixture *fixture)
{
	return control_new(&fixture->env, &fake_ops, &fixture->agent);
}

/* A connected client; its end does not block. */
static inline int client_new(const struct fixture *fixture)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&fixture->address,
				 sizeof(fixture->address)),
			 0);
	settle();
	return fd;
}

#endif
