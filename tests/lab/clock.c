/* SPDX-License-Identifier: MIT */
/*
 * A library in front of a program (LD_PRELOAD) whose calendar is as many seconds away from the real one as the number says
 * that stands in the file $CLOCK_OFFSET. A machine's own clock is everybody's, and cannot be set in a test.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *ret_now);

int clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, ret_now), fd;
	const char *path = getenv("CLOCK_OFFSET");
	char text[24] = {0};

	if (result != 0 || clock != CLOCK_REALTIME || !path)
		return result;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		ret_now->tv_sec += strtoll(text, NULL, 10);
	if (fd >= 0)
		close(fd);
	return 0;
}
