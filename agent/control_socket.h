/* SPDX-License-Identifier: MIT */
/* The file of the control socket: who may connect, and that one daemon only owns it. */
#ifndef HOSTINGPI_CONTROL_SOCKET_H
#define HOSTINGPI_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/un.h>

struct control_socket {
	int fd; /* listening, non-blocking, close-on-exec */
	struct sockaddr_un address;
	struct stat file; /* to know it again */
};

/*
 * Makes run_dir if it is missing and listens on run_dir/control.sock. Returns 0, -EADDRINUSE if
 * another daemon answers there, or another negative errno. Logs what went wrong and the remedy.
 */
int control_socket_open(const char *run_dir, struct control_socket *ret_socket);

/* False if somebody removed the file, or put another one there: nobody finds the socket any more. */
bool control_socket_is_there(const struct control_socket *socket);

/* Closes it and removes the file, unless another daemon has put its own there. */
void control_socket_close(struct control_socket *socket);

#endif
