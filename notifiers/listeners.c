/* SPDX-License-Identifier: MIT */
/*
 * A crowd of connections must not keep the loop from sampling, so each wake-up accepts a bounded
 * number; the watch is level-triggered and comes back for the rest. Running out of descriptors must
 * not spin: the pending connection would wake the loop again at once, so the listeners pause.
 */
#include "notifiers/listeners.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/inherit.h"

/* Sampling comes between two such rounds; 64 answers to strangers take about 4 ms. */
#define ACCEPTS_PER_WAKE 64
/* While the loop is busy callers wait here instead of having their SYN dropped, which costs 1 s. */
#define BACKLOG 512
#define PAUSE_NS (100 * NS_PER_MS)
/* A shortage that comes back within this time is the same one, and told once. */
#define SHORTAGE_OVER_NS (10 * NS_PER_S)

static void watch_all(struct listeners *listeners, unsigned events)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (listeners->list[i].watch)
			watch_change(listeners->list[i].watch, events);
	}
}

static void pause_over(void *context)
{
	struct listeners *listeners = context;

	if (!listeners->leaving)
		watch_all(listeners, WATCH_READ);
}

/* Returns true if accepting may go on at once. */
static bool accept_failed(struct listeners *listeners, int error)
{
	switch (error) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
		/* What we hold for somebody who has its answer is worth less than the next one. */
		if (listeners->conf.make_room(listeners->conf.context))
			return true;
		break;
	case ENOBUFS:
	case ENOMEM:
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
		break;
	default:
		/* ECONNABORTED, a network error of this one caller: the next one may be fine. */
		return true;
	}
	listeners->shortage_ns = env_now_ns(listeners->env);
	complaint_raise(&listeners->shortage,
			"%s: cannot accept connections: %s; trying again every 100 ms, see "
			"LimitNOFILE= and what uses up descriptors",
			listeners->conf.subject, strerror(error));
	watch_all(listeners, 0);
	timer_arm(listeners->pause_timer, PAUSE_NS);
	return false;
}

static void clear_shortage(struct listeners *listeners)
{
	if (listeners->shortage.text[0] &&
	    env_now_ns(listeners->env) - listeners->shortage_ns > SHORTAGE_OVER_NS)
		complaint_clear(&listeners->shortage, listeners->conf.subject);
}

/* The first one is told, because allow may be wrong; a scan must not fill the log with the rest. */
static void refuse(struct listeners *listeners, const union addr_any *peer)
{
	listeners->refused++;
	addr_format_host(&peer->sa, listeners->last_refused, sizeof(listeners->last_refused));
	if (listeners->refused == 1)
		log_warning("%s: %s is not in allow and was turned away; more of them are only "
			    "counted (allow in [%s], hostingpictl status --json)",
			    listeners->conf.subject, listeners->last_refused,
			    listeners->conf.section);
}

static void listener_ready(void *context, unsigned events)
{
	struct listener *listener = context;
	struct listeners *listeners = listener->listeners;

	(void)events;
	for (int i = 0; i < ACCEPTS_PER_WAKE; i++) {
		union addr_any peer = {.sa.sa_family = AF_UNSPEC};
		socklen_t length = sizeof(peer);
		int fd = accept4(listener->fd, &peer.sa, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			/* Without a descriptor the kernel does not look whether anybody is there. */
			if (i > 0 && (errno == EMFILE || errno == ENFILE))
				return;
			if (!accept_failed(listeners, errno))
				return;
			continue;
		}
		clear_shortage(listeners);
		if (addr_allowed(listeners->conf.allow, &peer.sa)) {
			listeners->conf.accepted(listeners->conf.context, fd, &peer);
		} else {
			refuse(listeners, &peer);
			close(fd);
		}
	}
}

static bool is_loopback(const struct addr *addr)
{
	if (addr->any.sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&addr->any.in6.sin6_addr);
	return addr->any.sa.sa_family == AF_INET &&
	       ntohl(addr->any.in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

static const char *find_remedy(const struct listener *listener)
{
	if (listener->error == -ENOSPC)
		return "the event loop has no place left: listen on fewer addresses";
	return addr_listen_remedy(listener->bound.any.sa.sa_family, listener->error);
}

static void tell_failure(const struct listener *listener)
{
	const struct listeners_conf *conf = &listener->listeners->conf;
	int error = -listener->error;
	char text[ADDR_TEXT_SIZE];

	addr_format(&listener->bound.any.sa, text, sizeof(text));
	/* Loopback is there wherever its family is. */
	if (error == EAFNOSUPPORT || (error == EADDRNOTAVAIL && is_loopback(&listener->bound)))
		log_notice("%s: not on %s, because this machine has no %s", conf->subject, text,
			   listener->bound.any.sa.sa_family == AF_INET ? "IPv4" : "IPv6");
	else
		log_error("%s: cannot listen on %s: %s; %s (listen in [%s])", conf->subject, text,
			  strerror(error), find_remedy(listener), conf->section);
}

static void open_listener(struct listener *listener, const struct addr *addr)
{
	struct listeners *listeners = listener->listeners;
	char text[ADDR_TEXT_SIZE];

	listener->bound = *addr;
	listener->fd = inherit_listen(listeners->env->inherit, addr, BACKLOG, &listener->bound);
	if (listener->fd < 0) {
		listener->error = listener->fd;
		tell_failure(listener);
		return;
	}
	listener->watch = env_watch(listeners->env, listener->fd, 0, listener_ready, listener);
	if (!listener->watch) {
		inherit_release(listeners->env->inherit, listener->fd);
		listener->error = -ENOSPC;
		tell_failure(listener);
		return;
	}
	log_info("%s: listening on %s", listeners->conf.subject,
		 addr_format(&listener->bound.any.sa, text, sizeof(text)));
}

int listeners_open(struct listeners *listeners, const struct listeners_conf *conf,
		   const struct env *env)
{
	size_t open = 0;

	listeners->conf = *conf;
	listeners->env = env;
	if (conf->listen->count == 0) {
		log_info("%s: switched off, listen in [%s] is empty", conf->subject, conf->section);
		return 0;
	}
	listeners->pause_timer = env_timer(env, pause_over, listeners);
	if (!listeners->pause_timer) {
		log_error("%s: the event loop has no timer left", conf->subject);
		return -ENOSPC;
	}
	for (size_t i = 0; i < conf->listen->count; i++) {
		struct listener *listener = &listeners->list[listeners->count++];

		listener->listeners = listeners;
		open_listener(listener, &conf->listen->addrs[i]);
		open += listener->watch != NULL;
	}
	if (open > 0)
		return 0;
	log_error("%s: no address to listen on: nobody can ask (listen in [%s])", conf->subject,
		  conf->section);
	return listeners->list[0].error;
}

void listeners_accept(struct listeners *listeners)
{
	if (!listeners->accepting && !listeners->leaving)
		watch_all(listeners, WATCH_READ);
	listeners->accepting = true;
}

void listeners_leave(struct listeners *listeners)
{
	listeners->leaving = true;
	watch_all(listeners, 0);
}

void listeners_status(const struct listeners *listeners, struct json *json)
{
	char text[ADDR_TEXT_SIZE];

	json_array(json, "listen");
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *listener = &listeners->list[i];

		if (listener->watch)
			json_text(json, NULL,
				  addr_format(&listener->bound.any.sa, text, sizeof(text)));
	}
	json_array_end(json);
	json_array(json, "failed");
	for (size_t i = 0; i < listeners->count; i++) {
		const struct listener *listener = &listeners->list[i];

		if (listener->watch)
			continue;
		json_object(json, NULL);
		json_text(json, "address",
			  addr_format(&listener->bound.any.sa, text, sizeof(text)));
		json_text(json, "error", strerror(-listener->error));
		json_object_end(json);
	}
	json_array_end(json);
	json_int(json, "refused", listeners->refused);
	json_text(json, "last_refused", listeners->refused ? listeners->last_refused : NULL);
}

void listeners_close(struct listeners *listeners)
{
	for (size_t i = 0; i < listeners->count; i++) {
		if (!listeners->list[i].watch)
			continue;
		watch_end(listeners->list[i].watch);
		inherit_release(listeners->env->inherit, listeners->list[i].fd);
	}
	listeners->count = 0;
	timer_end(listeners->pause_timer);
	listeners->pause_timer = NULL;
}
