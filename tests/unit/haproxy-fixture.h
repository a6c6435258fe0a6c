/* SPDX-License-Identifier: MIT */
/* The whole notifier in a loop that is turned by hand. To be included once by a test program. */
#ifndef HOSTINGPI_TEST_HAPROXY_FIXTURE_H
#define HOSTINGPI_TEST_HAPROXY_FIXTURE_H

#include "notifiers/notifiers.h"
#include "tests/unit/hand-loop.h"

struct fixture {
	struct loop loop;
	struct env env;
	void *conf, *self;
	struct addr ports[2]; /* IPv6, IPv4 */
	struct decision decision;
};

static const struct decision NORMAL = {
	.state = CONTROL_NORMAL,
	.reason = "fine",
	.weight_pct = 100,
	.maxconn = 12,
	.capacity = 12,
	.nominal = 12,
	.balancers = 1,
	.maxconn_known = true,
	.nominal_known = true,
};

static inline void configure(struct fixture *f, const char *key, const char *value)
{
	set_conf(&haproxy_notifier, f->conf, key, value);
}

static int fixture_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->loop.now_ns = 1000 * NS_PER_S;
	f->env = (struct env){.loop = &f->loop, .now_ns = fake_now_ns, .run_dir = "/nonexistent"};
	f->conf = calloc(1, haproxy_notifier.module.conf_size);
	f->self = calloc(1, haproxy_notifier.module.self_size);
	f->decision = NORMAL;
	the_loop = &f->loop;
	configure(f, "listen", "[::1]:0, 127.0.0.1:0");
	configure(f, "allow", "");
	*state = f;
	return 0;
}

/* Closes the notifier and clears it, as for a new start. */
static inline void tear_down_notifier(struct fixture *f)
{
	haproxy_notifier.module.close(f->self);
	haproxy_notifier.module.close(f->self); /* twice is harmless */
	assert_int_equal(count_watches(&f->loop), 0);
	for (size_t i = 0; i < TIMERS; i++)
		assert_false(f->loop.timers[i].used);
	memset(f->self, 0, haproxy_notifier.module.self_size);
}

static int fixture_tear_down(void **state)
{
	struct fixture *f = *state;

	tear_down_notifier(f);
	free(f->conf);
	free(f->self);
	free(f);
	return 0;
}

static inline void publish(struct fixture *f)
{
	const struct report report = {.kind = REPORT_DECISION, .decision = &f->decision};

	assert_int_equal(haproxy_notifier.publish(f->self, &report), 0);
}

static inline const char *read_status(struct fixture *f, char *text, size_t size)
{
	return read_notifier(&haproxy_notifier, f->self, text, size);
}

static inline void open_notifier(struct fixture *f)
{
	assert_int_equal(haproxy_notifier.module.open(f->self, f->conf, &f->env), 0);
	read_ports(&haproxy_notifier, f->self, f->ports);
}

/* Runs the loop until the caller has the whole answer and the end of it; returns its length. */
static inline size_t read_answer(struct fixture *f, int fd, char *answer, size_t size)
{
	return read_all(&f->loop, fd, answer, size);
}

/* One poll as HAProxy makes it. Returns the answer in a static buffer. */
static inline const char *ask(struct fixture *f, const struct addr *addr, const char *greeting)
{
	static char answer[256];
	int fd = dial(addr, greeting);

	read_answer(f, fd, answer, sizeof(answer));
	close(fd);
	/* Time for a look at those who linger: it is clear then who this was. */
	move_clock(&f->loop, 50 * NS_PER_MS);
	return answer;
}

static inline int64_t count_balancers(struct fixture *f)
{
	struct batch batch;

	batch_reset(&batch);
	assert_int_equal(haproxy_notifier.module.read(f->self, f->loop.now_ns, &batch), 0);
	assert_int_equal(batch.sample_count, 1);
	assert_int_equal(batch.samples[0].kind, SAMPLE_VALUE);
	return batch.samples[0].value;
}

#endif
