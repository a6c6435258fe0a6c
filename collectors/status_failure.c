/* SPDX-License-Identifier: MIT */
/*
 * The search for a status page fails in many places and one reason is shown, so failures are ranked:
 * a server that refuses us says more than one that does not know the path, and that says more than
 * nobody listening. Texts are for the operator of the web server and name the directive to change.
 */
#include "collectors/status_failure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/sample.h"

enum rank {
	RANK_NOBODY = 1,    /* no such socket */
	RANK_NOT_REACHED,   /* no connection */
	RANK_NOT_FOUND,	    /* 404, or some other page */
	RANK_OTHER_STATUS,  /* the server fails, or asks for something */
	RANK_TROUBLE,	    /* it hangs, floods, or does not speak HTTP */
	RANK_REFUSED,	    /* the page may be there, and we may not see it */
	RANK_PAGE_UNUSABLE, /* the page is there, and cannot be used */
};

static bool is_denied(const struct failure *failure)
{
	int detail = failure->result.detail;
	if (failure->result.outcome == PAGE_STATUS)
		return detail == HTTP_STATUS_UNAUTHORIZED || detail == HTTP_STATUS_FORBIDDEN;
	return failure->result.outcome == PAGE_NO_CONNECT && (detail == EACCES || detail == EPERM);
}

bool failure_of_endpoint(const struct failure *failure)
{
	return failure->result.outcome == PAGE_NO_CONNECT;
}

/* Debian lets only www-data write to PHP-FPM's socket, and with a web server's page nobody need. */
static bool is_usual(const struct failure *failure)
{
	return failure->result.outcome == PAGE_NO_CONNECT && failure->sought == STATUS_PHP_FPM;
}

unsigned failure_rank(const struct failure *failure)
{
	if (is_denied(failure) && !is_usual(failure))
		return RANK_REFUSED;
	switch (failure->result.outcome) {
	case PAGE_BODY:
		return failure->recognised ? RANK_PAGE_UNUSABLE : RANK_NOT_FOUND;
	case PAGE_STATUS:
		return failure->result.detail == HTTP_STATUS_NOT_FOUND ? RANK_NOT_FOUND
								       : RANK_OTHER_STATUS;
	case PAGE_NO_CONNECT:
		return failure->result.detail == ENOENT ? RANK_NOBODY : RANK_NOT_REACHED;
	case PAGE_LOST:
	case PAGE_CUT_OFF:
	case PAGE_TIMEOUT:
	case PAGE_TOO_LARGE:
	case PAGE_ALIEN:
		break;
	}
	return RANK_TROUBLE;
}

bool failure_judge(const struct status_body *body, unsigned kinds,
		   struct status_reading *ret_reading, struct failure *ret_failure)
{
	static const char *const others[STATUS_KINDS] = {
		[STATUS_NGINX] = "this is nginx's status page, but source says otherwise",
		[STATUS_APACHE] = "this is Apache's status page, but source says otherwise",
		[STATUS_LIGHTTPD] = "this is lighttpd's status page, but source says otherwise",
		[STATUS_CADDY] = "these are Caddy's metrics, but source says otherwise",
		[STATUS_PHP_FPM] = "this is PHP-FPM's status page, but source says otherwise",
		[STATUS_HAPROXY] = "this is HAProxy's stats socket, but source says otherwise",
	};
	const char *why;
	int r = status_body_parse(body, ret_reading, &why);
	if (r == 0 && (kinds >> ret_reading->kind & 1))
		return true;
	ret_failure->body = r == 0 ? others[ret_reading->kind] : why;
	ret_failure->recognised = r != -EPROTO;
	return false;
}

/* For each server: how to let us in, and how to switch its page on. */
static const struct {
	const char *allow, *enable;
} advice[STATUS_KINDS] = {
	[STATUS_NGINX] = {"allow this host in the nginx stub_status location",
			  "add an nginx stub_status location, or set url to where it is"},
	[STATUS_APACHE] = {"allow this host ('Require local') in Apache's server-status location",
			   "enable Apache's mod_status, or set url to where it is"},
	[STATUS_LIGHTTPD] = {"allow this host to see lighttpd's status.status-url",
			     "enable lighttpd's mod_status, or set url to where it is"},
	[STATUS_CADDY] = {"allow this host in 'origins' of Caddy's admin option",
			  "no metrics here, set url to where Caddy's are"},
	[STATUS_PHP_FPM] = {"set pm.status_path of PHP-FPM to this path",
			    "set pm.status_path of PHP-FPM to this path, or url to where it is"},
};

/* Static text for the status codes that a status page is known to answer with; NULL for others. */
static const char *status_advice(int status, enum status_kind sought)
{
	switch (status) {
	case HTTP_STATUS_UNAUTHORIZED:
		return "allow this host without a password";
	case HTTP_STATUS_FORBIDDEN:
		return advice[sought].allow;
	case HTTP_STATUS_NOT_FOUND:
		return advice[sought].enable;
	case HTTP_STATUS_MOVED_PERMANENTLY:
	case HTTP_STATUS_FOUND:
	case HTTP_STATUS_SEE_OTHER:
	case HTTP_STATUS_TEMPORARY_REDIRECT:
	case HTTP_STATUS_PERMANENT_REDIRECT:
		return "redirects are not followed, exempt the status path or set url";
	case HTTP_STATUS_TOO_MANY_REQUESTS:
		return "exempt this host from the rate limit, or raise interval";
	default:
		return status >= 500 ? "the web server fails, see its error log" : NULL;
	}
}

/* Static text for an errno of the connection. */
static const char *connection_text(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "connection refused";
	case ENOENT:
		return "no such socket";
	case EACCES:
	case EPERM:
		return "permission denied: let the agent's user write to the socket";
	case EAGAIN:
		return "the server's queue of connections is full";
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "this address cannot be reached from here";
	case ECONNRESET:
	case EPIPE:
		return "the server broke the connection";
	default:
		break;
	}
	const char *text = strerrordesc_np(error);
	return text ? text : "unknown error";
}

static void write_text(const struct failure *failure, char *text, size_t size)
{
	int detail = failure->result.detail;
	switch (failure->result.outcome) {
	case PAGE_BODY:
		snprintf(text, size, "%s", failure->body);
		return;
	case PAGE_STATUS: {
		const char *what = status_advice(detail, failure->sought);
		snprintf(text, size, "HTTP %d%s%s", detail, what ? ": " : "", what ? what : "");
		return;
	}
	case PAGE_NO_CONNECT:
	case PAGE_LOST:
		snprintf(text, size, "%s", connection_text(detail));
		return;
	case PAGE_CUT_OFF:
		snprintf(text, size, "the server closed before its answer was complete");
		return;
	case PAGE_TIMEOUT: {
		int64_t ms = failure->timeout_ns / NS_PER_MS;
		bool whole = ms % 1000 == 0;
		snprintf(text, size, "no answer within %lld %s%s",
			 (long long)(whole ? ms / 1000 : ms), whole ? "s" : "ms",
			 failure->sought == STATUS_PHP_FPM
				 ? ": all workers busy? pm.status_listen keeps one for the page"
				 : "");
		return;
	}
	case PAGE_TOO_LARGE:
		snprintf(text, size, "answer larger than %d bytes", detail);
		return;
	case PAGE_ALIEN:
		snprintf(text, size, "the answer is not %s",
			 failure->sought == STATUS_PHP_FPM ? "FastCGI" : "HTTP");
		return;
	}
}

const char *failure_text(const struct failure *failure, char *text)
{
	char whole[2 * FAILURE_TEXT_SIZE];
	write_text(failure, whole, sizeof(whole));
	text_copy(text, FAILURE_TEXT_SIZE, whole);
	return text;
}
