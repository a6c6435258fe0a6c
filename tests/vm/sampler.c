/* SPDX-License-Identifier: MIT */
/*
 * sampler MS: what the guest's kernel says, one line each MS milliseconds:
 *
 *	LAB-S uptime_ms available_kb free_kb anon_kb swap_free_kb pswpout oom_kill
 *
 * Theory of operation: it knows nothing of the agent, so that the arms without one are measured the
 * same way. Memory is locked and the files stay open: it keeps its time while the machine swaps.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The longest file is /proc/vmstat with about 4500 bytes in 6.1. */
static char text[16384];

static void read_file(int fd)
{
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
	text[length > 0 ? length : 0] = '\0';
}

/* The number behind a name at the start of a line; -1 if it is not there. */
static int64_t value_of(const char *name)
{
	size_t length = strlen(name);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) == 0 && strchr(": ", line[length]) && line[length])
			return strtoll(line + length + 1, NULL, 10);
	}
	return -1;
}

static void print_sample(int meminfo, int vmstat)
{
	struct timespec up;
	clock_gettime(CLOCK_BOOTTIME, &up);
	printf("LAB-S %" PRId64, (int64_t)up.tv_sec * 1000 + up.tv_nsec / 1000000);
	read_file(meminfo);
	static const char *const levels[] = {"MemAvailable", "MemFree", "AnonPages", "SwapFree"};
	for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		printf(" %" PRId64, value_of(levels[i]));
	read_file(vmstat);
	printf(" %" PRId64 " %" PRId64 "\n", value_of("pswpout"), value_of("oom_kill"));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: sampler MS\n", stderr);
		return 2;
	}
	long pause_ms = strtol(argv[1], NULL, 10);
	int meminfo = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	int vmstat = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
	if (meminfo < 0 || vmstat < 0 || mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
		perror("sampler");
		return 1;
	}
	while (true) {
		print_sample(meminfo, vmstat);
		usleep((useconds_t)pause_ms * 1000);
	}
}
