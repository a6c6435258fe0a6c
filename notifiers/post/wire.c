/* SPDX-License-Identifier: MIT */
/*
 * libcurl is told the address with CURLOPT_CONNECT_TO: it connects there, while the name in the URL
 * stays what TLS asks for and checks. Proxies of the environment, redirects and everything but HTTPS are
 * switched off: a message goes where the configuration says, or nowhere.
 */
#include "notifiers/post/wire.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/sample.h"
#include "agent/units.h"
#include "agent/version.h"

/* For TCP and TLS together, so that one address that is silent leaves time for the others. */
#define CONNECT_MS 10000

int wire_open(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

void wire_close(void)
{
	curl_global_cleanup();
}

const char *wire_library(void)
{
	static char text[96];
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	snprintf(text, sizeof(text), "libcurl %s (%s)", info->version,
		 info->ssl_version ? info->ssl_version : "no TLS");
	return text;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
	struct wire_exchange *exchange = context;

	/* A "100 Continue" has headers of its own: only those of the last answer count. */
	if (size * count > 5 && memcmp(line, "HTTP/", 5) == 0)
		exchange->headers = (struct answer_headers){0};
	answer_header(&exchange->headers, line, size * count);
	return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct wire_exchange *exchange = context;
	size_t length = size * count, room = sizeof(exchange->body) - exchange->body_length;

	if (length > room)
		return 0; /* ends the transfer */
	memcpy(exchange->body + exchange->body_length, bytes, length);
	exchange->body_length += length;
	return length;
}

/* Any option that is refused means a libcurl without what we rely on. */
static CURLcode set_up(CURL *curl, const struct request *request, int64_t limit_ms)
{
	static const char agent_prefix[] = "hostingpi-post/";
	char agent[64];
	CURLcode code = CURLE_OK;

	snprintf(agent, sizeof(agent), "%s%s", agent_prefix, hostingpi_version);
#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (code == CURLE_OK)                                                              \
			code = curl_easy_setopt(curl, option, value);                              \
	} while (0)
	SET(CURLOPT_URL, request->url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	if (request->ca_file[0]) {
		SET(CURLOPT_CAINFO, request->ca_file);
		SET(CURLOPT_CAPATH, NULL);
	}
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_TIMEOUT_MS, (long)limit_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)clamp_i64(limit_ms / 3, 1, CONNECT_MS));
	SET(CURLOPT_USERAGENT, agent);
	SET(CURLOPT_POSTFIELDS, request->body);
	SET(CURLOPT_POSTFIELDSIZE, (long)strlen(request->body));
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_WRITEFUNCTION, on_body);
#undef SET
	return code;
}

static struct curl_slist *list_headers(const struct request *request)
{
	/* libcurl would wait for a "100 Continue" before a long body. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	for (size_t i = 0; list && i < REQUEST_HEADERS && request->headers[i]; i++) {
		struct curl_slist *more = curl_slist_append(list, request->headers[i]);
		if (!more) {
			curl_slist_free_all(list);
			return NULL;
		}
		list = more;
	}
	return list;
}

static struct curl_slist *target(const struct request *request, const struct route_address *address)
{
	char text[POST_URL_SIZE + INET6_ADDRSTRLEN + 32];

	snprintf(text, sizeof(text), strchr(address->text, ':') ? "%s:%d:[%s]:%d" : "%s:%d:%s:%d",
		 request->host, request->port, address->text, request->port);
	return curl_slist_append(NULL, text);
}

/* What to do about an error that libcurl only names. */
static const char *advice(CURLcode code)
{
	switch ((int)code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return "; look at url, ca_file and the clock";
	case CURLE_SSL_CACERT_BADFILE:
		return "; look at ca_file";
	default:
		return "";
	}
}

static void take_error(CURL *curl, CURLcode code, const char *said, struct wire_exchange *exchange)
{
	char text[CURL_ERROR_SIZE + 64];
	long requested = 0;

	curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &requested);
	exchange->sent = requested > 0;
	exchange->status = 0;
	if (code == CURLE_WRITE_ERROR)
		snprintf(text, sizeof(text), "the answer is far too long");
	else
		snprintf(text, sizeof(text), "%s%s", said[0] ? said : curl_easy_strerror(code),
			 advice(code));
	text_copy(exchange->error, sizeof(exchange->error), text);
}

int wire_send(const struct request *request, const struct route_address *address, int64_t limit_ms,
	      struct wire_exchange *ret_exchange)
{
	struct curl_slist *headers = list_headers(request), *to = target(request, address);
	char said[CURL_ERROR_SIZE] = "";
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;
	long status = 0;

	memset(ret_exchange, 0, sizeof(*ret_exchange));
	if (curl && headers && to) {
		code = set_up(curl, request, limit_ms);
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, said);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_CONNECT_TO, to);
		curl_easy_setopt(curl, CURLOPT_HEADERDATA, ret_exchange);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, ret_exchange);
		if (code == CURLE_OK)
			code = curl_easy_perform(curl);
	}
	if (code == CURLE_OK) {
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		ret_exchange->sent = true;
		ret_exchange->status = (int)status;
	} else if (curl) {
		take_error(curl, code, said, ret_exchange);
	}
	curl_slist_free_all(headers);
	curl_slist_free_all(to);
	curl_easy_cleanup(curl);
	return code == CURLE_OK ? 0 : -ECONNABORTED;
}
