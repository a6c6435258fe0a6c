/* SPDX-License-Identifier: MIT */
/*
 * A mapped file in a tmpfs is memory with a name. The file is sparse: what was never reserved takes none.
 * Reserving before writing is what keeps a full tmpfs from answering a store with SIGBUS. A lock keeps
 * two agents apart; it goes with the last descriptor, however the process ends.
 *
 * A file of a tmpfs cannot be sealed: root, and what runs as the agent's own user, may cut it short, and then its
 * pages answer with SIGBUS. The handler puts anonymous memory into the place of the mapping and the loop goes
 * on. What it reads then is zero, as in a file of an earlier life that was damaged: the records are lost.
 */
#include "notifiers/mqtt_ring_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "agent/memory_fs.h"

#define NAME "mqtt-ring"
/* Linux 5.18; Debian 12's headers of the library do not have it. */
#define DONTNEED_LOCKED 24

struct mqtt_ring_file {
	struct mqtt_ring_memory memory;
	int fd;			   /* -1: anonymous */
	volatile sig_atomic_t cut; /* the file was, and the memory is anonymous now */
	bool told;		   /* that it was */
};

/* A handler has nothing else to know it by. */
static struct mqtt_ring_file *volatile guarded;

static int file_reserve(void *context, size_t offset, size_t length)
{
	const struct mqtt_ring_file *file = context;
	int result;

	if (file->cut)
		return 0;
	do
		result = fallocate(file->fd, 0, (off_t)offset, (off_t)length);
	while (result < 0 && errno == EINTR);
	/* A ramfs knows no limit, and nothing to reserve either. */
	return result == 0 || errno == EOPNOTSUPP ? 0 : -ENOSPC;
}

static void anonymous_release(void *context, size_t offset, size_t length)
{
	const struct mqtt_ring_file *file = context;
	char *part = file->memory.bytes + offset;

	/* Locked memory (mlockall) wants to be asked in another way. */
	if (madvise(part, length, MADV_DONTNEED) < 0)
		madvise(part, length, DONTNEED_LOCKED);
}

static void file_release(void *context, size_t offset, size_t length)
{
	const struct mqtt_ring_file *file = context;

	if (file->cut)
		anonymous_release(context, offset, length);
	else /* Where it cannot be done the memory stays ours. */
		fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			  (off_t)length);
}

/* Only what is safe at any instruction. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
	struct mqtt_ring_file *file = guarded;
	uintptr_t at = (uintptr_t)info->si_addr;
	int error = errno;

	(void)context;
	if (file && !file->cut && info->si_code > 0 &&
	    at - (uintptr_t)file->memory.bytes < MQTT_RING_BYTES &&
	    mmap(file->memory.bytes, MQTT_RING_BYTES, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		file->cut = true;
	else /* Not about this, or in vain: it comes again and ends us. */
		signal(number, SIG_DFL);
	if (info->si_code <= 0)
		raise(number); /* by kill(2), which does not come again; until we return it waits */
	errno = error;
}

static void guard(struct mqtt_ring_file *file)
{
	struct sigaction action = {.sa_flags = SA_SIGINFO, .sa_sigaction = on_bus_error};

	guarded = file;
	sigaction(SIGBUS, &action, NULL);
}

__attribute__((format(printf, 3, 4))) static int refuse(char *ret_reason, size_t size,
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret_reason, size, format, arguments);
	va_end(arguments);
	return -1;
}

static bool in_memory(int fd)
{
	struct statfs system;

	return fstatfs(fd, &system) == 0 && memory_fs_is(&system);
}

/* Whether the file is what we take it for. */
static int check_file(int fd, char *ret_reason, size_t size)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
	    !in_memory(fd))
		return refuse(ret_reason, size, "%s is no file of this agent", NAME);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return refuse(ret_reason, size, "another process has %s", NAME);
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, MQTT_RING_BYTES) < 0)
		return refuse(ret_reason, size, "%s: %s", NAME, strerrordesc_np(errno));
	return 0;
}

/* Returns a descriptor of the file, or -1 and the reason. */
static int open_file(const char *run_dir, char *ret_reason, size_t size)
{
	int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir < 0)
		return refuse(ret_reason, size, "%s: %s", run_dir, strerrordesc_np(errno));
	if (!in_memory(dir)) {
		close(dir);
		return refuse(ret_reason, size, "%s is not in memory (tmpfs)", run_dir);
	}
	fd = openat(dir, NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		refuse(ret_reason, size, "%s: %s", NAME, strerrordesc_np(errno));
	close(dir);
	if (fd >= 0 && check_file(fd, ret_reason, size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool map(struct mqtt_ring_file *file, int flags)
{
	void *bytes = mmap(NULL, MQTT_RING_BYTES, PROT_READ | PROT_WRITE, flags, file->fd, 0);

	file->memory.bytes = bytes == MAP_FAILED ? NULL : bytes;
	return file->memory.bytes;
}

int mqtt_ring_file_open(struct mqtt_ring_file **ret_file, const char *run_dir, char *ret_reason,
			size_t size)
{
	struct mqtt_ring_file *file = calloc(1, sizeof(*file));

	if (!file)
		return -ENOMEM;
	*ret_reason = '\0';
	file->memory.context = file;
	file->memory.reserve = file_reserve;
	file->memory.release = file_release;
	file->fd = open_file(run_dir, ret_reason, size);
	if (file->fd >= 0 && !map(file, MAP_SHARED)) {
		refuse(ret_reason, size, "%s: %s", NAME, strerrordesc_np(errno));
		close(file->fd);
		file->fd = -1;
	}
	if (file->fd >= 0)
		guard(file);
	if (file->fd < 0) {
		file->memory.reserve = NULL;
		file->memory.release = anonymous_release;
		if (!map(file, MAP_PRIVATE | MAP_ANONYMOUS)) {
			free(file);
			return -ENOMEM;
		}
	}
	*ret_file = file;
	return 0;
}

const struct mqtt_ring_memory *mqtt_ring_file_memory(const struct mqtt_ring_file *file)
{
	return &file->memory;
}

bool mqtt_ring_file_was_cut(struct mqtt_ring_file *file, char *ret_reason, size_t size)
{
	if (!file->cut || file->told)
		return false;
	file->told = true;
	refuse(ret_reason, size, "%s was cut short by another process", NAME);
	return true;
}

void mqtt_ring_file_close(struct mqtt_ring_file *file)
{
	if (!file)
		return;
	if (guarded == file)
		guarded = NULL;
	munmap(file->memory.bytes, MQTT_RING_BYTES);
	if (file->fd >= 0)
		close(file->fd);
	free(file);
}
