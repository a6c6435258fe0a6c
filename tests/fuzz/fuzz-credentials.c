/* SPDX-License-Identifier: MIT */
/*
 * A credential file: whatever its bytes, values end inside their place, a refusal says one line, and
 * what is taken reads back the same.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notifiers/credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char username[16], password[16], again[16], error[128] = "", text[64];
	const struct credential rows[] = {
		{"username", username, sizeof(username)},
		{"password", password, sizeof(password)},
		{NULL, NULL, 0},
	};
	const struct credential one[] = {{"password", again, sizeof(again)}, {NULL, NULL, 0}};
	int result;

	memset(username, 0, sizeof(username));
	memset(password, 0, sizeof(password));
	result = credentials_parse((const char *)data, size, rows, error, sizeof(error));
	check(result == 0 || result == -EINVAL);
	check((result == 0) == (error[0] == '\0'));
	check(!strchr(error, '\n'));
	check(strnlen(username, sizeof(username)) < sizeof(username));
	check(strnlen(password, sizeof(password)) < sizeof(password));
	if (result || !password[0])
		return 0;
	snprintf(text, sizeof(text), "\tpassword=  %s \r\n", password);
	check(credentials_parse(text, strlen(text), one, error, sizeof(error)) == 0);
	check(strcmp(again, password) == 0);
	return 0;
}
