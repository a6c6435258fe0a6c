/* SPDX-License-Identifier: MIT */
/* For tests of what the agent makes of the counters of TCP. To be included behind cmocka. */
#ifndef HOSTINGPI_TESTS_TCP_INFO_H
#define HOSTINGPI_TESTS_TCP_INFO_H

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* How much came in is asked of TCP; qemu-user answers with four bytes, and a flood would never end. */
static inline void need_tcp_info(void)
{
	struct tcp_info info;
	socklen_t length = sizeof(info);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
	close(fd);
	if (length < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(uint64_t)) {
		print_message("no TCP_INFO: nobody can count what a broker sends (emulator?)\n");
		skip();
	}
}

#endif
