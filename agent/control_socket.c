/* SPDX-License-Identifier: MIT */
/*
 * A socket file outlives a daemon that was killed, so a file alone says nothing: whether somebody
 * listens is found out by connecting. What is stale is removed, what answers is left alone, and what
 * is not a socket is not ours to remove. (Two daemons started in the same microseconds could still
 * both find it stale; systemd starts one.)
 *
 * The file is born with mode 0600 and opened up to 0660 only when its group is right, before anybody
 * can connect. The group is looked up in /etc/group itself: getgrnam() would load the whole name
 * service with its libraries, which costs memory for good and may wait for the network.
 */
#include "agent/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/addr.h"
#include "agent/log.h"

#define CONTROL_GROUP "hostingpi"
/* More than the places for clients: who finds them taken still gets a word. */
#define CONTROL_BACKLOG 16

static int run_dir_make(const char *run_dir)
{
	if (mkdir(run_dir, 0755) == 0)
		/* mkdir() obeys the umask, but the group has to get through. */
		return chmod(run_dir, 0755) == 0 ? 0 : -errno;
	return errno == EEXIST ? 0 : -errno;
}

/* Whether somebody listens: 0 if the name is free now, else negative errno. */
static int stale_remove(const struct sockaddr_un *address)
{
	struct stat file;
	int fd, r;

	if (lstat(address->sun_path, &file) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(file.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : -errno;
	close(fd);
	/* EAGAIN: it listens, but its backlog is full. */
	if (r == 0 || r == -EAGAIN)
		return -EADDRINUSE;
	if (r != -ECONNREFUSED)
		return r;
	return unlink(address->sun_path) == 0 || errno == ENOENT ? 0 : -errno;
}

static gid_t group_find(const char *name, gid_t fallback)
{
	FILE *file = fopen("/etc/group", "re");
	gid_t gid = fallback;

	if (file == NULL)
		return fallback;
	for (const struct group *group; (group = fgetgrent(file)) != NULL;) {
		if (strcmp(group->gr_name, name) == 0) {
			gid = group->gr_gid;
			break;
		}
	}
	fclose(file);
	return gid;
}

static int socket_bind(int fd, struct control_socket *socket)
{
	const char *path = socket->address.sun_path;
	gid_t none = (gid_t)-1, group = group_find(CONTROL_GROUP, none);
	mode_t mask = umask(0177);
	int r;

	r = bind(fd, (const struct sockaddr *)&socket->address, sizeof(socket->address));
	r = r == 0 ? 0 : -errno;
	umask(mask);
	if (r < 0)
		return r;
	/* An ordinary user who tries the agent is not in that group: then it is his own socket. */
	if (group != none && lchown(path, (uid_t)-1, group) < 0)
		log_info("%s: cannot give it to group %s: %s", path, CONTROL_GROUP,
			 strerror(errno));
	if (chmod(path, 0660) < 0 || listen(fd, CONTROL_BACKLOG) < 0 ||
	    lstat(path, &socket->file) < 0) {
		r = -errno;
		unlink(path);
		return r;
	}
	return 0;
}

static int address_make(const char *run_dir, struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length =
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", run_dir);

	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	*ret_address = address;
	return 0;
}

static int socket_open(const char *run_dir, struct control_socket *socket_)
{
	int r = address_make(run_dir, &socket_->address), fd;

	if (r == 0)
		r = run_dir_make(run_dir);
	if (r == 0)
		r = stale_remove(&socket_->address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = socket_bind(fd, socket_);
	if (r < 0)
		close(fd);
	else
		socket_->fd = fd;
	return r;
}

static const char *find_remedy(int error)
{
	switch (error) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return addr_listen_remedy(AF_UNIX, error);
	case ENAMETOOLONG:
		return "set [agent] run_dir to a shorter path";
	case ENOENT:
	case ENOTDIR:
		return "set [agent] run_dir to a directory that is there, or whose parent is";
	case ENOSPC:
		return "make room on that file system, or set [agent] run_dir to another one";
	default:
		return "set [agent] run_dir to a directory that this user may write to";
	}
}

int control_socket_open(const char *run_dir, struct control_socket *ret_socket)
{
	struct control_socket opened = {.fd = -1};
	int r = socket_open(run_dir, &opened);

	switch (r) {
	case 0:
		*ret_socket = opened;
		return 0;
	case -EADDRINUSE:
		log_error("another hostingpid answers on %s; stop it, or give this one its own "
			  "[agent] run_dir",
			  opened.address.sun_path);
		return r;
	case -EEXIST:
		log_warning("%s is in the way and not a socket: hostingpictl will not work; "
			    "remove it or set [agent] run_dir to another directory",
			    opened.address.sun_path);
		return r;
	default:
		log_warning("no control socket in %s: %s; hostingpictl will not work; %s", run_dir,
			    strerror(-r), find_remedy(-r));
		return r;
	}
}

bool control_socket_is_there(const struct control_socket *socket)
{
	struct stat file;

	return lstat(socket->address.sun_path, &file) == 0 && file.st_dev == socket->file.st_dev &&
	       file.st_ino == socket->file.st_ino;
}

void control_socket_close(struct control_socket *socket)
{
	if (control_socket_is_there(socket))
		unlink(socket->address.sun_path);
	close(socket->fd);
	socket->fd = -1;
}
