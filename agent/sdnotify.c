/* SPDX-License-Identifier: MIT */
/* The socket is connected once at start: nothing is looked up when there is something to say. */
#include "agent/sdnotify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "agent/units.h"

static int connect_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if ((path[0] != '/' && path[0] != '@') || length < 2 || length >= sizeof(address.sun_path))
		return -1;

	memcpy(address.sun_path, path, length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* abstract */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (connect(fd, (const struct sockaddr *)&address, size) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int64_t watchdog_period_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t value;
	if (!usec || procfs_integer(usec, &value) < 0 || value <= 0 ||
	    value > INT64_MAX / (2 * NS_PER_US))
		return 0;
	int64_t owner;
	if (pid && (procfs_integer(pid, &owner) < 0 || owner != getpid()))
		return 0;
	return value * NS_PER_US / 2;
}

void sdnotify_open(struct sdnotify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	notify->fd = path ? connect_socket(path) : -1;
	notify->watchdog_ns = notify->fd >= 0 ? watchdog_period_ns() : 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void sdnotify_send(const struct sdnotify *notify, const char *format, ...)
{
	if (notify->fd < 0)
		return;
	char text[256];
	va_list args;
	va_start(args, format);
	int length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || length >= (int)sizeof(text))
		return;
	send(notify->fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

int sdnotify_store(const struct sdnotify *notify, int fd, const char *name)
{
	char text[96];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(fd))];
	} control = {0};
	int length = snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);

	if (notify->fd < 0)
		return -ENOTCONN;
	if (length < 0 || length >= (int)sizeof(text))
		return -EINVAL;
	struct iovec part = {.iov_base = text, .iov_len = (size_t)length};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(notify->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

void sdnotify_close(struct sdnotify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	notify->fd = -1;
}
