/* SPDX-License-Identifier: MIT */
/* Fan-out to sinks that are ready, busy, or broken; nothing is reordered, what is lost is counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/dispatch.h"

struct capture {
	int message_answer; /* of publish() to a message */
	unsigned messages;
	int answer; /* of publish() */
	unsigned samples, decisions, abouts;
	int last_weight;
	uint64_t ids[1024];
	size_t events;
};

static int capture_publish(void *self, const struct report *report)
{
	struct capture *capture = self;
	if (capture->answer != 0)
		return capture->answer;
	switch (report->kind) {
	case REPORT_ABOUT:
		capture->abouts++;
		break;
	case REPORT_SAMPLE:
		capture->samples++;
		break;
	case REPORT_DECISION:
		capture->decisions++;
		capture->last_weight = report->decision->weight_pct;
		break;
	case REPORT_EVENT:
		capture->ids[capture->events++] = report->event->id;
		break;
	case REPORT_MESSAGE:
		capture->messages++;
		return capture->message_answer;
	case REPORT_KINDS:
		break;
	}
	return 0;
}

static const struct notifier all_notifier = {
	.wants = (1u << REPORT_KINDS) - 1,
	.publish = capture_publish,
};
static const struct notifier events_notifier = {
	.wants = 1u << REPORT_EVENT,
	.publish = capture_publish,
};

struct fixture {
	struct capture a, b;
	struct dispatch_sink sinks[2];
	struct dispatch dispatch;
};

static int setup(void **context)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->sinks[0] = (struct dispatch_sink){&all_notifier, &f->a, .open = true};
	f->sinks[1] = (struct dispatch_sink){&events_notifier, &f->b, .open = true};
	f->dispatch.sinks = f->sinks;
	f->dispatch.sink_count = 2;
	*context = f;
	return 0;
}

static int teardown(void **context)
{
	free(*context);
	return 0;
}

static void send_event(struct fixture *f, uint64_t id)
{
	struct event event = {.id = id};
	struct report report = {.kind = REPORT_EVENT, .event = &event};
	dispatch_report(&f->dispatch, &report);
}

static void send_weight(struct fixture *f, int weight)
{
	struct decision decision = {.weight_pct = weight};
	struct report report = {.kind = REPORT_DECISION, .decision = &decision};
	dispatch_report(&f->dispatch, &report);
}

static void test_wants(void **context)
{
	struct fixture *f = *context;
	struct snapshot snapshot = {0};
	struct report report = {.kind = REPORT_SAMPLE, .snapshot = &snapshot};
	dispatch_report(&f->dispatch, &report);
	send_event(f, 1);
	send_weight(f, 50);
	assert_int_equal(f->a.samples, 1);
	assert_int_equal(f->a.events, 1);
	assert_int_equal(f->a.decisions, 1);
	assert_int_equal(f->b.samples + f->b.decisions, 0);
	assert_int_equal(f->b.events, 1);
}

/* The first that takes it has it; who is busy or refuses is asked once, and nothing is kept. */
static void test_message(void **context)
{
	struct fixture *f = *context;
	const struct operator_message message = {.id = "1", .text = "hi"};

	assert_int_equal(dispatch_message(&f->dispatch, &message), 0);
	assert_int_equal(f->a.messages, 1);
	assert_int_equal(f->b.messages, 0); /* does not want any */

	f->a.message_answer = -ENOSPC;
	assert_int_equal(dispatch_message(&f->dispatch, &message), -ENOSPC);
	f->a.message_answer = NOTIFIER_BUSY;
	assert_int_equal(dispatch_message(&f->dispatch, &message), -EAGAIN);
	dispatch_retry(&f->dispatch);
	assert_int_equal(f->a.messages, 3);

	f->sinks[0].open = false;
	assert_int_equal(dispatch_message(&f->dispatch, &message), -ENOENT);
}

static void test_busy_keeps_order(void **context)
{
	struct fixture *f = *context;
	f->a.answer = NOTIFIER_BUSY;
	send_event(f, 1);
	send_event(f, 2);
	send_weight(f, 40);
	send_weight(f, 30);
	f->a.answer = 0;
	send_event(f, 3);
	dispatch_retry(&f->dispatch);
	assert_int_equal(f->a.events, 3);
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(f->a.ids[i], i + 1);
	assert_int_equal(f->a.decisions, 1); /* only the newest */
	assert_int_equal(f->a.last_weight, 30);
	assert_int_equal(f->b.events, 3); /* not held up by its neighbour */
}

static void test_overflow_drops_oldest(void **context)
{
	struct fixture *f = *context;
	f->a.answer = NOTIFIER_BUSY;
	for (uint64_t id = 1; id <= DISPATCH_EVENTS + 10; id++)
		send_event(f, id);
	assert_int_equal(f->sinks[0].dropped, 10);
	f->a.answer = 0;
	dispatch_retry(&f->dispatch);
	assert_int_equal(f->a.events, DISPATCH_EVENTS);
	assert_int_equal(f->a.ids[0], 11);
	assert_int_equal(f->sinks[0].count, 0);
}

static void test_broken_sink_is_counted(void **context)
{
	struct fixture *f = *context;
	f->a.answer = -EIO;
	send_event(f, 1);
	assert_int_equal(f->sinks[0].dropped, 1);
	assert_int_equal(f->sinks[0].count, 0);
	f->sinks[0].open = false;
	send_event(f, 2);
	assert_int_equal(f->sinks[0].dropped, 1);
	assert_int_equal(f->b.events, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy_keeps_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow_drops_oldest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_sink_is_counted, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
