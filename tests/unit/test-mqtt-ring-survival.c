/* SPDX-License-Identifier: MIT */
/*
 * What is in the ring's memory when a process is killed, at any instruction, is a valid ring: a child is led
 * step by step through one call, or stopped anywhere, and another ring is made of a copy of the memory. And memory in which anything may stand is no danger.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mqtt-ring-world.h"

#define NUMBERS 20000
/* Where the numbers of bytes in use stand, and so what may make a difference from one step to the next. */
#define SLOT 16384
#define EVENTS_AT (26 * SLOT)

struct set {
	bool has[NUMBERS];
	uint64_t newest, count, events;
};

/* Everything that another process would find; texts are compared on the way. */
static void take_stock(const struct world *world, struct set *ret_set)
{
	char buffer[MQTT_RING_EVENT_SIZE];
	struct world heir;
	uint64_t number;
	size_t length;

	memset(ret_set, 0, sizeof(*ret_set));
	world_inherit(&heir, world);
	while ((number = world_next(&heir, UINT64_MAX)) != 0) {
		assert_true(number > ret_set->newest && number < NUMBERS);
		ret_set->has[number] = true;
		ret_set->newest = number;
		ret_set->count++;
	}
	while (mqtt_ring_next_event(heir.ring, buffer, sizeof(buffer), &number, &length))
		ret_set->events++;
	assert_int_equal(mqtt_ring_counts(heir.ring).lost, 0);
	world_close(&heir);
}

enum operation { PUT, TELL, CONFIRM, NEXT, DONE, PUT_EVENT, DONE_EVENT, OPERATIONS };

static void operate(struct world *world, enum operation operation, uint64_t newest)
{
	char buffer[MQTT_RING_EVENT_SIZE];
	uint64_t number;
	size_t length;

	switch (operation) {
	case PUT:
		world_put(world, newest + 1);
		return;
	case TELL:
		mqtt_ring_told(world->ring, newest);
		return;
	case CONFIRM:
		mqtt_ring_told(world->ring, newest);
		mqtt_ring_confirm(world->ring, newest);
		return;
	case NEXT:
		world_next(world, UINT64_MAX);
		return;
	case DONE:
		mqtt_ring_done(world->ring, world_next(world, UINT64_MAX));
		return;
	case PUT_EVENT:
		memset(buffer, 'e', 500);
		mqtt_ring_put_event(world->ring, buffer, 500);
		return;
	case DONE_EVENT:
		if (mqtt_ring_next_event(world->ring, buffer, sizeof(buffer), &number, &length))
			mqtt_ring_done_event(world->ring, number);
		return;
	case OPERATIONS:
		return;
	}
}

/* A sum over what says what is valid. */
static uint64_t sum_heads(const struct world *world)
{
	uint64_t sum = 0;

	for (size_t at = 0; at < MQTT_RING_BYTES; at += at < EVENTS_AT ? SLOT : WORLD_PAGE) {
		for (size_t i = 0; i < 4 && world->is_reserved[at / WORLD_PAGE]; i++) {
			uint64_t word;
			memcpy(&word, world->memory.bytes + at + i * sizeof(word), sizeof(word));
			sum = (sum ^ word) * 1099511628211u;
		}
	}
	return sum;
}

/* True if the child is at its next instruction, false if it has ended well. */
static bool go_on(pid_t child)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status)) {
		assert_int_equal(WEXITSTATUS(status), 0);
		return false;
	}
	assert_true(WIFSTOPPED(status));
	return true;
}

/*
 * Which pages are reserved is the child's knowledge: it only grows while it goes, because
 * nothing is given back here.
 */
static void no_release(void *context, size_t offset, size_t length)
{
	(void)context;
	(void)offset;
	(void)length;
}

/* Leads a child through an operation. */
static void lead(struct world *world, enum operation operation, uint64_t newest)
{
	static struct set before, now;
	uint64_t heads = sum_heads(world);
	unsigned steps = 0;
	pid_t child;
	int status;

	take_stock(world, &before);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		operate(world, operation, newest);
		_exit(0);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	while (go_on(child)) {
		uint64_t now_heads = sum_heads(world);
		if (now_heads == heads && ++steps % 1000)
			continue;
		heads = now_heads;
		take_stock(world, &now);
		/* Nothing comes back, nothing goes but what the call is to let go. */
		for (uint64_t i = 1; i <= newest; i++)
			assert_true(before.has[i] || !now.has[i]);
		assert_true(now.count + (operation == CONFIRM || operation == DONE) >=
			    before.count);
		assert_true(now.count <= before.count + (operation == PUT));
		assert_true(now.events + (operation == DONE_EVENT) >= before.events);
		assert_true(now.events <= before.events + (operation == PUT_EVENT));
	}
}

static void fill(struct world *world, uint64_t count)
{
	world_open(world);
	world_reserve(world, 0, MQTT_RING_BYTES);
	world->memory.release = no_release;
	mqtt_ring_free(world->ring);
	world->ring = mqtt_ring_new(&world->memory);
	for (uint64_t i = 1; i <= count; i++)
		world_put(world, i);
	for (uint64_t i = 1; i <= count % 97; i++)
		operate(world, PUT_EVENT, 0);
}

static void test_killed_at_any_instruction(void **state)
{
	(void)state;
	static const uint64_t counts[] = {0, 1, 300};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		for (enum operation operation = 0; operation < OPERATIONS; operation++) {
			struct world world;
			fill(&world, counts[i]);
			lead(&world, operation, counts[i]);
			world_close(&world);
		}
	}
}

/*
 * Puts that thin take too long to be led through step by step: here the child is stopped at some instruction, many
 * times. All of its stores before that one are seen, and none after: as if it had been killed there.
 */
static void test_killed_while_thinning(void **state)
{
	(void)state;
	static struct set found;
	struct world world;
	volatile uint64_t *put;
	unsigned thinned = 0;
	pid_t child;
	int status;

	world_seed("thinning");
	world_wide = true;
	fill(&world, 0);
	put = mmap(NULL, WORLD_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(put != MAP_FAILED);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		for (uint64_t i = 1; i < 6000; i++) {
			world_put(&world, i);
			*put = i;
		}
		_exit(0);
	}
	assert_true(child > 0);
	for (;;) {
		for (volatile unsigned i = world_random(500000); i > 0; i--)
			;
		kill(child, SIGSTOP);
		assert_int_equal(waitpid(child, &status, WUNTRACED), child);
		if (!WIFSTOPPED(status))
			break;
		take_stock(&world, &found);
		assert_in_range(found.newest, *put, *put + 1);
		for (uint64_t i = found.newest; i > 0 && i + 59 > found.newest; i--)
			assert_true(found.has[i]);
		/* Of 26 slots one is free, one new, and one may be half what it was. */
		thinned += found.count < found.newest;
		assert_true(found.count == found.newest || found.count > 500);
		kill(child, SIGCONT);
	}
	assert_int_equal(status, 0);
	assert_true(thinned > 5);
	munmap((void *)put, WORLD_PAGE);
	world_close(&world);
	world_wide = false;
}

/* Ends, whatever is in the memory. */
static void drain(struct world *world, bool ordered)
{
	static char buffer[16384];
	uint64_t number, before = 0, rounds = 0;
	size_t length;

	while (mqtt_ring_next(world->ring, UINT64_MAX, buffer, sizeof(buffer), &number, &length)) {
		assert_true(number > before || !ordered);
		before = number;
		if (rounds++ % 2)
			mqtt_ring_done(world->ring, number);
	}
	while (mqtt_ring_next_event(world->ring, buffer, sizeof(buffer), &number, &length))
		mqtt_ring_done_event(world->ring, number);
}

static void use(struct world *world, bool ordered)
{
	char text[2048];
	uint64_t number;

	drain(world, ordered);
	for (unsigned i = 0; i < 300; i++) {
		size_t length = world_document(i, text, sizeof(text));
		world->now_ns += WORLD_SECOND_NS;
		assert_int_equal(mqtt_ring_put(world->ring, world->now_ns, text, length, &number),
				 0);
		mqtt_ring_told(world->ring, number);
		operate(world, PUT_EVENT, 0);
	}
	mqtt_ring_restart(world->ring);
	assert_true(!ordered || mqtt_ring_counts(world->ring).samples >= 300);
	drain(world, ordered);
}

static void test_damaged_memory_is_dropped_and_counted(void **state)
{
	(void)state;
	struct world world;
	unsigned lost = 0;

	world_seed("damage");
	world_open(&world);
	for (uint64_t i = 1; i <= 2000; i++)
		world_put(&world, i);
	for (unsigned i = 0; i < 200; i++)
		operate(&world, PUT_EVENT, 0);
	for (unsigned round = 0; round < 120; round++) {
		struct world heir;
		world_inherit(&heir, &world);
		mqtt_ring_free(heir.ring);
		for (unsigned i = 1 + world_random(20); i > 0; i--) {
			size_t page = world_random(WORLD_PAGES), at = world_random(WORLD_PAGE);
			char *bytes = heir.memory.bytes + page * WORLD_PAGE;
			if (!heir.is_reserved[page])
				continue;
			if (world_random(3) == 0)
				bytes[at % 32] ^= (char)(1 << world_random(8));
			else if (world_random(20) == 0) /* torn: never written */
				memset(bytes, 0, WORLD_PAGE);
			else
				bytes[at] = (char)world_random(256);
		}
		heir.ring = mqtt_ring_new(&heir.memory);
		lost += mqtt_ring_counts(heir.ring).lost > 0;
		use(&heir, true);
		world_close(&heir);
	}
	assert_in_range(lost, 60, 120);
	world_close(&world);
}

static void test_memory_that_changes_under_way_is_no_danger(void **state)
{
	(void)state;
	world_seed("under way");
	for (unsigned round = 0; round < 20; round++) {
		struct world world;
		char text[2048];
		uint64_t number;
		world_open(&world);
		for (unsigned i = 0; i < 6000; i++) {
			size_t length = world_document(i, text, sizeof(text));
			char *bytes = world.memory.bytes + world_random(WORLD_PAGES) * WORLD_PAGE;
			world.now_ns += WORLD_SECOND_NS;
			mqtt_ring_put(world.ring, world.now_ns, text, length, &number);
			if (world_random(10) == 0 &&
			    world.is_reserved[(bytes - world.memory.bytes) / WORLD_PAGE])
				bytes[world_random(WORLD_PAGE)] = (char)world_random(256);
			if (world_random(500) == 0)
				drain(&world, false);
		}
		use(&world, false);
		world_close(&world);
	}
}

static void test_another_version_is_left_alone(void **state)
{
	(void)state;
	struct world world;

	world_open(&world);
	for (uint64_t i = 1; i <= 100; i++)
		world_put(&world, i);
	mqtt_ring_free(world.ring);
	world.memory.bytes[4]++;
	world.ring = mqtt_ring_new(&world.memory);
	assert_int_equal(mqtt_ring_counts(world.ring).lost, 1);
	assert_int_equal(mqtt_ring_counts(world.ring).samples, 0);
	assert_int_equal(world_put(&world, 1), 1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_any_instruction),
		cmocka_unit_test(test_killed_while_thinning),
		cmocka_unit_test(test_damaged_memory_is_dropped_and_counted),
		cmocka_unit_test(test_memory_that_changes_under_way_is_no_danger),
		cmocka_unit_test(test_another_version_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
