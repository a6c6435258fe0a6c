/* SPDX-License-Identifier: MIT */
/*
 * The least that a program can do, as a yardstick for the agent on the same machine and in the same
 * seconds.
 *
 *   bare read FILE...   once a second, reads each file whole with one pread()
 *   bare all CHECK_PORT STATUS_PORT BROKER_PORT FILE...
 *                       the same, answers callers on CHECK_PORT, hands 1,300 bytes to an MQTT
 *                       broker each second and reads a status page every other second
 *   bare answer PORT    accepts, writes one line, closes
 *
 * It wakes at fixed moments and notes how late it was; SIGTERM makes it print the worst of that,
 * which is what the machine does to anybody's timer. It has no library but libc, allocates nothing
 * and understands nothing: servers on the loopback that answer are assumed. Files that do not open
 * are left out: which of them exist is for the caller to say.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* More files than the agent's collectors read in one second. */
#define FILES 64
/* The agent's largest read of one file. */
#define TEXT_SIZE 65536
/* A state document of the agent has about this many bytes. */
#define DOCUMENT_SIZE 1300
/* The agent polls a status page every 2 s. */
#define STATUS_SECONDS 2
#define MS_PER_S 1000

static volatile sig_atomic_t ended;

static void end(int signal_number)
{
	(void)signal_number;
	ended = 1;
}

static long late_us(const struct timespec *due)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long)(now.tv_sec - due->tv_sec) * 1000000 + (now.tv_nsec - due->tv_nsec) / 1000;
}

/* A socket on one loopback address; negative if there is none. */
static int open_socket(int family, unsigned short port, bool listening)
{
	const struct sockaddr_in6 six = {.sin6_family = AF_INET6,
					 .sin6_port = htons(port),
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	const struct sockaddr_in four = {.sin_family = AF_INET,
					 .sin_port = htons(port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr *address = (const struct sockaddr *)&six;
	socklen_t length = sizeof(six);
	const int on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (family == AF_INET) {
		address = (const struct sockaddr *)&four;
		length = sizeof(four);
	}
	if (!listening) {
		r = connect(fd, address, length);
	} else {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		r = bind(fd, address, length) < 0 ? -1 : listen(fd, SOMAXCONN);
	}
	if (r < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int call(unsigned short port)
{
	int fd = open_socket(AF_INET6, port, false);

	return fd >= 0 ? fd : open_socket(AF_INET, port, false);
}

/* Listens on both loopback addresses; poll() ignores the descriptor of a family that is missing. */
static bool listen_on(unsigned short port, struct pollfd fds[2])
{
	fds[0] = (struct pollfd){.fd = open_socket(AF_INET6, port, true), .events = POLLIN};
	fds[1] = (struct pollfd){.fd = open_socket(AF_INET, port, true), .events = POLLIN};
	return fds[0].fd >= 0 || fds[1].fd >= 0;
}

static void answer_callers(const struct pollfd fds[2])
{
	static const char line[] = "up 100% maxconn:100 # normal ok\n";

	for (size_t i = 0; i < 2; i++) {
		char greeting[128];
		int fd = fds[i].revents ? accept4(fds[i].fd, NULL, NULL, SOCK_CLOEXEC) : -1;

		if (fd < 0)
			continue;
		/* What lies there unread would turn the close into a reset. */
		(void)!recv(fd, greeting, sizeof(greeting), MSG_DONTWAIT);
		send(fd, line, sizeof(line) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
}

static int answer(unsigned short port)
{
	struct pollfd fds[2];

	if (!listen_on(port, fds))
		return 1;
	while (!ended && poll(fds, 2, -1) > 0)
		answer_callers(fds);
	return 0;
}

static void get_status(unsigned short port)
{
	static const char request[] = "GET /nginx_status HTTP/1.1\r\nHost: localhost\r\n"
				      "Connection: close\r\n\r\n";
	char page[4096];
	int fd = call(port);

	if (fd < 0)
		return;
	send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);
	while (recv(fd, page, sizeof(page), 0) > 0)
		;
	close(fd);
}

/* Returns the connection. MQTT 3.1.1: CONNECT with a clean session and no keep-alive. */
static int greet_broker(unsigned short port)
{
	static const unsigned char packet[] = {0x10, 16, 0, 4, 'M', 'Q', 'T', 'T', 4,
					       0x02, 0,	 0, 0, 4,   'b', 'a', 'r', 'e'};
	int fd = call(port);

	if (fd >= 0)
		send(fd, packet, sizeof(packet), MSG_NOSIGNAL);
	return fd;
}

static void publish(int fd)
{
	/* PUBLISH of QoS 0, topic "bare", zeros; the remaining length comes in groups of 7 bits. */
	enum {
		REMAINING = 6 + DOCUMENT_SIZE,
	};
	static const unsigned char packet[3 + REMAINING] = {
		0x30, (REMAINING & 0x7f) | 0x80, REMAINING >> 7, 0, 4, 'b', 'a', 'r', 'e'};

	send(fd, packet, sizeof(packet), MSG_NOSIGNAL);
}

struct work {
	int files[FILES], file_count;
	bool exchanges; /* the members below count */
	struct pollfd callers[2];
	unsigned short status_port;
	int broker;
	unsigned seconds;
};

static void work_open(struct work *work, int count, char **paths)
{
	for (int i = 0; i < count && work->file_count < FILES; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			work->files[work->file_count++] = fd;
	}
}

/* Waits for the next moment and answers callers until then. */
static void work_wait(const struct work *work, const struct timespec *due)
{
	struct pollfd fds[2] = {work->callers[0], work->callers[1]};

	if (!work->exchanges) {
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL);
		return;
	}
	for (long us; !ended && (us = late_us(due)) < 0;)
		if (poll(fds, 2, (int)((-us + MS_PER_S - 1) / MS_PER_S)) > 0)
			answer_callers(fds);
}

static void work_do(struct work *work)
{
	static char text[TEXT_SIZE];

	for (int i = 0; i < work->file_count; i++)
		(void)!pread(work->files[i], text, sizeof(text), 0);
	if (!work->exchanges)
		return;
	publish(work->broker);
	if (work->seconds++ % STATUS_SECONDS == 0)
		get_status(work->status_port);
}

static int work_run(struct work *work)
{
	struct timespec due;
	long worst_us = 0;

	clock_gettime(CLOCK_MONOTONIC, &due);
	while (!ended) {
		due.tv_sec++;
		work_wait(work, &due);
		if (ended)
			break;
		long us = late_us(&due);
		if (us > worst_us)
			worst_us = us;
		work_do(work);
	}
	printf("late_us %ld files %d\n", worst_us, work->file_count);
	return 0;
}

static unsigned short to_port(const char *text)
{
	return (unsigned short)atoi(text);
}

int main(int argc, char **argv)
{
	const struct sigaction action = {.sa_handler = end};
	struct work work = {.file_count = 0};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (argc >= 2 && strcmp(argv[1], "read") == 0) {
		work_open(&work, argc - 2, argv + 2);
		return work_run(&work);
	}
	if (argc >= 5 && strcmp(argv[1], "all") == 0) {
		work.exchanges = true;
		work.status_port = to_port(argv[3]);
		work.broker = greet_broker(to_port(argv[4]));
		if (work.broker < 0 || !listen_on(to_port(argv[2]), work.callers))
			return 1;
		work_open(&work, argc - 5, argv + 5);
		return work_run(&work);
	}
	if (argc == 3 && strcmp(argv[1], "answer") == 0)
		return answer(to_port(argv[2]));
	fputs("usage: bare read FILE... | bare answer PORT |\n"
	      "       bare all CHECK_PORT STATUS_PORT BROKER_PORT FILE...\n",
	      stderr);
	return 2;
}
