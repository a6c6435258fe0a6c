/* SPDX-License-Identifier: MIT */
/* The notifier when nothing is posted, its settings, and what the status and the doctor say of it. */
#include <errno.h>

#include "tests/unit/poster-world.h"

static void test_off(void **state)
{
	struct world *world = *state;
	const struct operator_message message = {.id = "1-1", .text = "hi"};
	const struct report report = {.kind = REPORT_MESSAGE, .message = &message};

	for (int i = 0; i < 2; i++) {
		world_close(world);
		nftw(world->run_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
		world->env.dry_run = i == 0;
		world->conf.service = i == 0 ? POST_MASTODON : POST_NONE;
		world_open(world);
		decide(world, CONTROL_HARD);
		assert_int_equal(post_notifier.publish(world->self, &report),
				 i == 0 ? -EPERM : -ENOENT);
		pass(world, 120);
		assert_int_equal(world->batch.samples[0].value, 0);
		assert_int_equal(access(world->run_dir, F_OK), -1); /* nothing was opened */
		assert_true(post_notifier.stop(world->self));
	}
	assert_starts(world, 0);
}

static void test_status_fits_and_parses(void **state)
{
	struct world *world = *state;
	static char buffer[32768];
	struct json json;

	answer_with(world, "\"result\":\"retry\",\"detail\":\"\\\"quoted\\\" and long\"");
	for (int i = 0; i < POST_OUTBOX_PLACES; i++) {
		char id[32];
		snprintf(id, sizeof(id), "%08d-%08d", i, i);
		say(world, id);
	}
	decide(world, CONTROL_NORMAL);
	for (int i = 0; i < 20; i++)
		pass(world, 3601);
	json_start(&json, buffer, sizeof(buffer));
	json_object(&json, NULL);
	post_notifier.status(world->self, &json);
	json_object_end(&json);
	/* The answer has 32 KiB for everything. */
	assert_true(json_finish(&json) > 0 && json.used < 8192);
	assert_non_null(strstr(buffer, "\"waiting\":32,"));
	assert_non_null(strstr(buffer, "\"last_result\":{\"id\":\"00000000-00000000\""));
	assert_non_null(strstr(buffer, "\"why_waiting\":\"the last attempt failed\""));
	assert_non_null(strstr(buffer, "\"next_attempt\":"));
}

static char findings[512];

static void on_finding(void *context, const char *what, const char *text)
{
	(void)context;
	snprintf(findings, sizeof(findings), "%s: %s", what, text);
}

static void test_inspect(void **state)
{
	struct world *world = *state;

	findings[0] = '\0';
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_string_equal(findings, "");
	chmod(world->conf.mastodon.credential_file, 0640);
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_non_null(strstr(findings, "credential_file of [mastodon]: run: chmod 600 "));
	chmod(world->conf.program, 0600);
	chmod(world->conf.mastodon.credential_file, 0600);
	strcpy(world->conf.program, "/nowhere/post");
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_non_null(strstr(findings, "program: /nowhere/post: No such file"));
	write_text(world->conf.mastodon.credential_file, "acces_token = x\n", 0600);
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_non_null(strstr(findings, "line 1"));
	write_text(world->conf.mastodon.credential_file, "# later\n", 0600);
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_non_null(strstr(findings, "has no access_token: add the line access_token = ..."));
	unlink(world->conf.mastodon.credential_file);
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_non_null(strstr(findings, "make it, with mode 0600"));
	/* Where none is set, that is all there is to say, and it was said before. */
	memset(world->conf.mastodon.credential_file, 0,
	       sizeof(world->conf.mastodon.credential_file));
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_null(strstr(findings, "credential_file"));
	strcpy(world->conf.mastodon.ca_file, "/nowhere/ca.pem");
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_string_equal(findings,
			    "ca_file of [mastodon]: /nowhere/ca.pem: No such file or directory");
	world->conf.mastodon.ca_file[0] = findings[0] = '\0';
	world->conf.service = POST_NONE;
	post_notifier.module.inspect(&world->conf, on_finding, NULL);
	assert_string_equal(findings, "");
	world->conf.service = POST_MASTODON;
}

static void test_templates_are_checked(void **state)
{
	struct world *world = *state;
	char error[256];

	strcpy(world->conf.text_shed, "{id} {nonsense}");
	assert_int_equal(post_notifier.module.check(&world->conf, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "text_shed: {nonsense} is unknown here; there are {id}, "));
	world->conf.text_shed[0] = '\0';
	assert_int_equal(post_notifier.module.check(&world->conf, error, sizeof(error)), 0);
	strcpy(world->conf.daily_at, "24:00");
	assert_int_equal(post_notifier.module.check(&world->conf, error, sizeof(error)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_off),
		WORLD_TEST(test_status_fits_and_parses),
		WORLD_TEST(test_inspect),
		WORLD_TEST(test_templates_are_checked),
	};

	return cmocka_run_group_tests_name("posts as shown", tests, NULL, NULL);
}
