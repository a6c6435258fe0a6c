/* SPDX-License-Identifier: MIT */
/*
 * A get has three stages on one watch: the connection comes up (writable), the request leaves (it
 * fits into any socket buffer, but a short write is continued all the same), the answer comes in
 * (readable). One timer bounds them all together, so that a server that sends a byte now and then
 * gains nothing. One wake-up reads at most READS pieces, so that a long page keeps nobody else
 * waiting. The watch ends before the descriptor is closed, and the owner is told last, because it may
 * start the next get at once.
 */
#include "collectors/status_page.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "collectors/status_haproxy.h"

/* 16 pieces of 4 KiB: most pages are one, and a Pi parses this many in a millisecond. */
#define READS 16

static void page_drop(struct status_page *page)
{
	if (!page->watch)
		return;
	timer_disarm(page->timer);
	watch_end(page->watch);
	page->watch = NULL;
	close(page->fd);
	page->fd = -1;
}

static void page_finish(struct status_page *page, enum page_outcome outcome, int detail)
{
	page_drop(page);
	page->fn(page->context, (struct page_result){.outcome = outcome, .detail = detail});
}

static void page_timeout(void *context)
{
	page_finish(context, PAGE_TIMEOUT, 0);
}

/* True once the connection is up; otherwise the get is over. */
static bool page_connected(struct status_page *page)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (!page->connected && getsockopt(page->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	if (error) {
		page_finish(page, PAGE_NO_CONNECT, error);
		return false;
	}
	page->connected = true;
	return true;
}

static void page_send(struct status_page *page)
{
	if (!page_connected(page))
		return;
	ssize_t n = send(page->fd, page->request + page->request_sent,
			 page->request_length - page->request_sent, MSG_NOSIGNAL);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			page_finish(page, PAGE_LOST, errno);
		return;
	}
	page->request_sent += (size_t)n;
	if (page->request_sent == page->request_length)
		watch_change(page->watch, WATCH_READ);
}

/* Looks at what one read gave. Returns true if the get goes on. */
static bool page_take(struct status_page *page, const char *data, ssize_t length)
{
	if (length < 0) {
		if (errno != EAGAIN && errno != EINTR)
			page_finish(page, PAGE_LOST, errno);
		return false;
	}

	switch (status_answer_feed(&page->answer, data, (size_t)length)) {
	case 0:
		return true;
	case STATUS_ANSWER_DONE:
		if (page->answer.status == HTTP_STATUS_OK)
			page_finish(page, PAGE_BODY, 0);
		else
			page_finish(page, PAGE_STATUS, page->answer.status);
		return false;
	case -EFBIG:
		page_finish(page, PAGE_TOO_LARGE, (int)status_answer_limit(&page->answer));
		return false;
	case -ENODATA:
		page_finish(page, PAGE_CUT_OFF, 0);
		return false;
	default:
		page_finish(page, PAGE_ALIEN, 0);
		return false;
	}
}

static void page_receive(struct status_page *page)
{
	/* 4 KiB: a usual page in one read, and little stack. */
	char data[4096];
	for (int i = 0; i < READS; i++)
		if (!page_take(page, data, recv(page->fd, data, sizeof(data), 0)))
			return;
}

static void page_ready(void *context, unsigned events)
{
	struct status_page *page = context;
	if (events & WATCH_WRITE)
		page_send(page);
	else if (events & WATCH_READ)
		page_receive(page);
}

int status_page_open(struct status_page *page, const struct env *env, status_page_fn *fn,
		     void *context)
{
	page->env = env;
	page->fn = fn;
	page->context = context;
	page->timer = env_timer(env, page_timeout, page);
	if (!page->timer)
		return -ENOSPC;
	/* Apart from the module, which is cleared: pages of it that no answer needs stay untouched. */
	page->answer.body.text = malloc(STATUS_BODY_MAX + 1);
	return page->answer.body.text ? 0 : -ENOMEM;
}

/* Writes the request into buffer. Returns its length, which is too large if it does not fit. */
static int write_request(const struct page_target *target, char *buffer, size_t size)
{
	switch (target->protocol) {
	case PROTOCOL_HTTP:
		break;
	case PROTOCOL_FASTCGI:
		return fastcgi_request(buffer, size, target->path);
	case PROTOCOL_CONSOLE:
		return snprintf(buffer, size, "%s", HAPROXY_COMMAND);
	}
	return snprintf(buffer, size,
			"GET %s HTTP/1.1\r\n"
			"Host: %s\r\n"
			"User-Agent: " STATUS_USER_AGENT "\r\n"
			"Connection: close\r\n"
			"\r\n",
			target->path, target->host);
}

static int page_request(struct status_page *page, const struct page_target *target)
{
	int length = write_request(target, page->request, sizeof(page->request));
	if (length < 0 || (size_t)length >= sizeof(page->request))
		return -ENAMETOOLONG;
	page->request_length = (size_t)length;
	page->request_sent = 0;
	return 0;
}

int status_page_get(struct status_page *page, const struct page_target *target, int64_t timeout_ns)
{
	int r = page_request(page, target);
	if (r < 0)
		return r;
	int fd = socket(target->addr->any.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);
	if (fd < 0)
		return -errno;
	if (connect(fd, &target->addr->any.sa, target->addr->length) < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	page->watch = env_watch(page->env, fd, WATCH_WRITE, page_ready, page);
	if (!page->watch) {
		close(fd);
		return -ENOSPC;
	}
	page->fd = fd;
	page->connected = false;
	status_answer_start(&page->answer, target->protocol);
	timer_arm(page->timer, timeout_ns);
	return 0;
}

bool status_page_busy(const struct status_page *page)
{
	return page->watch != NULL;
}

bool status_page_counts(const struct status_page *page, enum page_outcome outcome)
{
	bool sent = page->request_sent == page->request_length;
	return outcome == PAGE_BODY || outcome == PAGE_STATUS ||
	       (sent && (outcome == PAGE_TIMEOUT || outcome == PAGE_CUT_OFF));
}

void status_page_close(struct status_page *page)
{
	page_drop(page);
	timer_end(page->timer);
	page->timer = NULL;
	free(page->answer.body.text);
	page->answer.body.text = NULL;
}
