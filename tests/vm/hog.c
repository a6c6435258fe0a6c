/* SPDX-License-Identifier: MIT */
/*
 * hog KB_PER_S MB SECONDS: the job next door. Takes anonymous memory at a steady rate up to a size,
 * uses it all for so many seconds, and ends.
 *
 * Theory of operation: every page gets a content of its own, so that nothing can merge or compress
 * it. A turn every 20 ms takes what is due by the clock; a machine that stood still is caught up with
 * at once, as a real job would that waited for its disk. While it holds the memory it reads all of
 * it once a second: memory in use, not forgotten memory that may go to swap unnoticed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, TURN_US = 20000 };

static int64_t now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static void fill_page(uint64_t *page, uint64_t *seed)
{
	for (size_t i = 0; i < PAGE / sizeof(*page); i++) {
		*seed ^= *seed << 13;
		*seed ^= *seed >> 7;
		*seed ^= *seed << 17;
		page[i] = *seed;
	}
}

static void grow(char *memory, int64_t size, int64_t bytes_per_s)
{
	uint64_t seed = UINT64_C(88172645463325252);
	int64_t start_us = now_us();
	int64_t done = 0;
	while (done < size) {
		int64_t due = (now_us() - start_us) * bytes_per_s / 1000000;
		for (; done < due && done < size; done += PAGE)
			fill_page((uint64_t *)(void *)(memory + done), &seed);
		usleep(TURN_US);
	}
}

static void hold(const volatile char *memory, int64_t size, long seconds)
{
	int64_t end_us = now_us() + (int64_t)seconds * 1000000;
	while (now_us() < end_us) {
		for (int64_t i = 0; i < size; i += PAGE)
			(void)memory[i];
		sleep(1);
	}
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: hog KB_PER_S MB SECONDS\n", stderr);
		return 2;
	}
	int64_t size = strtoll(argv[2], NULL, 10) << 20;
	char *memory = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		perror("hog: mmap");
		return 1;
	}
	puts("LAB-GROW start");
	grow(memory, size, strtoll(argv[1], NULL, 10) << 10);
	puts("LAB-GROW full");
	fflush(stdout);
	hold(memory, size, strtol(argv[3], NULL, 10));
	puts("LAB-GROW end");
	return 0;
}
