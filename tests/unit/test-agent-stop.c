/* SPDX-License-Identifier: MIT */
/*
 * The page that one life of the agent leaves to the next: who ends by a stop wipes it out, who hands over does not,
 * and who goes on from it does so once. Behind it there is no memory, as behind that of systemd's store.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/collector.h"
#include "agent/notifier.h"
#include "agent/units.h"

const struct collector *const collectors[] = {NULL};
const struct notifier *const notifiers[] = {NULL};

static struct agent agent;
static char *page;
static int64_t now_ns;

static int64_t clock_now_ns(const struct env *env)
{
	(void)env;
	return now_ns;
}

static int set_up(void **state)
{
	long size = sysconf(_SC_PAGESIZE);

	(void)state;
	/* Its end is the end of a page of memory, whatever size that has. */
	char *memory = mmap(NULL, (size_t)(2 * size), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(mprotect(memory + size, (size_t)size, PROT_NONE), 0);
	page = memory + size - INHERIT_PAGE_SIZE;
	now_ns = 5000 * NS_PER_S;
	agent = (struct agent){.env = {.now_ns = clock_now_ns}, .notify = {.fd = -1}};
	agent.inherit.notify = &agent.notify;
	for (size_t i = 0; i < INHERIT_SOCKETS; i++)
		agent.inherit.sockets[i].fd = -1;
	agent.inherit.page = page;
	agent.loop = loop_new(NULL);
	assert_non_null(agent.loop);
	agent.judge.controller.state = CONTROL_SHED;
	agent_keep_decision(&agent);
	assert_true(page[0] != '\0');
	return 0;
}

static int tear_down(void **state)
{
	long size = sysconf(_SC_PAGESIZE);

	(void)state;
	loop_free(agent.loop);
	return munmap(page + INHERIT_PAGE_SIZE - size, (size_t)(2 * size));
}

/* The loop has been told to end. */
static void run_out(void)
{
	alarm(120); /* the clock here stands still: nothing else ends it */
	loop_run(agent.loop);
	alarm(0);
}

static void test_goes_on_once(void **state)
{
	(void)state;
	agent.judge = (struct judge){0};
	agent_resume_decision(&agent);
	assert_int_equal(agent.judge.controller.state, CONTROL_SHED);
	/* If that is what kills it, the next one begins anew. */
	agent.judge = (struct judge){0};
	agent_resume_decision(&agent);
	assert_int_equal(agent.judge.controller.state, (struct judge){0}.controller.state);
}

/* Lines that look well, up to the end of the memory. */
static void test_a_page_without_end(void **state)
{
	static const char line[] = "x 1\n";

	(void)state;
	agent.judge = (struct judge){0};
	size_t head = strcspn(page, "\n") + 1;
	for (size_t i = head; i < INHERIT_PAGE_SIZE; i++)
		page[i] = line[(i - head) % strlen(line)];
	agent_resume_decision(&agent);
	assert_false(agent.judge.controller.capacity.started);
}

static void test_a_stop_leaves_nothing(void **state)
{
	(void)state;
	agent_on_signal(&agent, SIGTERM);
	assert_true(agent.stopping);
	assert_int_equal(page[0], '\0');
	/* Nor do the passes until it is over. */
	agent_keep_decision(&agent);
	assert_int_equal(page[0], '\0');
	run_out();
}

static void test_a_hand_over_leaves_the_decision(void **state)
{
	(void)state;
	/* What nobody listens on any more is not left to the next one. */
	agent.inherit.sockets[0].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(agent_hand_over(&agent), 0);
	assert_int_equal(agent.inherit.sockets[0].fd, -1);
	now_ns += 29 * NS_PER_S;
	agent_on_signal(&agent, SIGTERM);
	assert_int_not_equal(agent.env.leaving, LEAVING_NOT);
	assert_true(page[0] != '\0');
	page[0] = '\0';
	agent_keep_decision(&agent);
	assert_true(page[0] != '\0');
	run_out();
}

/* Whoever asked for a hand-over did not end it then: this is another stop. */
static void test_a_hand_over_that_did_not_come(void **state)
{
	(void)state;
	assert_int_equal(agent_hand_over(&agent), 0);
	now_ns += 31 * NS_PER_S;
	agent_on_signal(&agent, SIGTERM);
	assert_int_equal(agent.env.leaving, LEAVING_NOT);
	assert_int_equal(page[0], '\0');
	run_out();
}

/* Without a store there is nobody to hand over to: who asked is told, and the next stop says goodbye. */
static void test_nobody_keeps_what_is_left(void **state)
{
	(void)state;
	agent.inherit.page = NULL;
	assert_int_equal(agent_hand_over(&agent), -EOPNOTSUPP);
	agent_keep_decision(&agent);
	agent_resume_decision(&agent);
	agent_on_signal(&agent, SIGTERM);
	assert_int_equal(agent.env.leaving, LEAVING_NOT);
	run_out();
}

static bool never(void *self)
{
	(void)self;
	return false;
}

/* Somebody is not done with saying goodbye; who is impatient asks again. */
static void test_asked_twice(void **state)
{
	(void)state;
	static const struct notifier slow = {.stop = never};
	struct instance instance = {.open = true, .notifier = &slow};

	agent.env.loop = agent.loop;
	agent.plant = (struct plant){.count = 1, .instances = &instance};
	agent.stop = env_timer(&agent.env, agent_on_stop_timer, &agent);
	assert_non_null(agent.stop);
	assert_int_equal(agent_hand_over(&agent), 0);
	agent_on_signal(&agent, SIGTERM);
	assert_int_equal(agent.env.leaving, LEAVING_SOON); /* callers are still answered */
	agent_on_signal(&agent,
			SIGHUP); /* nothing is loaded anew now: there is nothing to load here */
	agent_on_signal(&agent, SIGTERM);
	run_out();
	timer_end(agent.stop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_goes_on_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_page_without_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_stop_leaves_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_hand_over_leaves_the_decision, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_hand_over_that_did_not_come, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_keeps_what_is_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_asked_twice, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
