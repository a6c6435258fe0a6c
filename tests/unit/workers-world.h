/* SPDX-License-Identifier: MIT */
/* Processes in a /proc that is made by hand, for tests of the workers collector. */
#ifndef HOSTINGPI_TEST_WORKERS_WORLD_H
#define HOSTINGPI_TEST_WORKERS_WORLD_H

#include "collector-fixture.h"

#define MB INT64_C(1000000)
/* A second of processor time is more than enough to be believed. */
#define WORKED 100

/* A process with so many anonymous pages, in ticks of processor time. */
static inline void put_process(struct world *world, int pid, const char *comm, int parent,
			       int64_t pages, int ticks, int threads)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text),
		 "%d (%s) S %d 1 1 0 -1 4194624 0 0 0 0 %d 0 0 0 20 0 %d 0 %d 0 0\n", pid, comm,
		 parent, ticks, threads, 1000 + pid);
	world_write(world, path, text);
	snprintf(path, sizeof(path), "proc/%d/statm", pid);
	snprintf(text, sizeof(text), "90000 %lld 500 100 0 4000 0\n", (long long)pages + 500);
	world_write(world, path, text);
}

static inline void put_children(struct world *world, int pid, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/task/%d/children", pid, pid);
	world_write(world, path, text);
}

/* The kernel's answer for a process that has ended, but was not asked for yet. */
static inline void end_process(struct world *world, int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/statm", pid);
	world_write(world, path, "0 0 0 0 0 0 0\n");
	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	world_write(world, path, "9 (gone) Z 1 1 1 0 -1 4194624 0 0 0 0 0 0 0 0 20 0 0 0 9 0 0\n");
}

static inline void remove_process(struct world *world, int pid)
{
	static const char *const files[] = {"/stat", "/statm", ""};
	char path[64];

	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "proc/%d%s", pid, files[i]);
		assert_int_equal(unlinkat(world->env.root_fd, path, i == 2 ? AT_REMOVEDIR : 0), 0);
	}
}

/* Apache with a master of 1000 pages and so many workers of 5000, numbers 101 and up. */
static inline void put_apache(struct world *world, int workers)
{
	char children[4096] = "";

	put_process(world, 100, "apache2", 1, 1000, WORKED, 1);
	for (int i = 1; i <= workers; i++) {
		put_process(world, 100 + i, "apache2", 100, 5000, WORKED, 1);
		snprintf(children + strlen(children), sizeof(children) - strlen(children), "%d ",
			 100 + i);
	}
	put_children(world, 100, children);
}

static inline void read_after(struct world *world, int64_t ns)
{
	world->now_ns += ns;
	world_read(world);
}

static inline const char *servers(const struct world *world)
{
	const struct sample *sample = world_sample(world, "web", "servers", ROLE_NONE);

	assert_int_equal(sample->kind, SAMPLE_TEXT);
	return sample->text;
}

#endif
