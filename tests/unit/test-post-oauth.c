/* SPDX-License-Identifier: MIT */
/* The signatures that others have published, and what happens with keys that cannot be signed with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <oauth.h>

#include "notifiers/post/oauth.h"

/* The example of X's documentation ("Creating a signature"); these keys never were real. */
static const struct oauth_keys x_keys = {
	.consumer_key = "xvz1evFS4wEEPTGEFPHBog",
	.consumer_secret = "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw",
	.token = "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb",
	.token_secret = "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE",
};

static void assert_signature(const char *header, const char *escaped)
{
	const char *place = strstr(header, "oauth_signature=\"");

	assert_non_null(place);
	place += strlen("oauth_signature=\"");
	assert_memory_equal(place, escaped, strlen(escaped));
	assert_int_equal(place[strlen(escaped)], '"');
}

static void test_example_of_x(void **state)
{
	static const struct oauth_parameter parameters[] = {
		{"include_entities", "true"},
		{"status", "Hello Ladies + Gentlemen, a signed OAuth request!"},
		{0},
	};
	const struct oauth_once once = {"kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg", 1318622958};
	char *header;
	(void)state;

	assert_int_equal(oauth_header("https://api.twitter.com/1.1/statuses/update.json",
				      parameters, &x_keys, &once, &header),
			 0);
	assert_signature(header, "hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D");
	assert_non_null(strstr(header, "oauth_consumer_key=\"xvz1evFS4wEEPTGEFPHBog\""));
	assert_null(strstr(header, "status"));
	assert_null(strstr(header, x_keys.token_secret));
	assert_null(strstr(header, x_keys.consumer_secret));
	oauth_header_free(header);
}

/* RFC 5849, section 3.4.1.1 has the base string; the signature over it is that of erratum 2550. */
static void test_example_of_rfc5849(void **state)
{
	static const char base[] =
		"POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q"
		"%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_"
		"key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_m"
		"ethod%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk"
		"9d7dh3k39sjv7";
	char *signature = oauth_sign_hmac_sha1(base, "j49sk3j29djd&dh893hdasih9");
	(void)state;

	assert_string_equal(signature, "r6/TJjbCOr97/+UU0NsvSne7s5g=");
	free(signature);
}

static void test_json_is_not_signed(void **state)
{
	struct oauth_once once;
	char *one, *other;
	(void)state;

	assert_int_equal(oauth_once_make(&once), 0);
	assert_int_equal(oauth_header("https://api.x.com/2/tweets", NULL, &x_keys, &once, &one), 0);
	assert_int_equal(oauth_header("https://api.x.com/2/tweets", NULL, &x_keys, &once, &other),
			 0);
	assert_string_equal(one, other); /* nothing else in it varies */
	oauth_header_free(one);
	oauth_header_free(other);
}

static void test_nonces(void **state)
{
	static char seen[1000][OAUTH_NONCE_SIZE];
	(void)state;

	for (size_t i = 0; i < 1000; i++) {
		struct oauth_once once;
		assert_int_equal(oauth_once_make(&once), 0);
		assert_int_equal(strlen(once.nonce), OAUTH_NONCE_LENGTH);
		for (const char *c = once.nonce; *c; c++)
			assert_true(isalnum((unsigned char)*c));
		strcpy(seen[i], once.nonce);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[k], once.nonce);
	}
}

static void test_refused_keys(void **state)
{
	struct oauth_once once;
	char big[OAUTH_KEY_SIZE + 1], *header = NULL;
	struct oauth_keys keys = x_keys;
	(void)state;

	assert_int_equal(oauth_once_make(&once), 0);
	memset(big, 'k', OAUTH_KEY_SIZE);
	big[OAUTH_KEY_SIZE] = '\0';
	keys.token = big;
	assert_int_equal(oauth_header("https://a.example/b", NULL, &keys, &once, &header), -EINVAL);
	big[OAUTH_KEY_SIZE - 1] = '\0';
	assert_int_equal(oauth_header("https://a.example/b", NULL, &keys, &once, &header), 0);
	assert_non_null(strstr(header, big)); /* not cut */
	oauth_header_free(header);
	header = NULL;
	keys.token_secret = "";
	assert_int_equal(oauth_header("https://a.example/b", NULL, &keys, &once, &header), -EINVAL);
	assert_null(header);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_of_x),
		cmocka_unit_test(test_example_of_rfc5849),
		cmocka_unit_test(test_json_is_not_signed),
		cmocka_unit_test(test_nonces),
		cmocka_unit_test(test_refused_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
