/* SPDX-License-Identifier: MIT */
/*
 * sign API URL CREDENTIAL_FILE: signs each text of standard input as hostingpi-post does, many of
 * them in one process, so that a verifier can look at thousands. Texts, and the requests on standard output
 * (header lines, an empty line, the body), end with a NUL byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/sample.h"
#include "notifiers/post/request.h"

static int print(struct post_conf *conf, const struct request_secrets *secrets, const char *text)
{
	struct request request;
	char error[256];

	if (request_make(conf, secrets, "id", text, &request, error, sizeof(error)) < 0) {
		fprintf(stderr, "sign: %s\n", error);
		return -1;
	}
	for (size_t i = 0; i < REQUEST_HEADERS && request.headers[i]; i++)
		puts(request.headers[i]);
	printf("\n%s%c", request.body, '\0');
	request_free(&request);
	return 0;
}

int main(int argc, char **argv)
{
	struct post_conf conf = {.service = POST_X};
	struct request_secrets secrets;
	char error[512], *text = NULL;
	size_t size = 0;

	if (argc != 4)
		return 2;
	conf.x.api = strcmp(argv[1], "v1.1") == 0 ? POST_X_V11 : POST_X_V2;
	text_copy(conf.x.url, sizeof(conf.x.url), argv[2]);
	text_copy(conf.x.credential_file, sizeof(conf.x.credential_file), argv[3]);
	if (request_read_secrets(&conf, &secrets, error, sizeof(error)) < 0) {
		fprintf(stderr, "sign: %s\n", error);
		return 1;
	}
	while (getdelim(&text, &size, '\0', stdin) > 0) {
		if (print(&conf, &secrets, text) < 0)
			return 1;
	}
	free(text);
	request_forget_secrets(&secrets);
	return 0;
}
