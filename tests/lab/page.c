/* SPDX-License-Identifier: MIT */
/*
 * page SCENE [RUNS]: prints the status page of a scene; with RUNS what processor time each of so many took.
 * page policy: prints its Content-Security-Policy.
 */
#include <inttypes.h>
#include <time.h>

#include "tests/unit/page-world.h"

#include "notifiers/page.h"

static int64_t now_ns(void)
{
	struct timespec at;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
	return at.tv_sec * NS_PER_S + at.tv_nsec;
}

static void measure(const struct world *world, char *buffer, int64_t runs)
{
	int64_t start = now_ns();
	int length = 0;

	for (int64_t i = 0; i < runs; i++)
		length = page_write(&world->overview, &world->about, buffer, PAGE_SIZE_MOST);
	printf("%d bytes, %" PRId64 " us\n", length, (now_ns() - start) / runs / NS_PER_US);
}

int main(int argc, char **argv)
{
	static char buffer[PAGE_SIZE_MOST];
	int scene = 0;

	if (argc > 1 && strcmp(argv[1], "policy") == 0) {
		puts(PAGE_POLICY);
		return 0;
	}
	while (argc > 1 && world_scene_words[scene] &&
	       strcmp(world_scene_words[scene], argv[1]) != 0)
		scene++;
	if (argc < 2 || !world_scene_words[scene]) {
		fputs("page SCENE [RUNS]; scenes: calm shed trouble hold unknown hostile\n",
		      stderr);
		return 2;
	}
	tzset();
	struct world *world = world_new((enum world_scene)scene);
	if (argc > 2) {
		measure(world, buffer, atoll(argv[2]) > 0 ? atoll(argv[2]) : 1);
	} else {
		int length = page_write(&world->overview, &world->about, buffer, sizeof(buffer));
		if (length < 0) {
			fprintf(stderr, "page: %s\n", strerror(-length));
			return 1;
		}
		fwrite(buffer, 1, (size_t)length, stdout);
	}
	world_free(world);
	return 0;
}
