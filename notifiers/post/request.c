/* SPDX-License-Identifier: MIT */
/*
 * X takes JSON, of which nothing is signed but the address, or (v1.1, compatible services) a form,
 * which is signed. Mastodon takes JSON with a bearer token, and a key by which it knows a repetition.
 */
#include "notifiers/post/request.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sentence.h"
#include "notifiers/credentials.h"

#define HTTPS_PORT 443

static const char mastodon_path[] = "/api/v1/statuses";

static int require(const char *section, const char *path, const struct credential *rows,
		   char *ret_error, size_t size)
{
	for (; rows->name; rows++) {
		if (!rows->value[0])
			return sentence_refuse(ret_error, size,
					       "[%s] credential_file: %s has no %s: add the line "
					       "%s = ...",
					       section, path, rows->name, rows->name);
	}
	return 0;
}

int request_read_secrets(const struct post_conf *conf, struct request_secrets *ret_secrets,
			 char *ret_error, size_t size)
{
	struct request_secrets *s = ret_secrets;
	const struct credential x_rows[] = {
		{"consumer_key", s->consumer_key, sizeof(s->consumer_key)},
		{"consumer_secret", s->consumer_secret, sizeof(s->consumer_secret)},
		{"token", s->token, sizeof(s->token)},
		{"token_secret", s->token_secret, sizeof(s->token_secret)},
		{0},
	};
	const struct credential mastodon_rows[] = {
		{"access_token", s->access_token, sizeof(s->access_token)},
		{0},
	};
	bool x = conf->service == POST_X;
	const char *section = post_service_words[conf->service];
	const char *path = x ? conf->x.credential_file : conf->mastodon.credential_file;
	const struct credential *rows = x ? x_rows : mastodon_rows;
	char error[POST_PATH_SIZE + 256];
	int result;

	memset(s, 0, sizeof(*s));
	result = credentials_read(path, rows, error, sizeof(error));
	if (result < 0)
		sentence_fail(result, ret_error, size, "[%s] credential_file: %s", section, error);
	else
		result = require(section, path, rows, ret_error, size);
	if (result < 0)
		request_forget_secrets(s);
	return result;
}

void request_forget_secrets(struct request_secrets *secrets)
{
	explicit_bzero(secrets, sizeof(*secrets));
}

/* Splits "https://host[:port][/path]", which post_conf_check() has looked at. */
static int take_url(struct request *request, const char *url, const char *usual_path)
{
	const char *host = url + strlen("https://"), *path = strchr(host, '/'), *port;
	size_t length = path ? (size_t)(path - host) : strlen(host);
	long number = HTTPS_PORT;

	if (!path || strcmp(path, "/") == 0)
		path = usual_path;
	port = memrchr(host, ':', length);
	if (port && !memchr(port, ']', length - (size_t)(port - host))) {
		number = strtol(port + 1, NULL, 10);
		length = (size_t)(port - host);
	}
	if (length >= sizeof(request->host) || number < 1 || number > 65535)
		return -EINVAL;
	memcpy(request->host, host, length);
	request->host[length] = '\0';
	request->port = (int)number;
	/* What is signed has no port where it is the usual one (RFC 5849, 3.4.1.2). */
	if (number == HTTPS_PORT)
		snprintf(request->url, sizeof(request->url), "https://%s%s", request->host, path);
	else
		snprintf(request->url, sizeof(request->url), "https://%s:%ld%s", request->host,
			 number, path);
	return 0;
}

static int add_header(struct request *request, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int add_header(struct request *request, const char *format, ...)
{
	va_list arguments;
	size_t i = 0;
	int length;

	while (request->headers[i])
		i++;
	va_start(arguments, format);
	length = vasprintf(&request->headers[i], format, arguments);
	va_end(arguments);
	if (length < 0)
		request->headers[i] = NULL;
	return length < 0 ? -ENOMEM : 0;
}

static int sign(struct request *request, const struct request_secrets *secrets,
		const struct oauth_parameter *parameters)
{
	const struct oauth_keys keys = {secrets->consumer_key, secrets->consumer_secret,
					secrets->token, secrets->token_secret};
	struct oauth_once once;
	char *header;
	int result = oauth_once_make(&once);

	if (result == 0)
		result = oauth_header(request->url, parameters, &keys, &once, &header);
	if (result < 0)
		return result;
	result = add_header(request, "Authorization: %s", header);
	oauth_header_free(header);
	return result;
}

static int make_form(struct request *request, const struct request_secrets *secrets,
		     const char *text)
{
	const struct oauth_parameter parameters[] = {{"status", text}, {0}};
	char *escaped = oauth_escape(text);
	int result = escaped && asprintf(&request->body, "status=%s", escaped) >= 0 ? 0 : -ENOMEM;

	free(escaped);
	if (result < 0) {
		request->body = NULL;
		return result;
	}
	result = add_header(request, "Content-Type: application/x-www-form-urlencoded");
	return result == 0 ? sign(request, secrets, parameters) : result;
}

/* The body from members; a name of NULL ends them. */
static int make_json(struct request *request, const struct oauth_parameter *members)
{
	cJSON *object = cJSON_CreateObject();
	bool whole = object != NULL;

	for (; members->name; members++)
		whole = whole && cJSON_AddStringToObject(object, members->name, members->value);
	request->body = whole ? cJSON_PrintUnformatted(object) : NULL;
	cJSON_Delete(object);
	if (!request->body)
		return -ENOMEM;
	return add_header(request, "Content-Type: application/json");
}

static int make_x(struct request *request, const struct post_conf *conf,
		  const struct request_secrets *secrets, const char *text)
{
	const struct oauth_parameter members[] = {{"text", text}, {0}};
	int result;

	if (conf->x.api == POST_X_V11)
		return make_form(request, secrets, text);
	result = make_json(request, members);
	return result == 0 ? sign(request, secrets, NULL) : result;
}

static int make_mastodon(struct request *request, const struct post_conf *conf,
			 const struct request_secrets *secrets, const char *id, const char *text)
{
	const char *language = conf->mastodon.language;
	const struct oauth_parameter members[] = {
		{"status", text},
		{"visibility", post_visibility_words[conf->mastodon.visibility]},
		{language[0] ? "language" : NULL, language},
		{0},
	};
	int result = make_json(request, members);

	if (result == 0)
		result = add_header(request, "Authorization: Bearer %s", secrets->access_token);
	/* Kept for an hour by the instance: within it a repetition is the same post. */
	return result == 0 ? add_header(request, "Idempotency-Key: %s", id) : result;
}

int request_make(const struct post_conf *conf, const struct request_secrets *secrets,
		 const char *id, const char *text, struct request *ret_request, char *ret_error,
		 size_t size)
{
	bool x = conf->service == POST_X;
	int result;

	*ret_request = (struct request){
		.ca_file = x ? conf->x.ca_file : conf->mastodon.ca_file,
	};
	result = x ? take_url(ret_request, conf->x.url, "/2/tweets")
		   : take_url(ret_request, conf->mastodon.url, mastodon_path);
	if (result < 0)
		return sentence_fail(result, ret_error, size, "[%s] url cannot be used",
				     post_service_words[conf->service]);
	result = x ? make_x(ret_request, conf, secrets, text)
		   : make_mastodon(ret_request, conf, secrets, id, text);
	if (result < 0)
		return sentence_fail(result, ret_error, size, "the request cannot be made: %s",
				     result == -EPROTO ? "liboauth cannot sign"
						       : strerrordesc_np(-result));
	return 0;
}

void request_free(struct request *request)
{
	for (size_t i = 0; i < REQUEST_HEADERS && request->headers[i]; i++) {
		explicit_bzero(request->headers[i], strlen(request->headers[i]));
		free(request->headers[i]);
		request->headers[i] = NULL;
	}
	free(request->body);
	request->body = NULL;
}

void request_print(const struct request *request)
{
	static const char secret[] = "Authorization: ";

	printf("POST %s\n", request->url);
	for (size_t i = 0; i < REQUEST_HEADERS && request->headers[i]; i++) {
		const char *header = request->headers[i];
		if (strncmp(header, secret, strlen(secret)) == 0)
			printf("%s%.*s ***\n", secret, (int)strcspn(header + strlen(secret), " "),
			       header + strlen(secret));
		else
			puts(header);
	}
	printf("\n%s\n", request->body);
}
