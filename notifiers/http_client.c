/* SPDX-License-Identifier: MIT */
/*
 * A caller is read from as soon as it is accepted, and most of them have their answer and are gone before
 * the loop learns of them: watching a descriptor costs more system calls than the answer.
 *
 * Requests that come before the answer to the last one (pipelining, RFC 9112, 9.3.2) are not read: the answer says
 * "close", and whoever sent them must send them again on another connection. The same holds for bodies.
 * So nothing but a whole request is ever kept of what a caller says. A connection that ends with
 * bytes unread would be reset, which can destroy the answer on its way: so we say that we have no more
 * to say, and listen for a while without keeping anything.
 */
#include "notifiers/http_client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void client_ready(void *context, unsigned events);

static int64_t now(const struct http_client *client)
{
	return env_now_ns(client->endpoint->env);
}

void http_client_close(struct http_client *client)
{
	watch_end(client->watch);
	client->watch = NULL;
	close(client->fd);
	if (client->output)
		client->output->used = false;
	client->output = NULL;
	client->state = HTTP_FREE;
}

/* Goes on when it can; events 0: somebody else wakes it. */
static void await(struct http_client *client, unsigned events)
{
	if (client->watch)
		watch_change(client->watch, events);
	else if (events)
		client->watch =
			env_watch(client->endpoint->env, client->fd, events, client_ready, client);
	/* The loop has no place left: better to be called again than never to answer. */
	if (!client->watch && events)
		http_client_close(client);
}

static void drain(struct http_client *client)
{
	char bytes[1024];

	for (;;) {
		ssize_t length = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (length > 0)
			client->drained += (size_t)length;
		if (length <= 0 || client->drained > HTTP_LINGER_BYTES) {
			http_client_close(client);
			return;
		}
	}
	await(client, WATCH_READ);
}

static void await_request(struct http_client *client)
{
	client->state = HTTP_READING;
	client->begun = false;
	client->deadline_ns = now(client) + HTTP_IDLE_NS;
	http_request_start(&client->request);
	await(client, WATCH_READ);
}

/* The answer is out. */
static void finish(struct http_client *client)
{
	client->quiet_ns = now(client);
	if (client->output)
		client->output->used = false;
	client->output = NULL;
	if (client->request.keep_alive) {
		await_request(client);
		return;
	}
	/* Most have nothing more to say. */
	if (!client->rest) {
		http_client_close(client);
		return;
	}
	shutdown(client->fd, SHUT_WR);
	client->state = HTTP_LINGERING;
	client->deadline_ns = now(client) + HTTP_LINGER_NS;
	drain(client);
}

static void write_output(struct http_client *client)
{
	struct http_output *output = client->output;
	ssize_t length = send(client->fd, output->bytes + output->sent, output->end - output->sent,
			      MSG_NOSIGNAL | MSG_DONTWAIT);

	if (length < 0 && errno != EAGAIN && errno != EINTR) {
		http_client_close(client);
		return;
	}
	if (length > 0)
		output->sent += (size_t)length;
	if (output->sent == output->end)
		finish(client);
	else
		await(client, WATCH_WRITE);
}

static void send_small(struct http_client *client, const struct http_reply *reply)
{
	char bytes[HTTP_REPLY_HEAD_SIZE + HTTP_REPLY_SMALL_SIZE];
	size_t length = http_reply_head(reply, &client->request, bytes);

	if (!client->request.head) {
		memcpy(bytes + length, reply->small, reply->length);
		length += reply->length;
	}
	if (send(client->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length)
		finish(client);
	else
		http_client_close(client);
}

/* The body stands behind the room for the head, which goes right before it. */
static void send_large(struct http_client *client, const struct http_reply *reply)
{
	struct http_output *output = client->output;
	char head[HTTP_REPLY_HEAD_SIZE];
	size_t length = http_reply_head(reply, &client->request, head);

	output->sent = HTTP_REPLY_HEAD_SIZE - length;
	output->end = HTTP_REPLY_HEAD_SIZE + (client->request.head ? 0 : reply->length);
	memcpy(output->bytes + output->sent, head, length);
	client->state = HTTP_WRITING;
	client->write_ns = now(client);
	client->deadline_ns = client->write_ns + HTTP_TAKE_NS;
	write_output(client);
}

static void send_reply(struct http_client *client, const struct http_reply *reply)
{
	client->endpoint->answers[http_reply_code(reply->status)]++;
	if (client->output && reply->body != reply->small)
		send_large(client, reply);
	else
		send_small(client, reply);
}

void http_client_serve(struct http_client *client, struct http_output *output)
{
	struct http_endpoint *endpoint = client->endpoint;
	const struct http_call call = {.request = &client->request, .host = client->host};
	struct http_reply reply;
	char *buffer = NULL;

	client->output = output;
	if (output) {
		output->used = true;
		buffer = output->bytes + HTTP_REPLY_HEAD_SIZE;
	}
	if (endpoint->answer(endpoint->context, &call, buffer, &reply) == HTTP_NEEDS_BUFFER)
		http_reply_refusal(&reply, 503);
	send_reply(client, &reply);
}

static void answer(struct http_client *client)
{
	struct http_endpoint *endpoint = client->endpoint;
	const struct http_call call = {.request = &client->request, .host = client->host};
	struct http_reply reply;

	if (client->request.status)
		http_reply_refusal(&reply, client->request.status);
	else if (endpoint->answer(endpoint->context, &call, NULL, &reply) == HTTP_NEEDS_BUFFER) {
		/* Its turn comes at once if nobody is before it: the owner settles that. */
		client->state = HTTP_WAITING;
		client->deadline_ns = now(client) + HTTP_WAIT_NS;
		await(client, 0);
		return;
	}
	send_reply(client, &reply);
}

/* Returns true if it was answered, or has to wait for that; false: more must come. */
static bool feed(struct http_client *client, const char *bytes, size_t length)
{
	struct http_request *request = &client->request;
	size_t used;

	if (http_request_take(request, bytes, length, &used) == HTTP_OPEN)
		return false;
	client->rest = used < length || request->body || request->status;
	if (used < length)
		request->keep_alive = false;
	client->quiet_ns = now(client);
	answer(client);
	return true;
}

static void refuse_header(struct http_client *client)
{
	struct http_reply reply;

	client->endpoint->bad_headers++;
	http_request_refuse(&client->request, 400);
	client->rest = true;
	http_reply_text(&reply, 400,
			"a header of the PROXY protocol is expected before the request "
			"(proxy_protocol in [http])\n");
	send_reply(client, &reply);
}

/* Before the first request of a connection, where a PROXY header may or must come. True as of feed(). */
static bool feed_header(struct http_client *client, const char *bytes, size_t length)
{
	struct http_proxy *proxy = &client->proxy;
	enum http_proxy_progress progress;
	size_t used;

	progress = http_proxy_take(proxy, bytes, length, &used);
	bool none = progress == HTTP_PROXY_NONE;
	if (progress == HTTP_PROXY_BAD ||
	    (none && client->endpoint->proxy_mode == HTTP_PROXY_REQUIRED)) {
		refuse_header(client);
		return true;
	}
	if (progress == HTTP_PROXY_OPEN)
		return false;
	if (progress == HTTP_PROXY_SOURCE)
		client->host = proxy->host;
	client->introduced = true;
	/* What could have been a header is the start of a request. */
	if (none && feed(client, (const char *)proxy->bytes, proxy->used))
		return true;
	return feed(client, bytes + used, length - used);
}

static void read_more(struct http_client *client)
{
	char bytes[HTTP_HEAD_SIZE];
	ssize_t length = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
		await(client, WATCH_READ);
		return;
	}
	if (length <= 0) {
		http_client_close(client);
		return;
	}
	if (!client->begun)
		client->deadline_ns = now(client) + HTTP_HEAD_NS;
	client->begun = true;
	if (!(client->introduced ? feed : feed_header)(client, bytes, (size_t)length))
		await(client, WATCH_READ);
}

static void client_ready(void *context, unsigned events)
{
	struct http_client *client = context;
	struct http_endpoint *endpoint = client->endpoint;

	(void)events; /* what to do follows from the state */
	switch (client->state) {
	case HTTP_READING:
		read_more(client);
		break;
	case HTTP_WRITING:
		write_output(client);
		break;
	case HTTP_LINGERING:
		drain(client);
		break;
	case HTTP_FREE:
	case HTTP_WAITING:
		break;
	}
	endpoint->settle(endpoint->owner);
}

void http_client_begin(struct http_client *client, struct http_endpoint *endpoint, int fd,
		       const struct in6_addr *peer)
{
	client->endpoint = endpoint;
	client->fd = fd;
	client->state = HTTP_READING;
	client->peer = client->host = *peer;
	client->quiet_ns = now(client);
	client->deadline_ns = client->quiet_ns + HTTP_HEAD_NS;
	client->begun = false;
	client->introduced = client->endpoint->proxy_mode == HTTP_PROXY_OFF;
	client->rest = false;
	client->drained = 0;
	http_proxy_start(&client->proxy);
	http_request_start(&client->request);
	read_more(client);
}
